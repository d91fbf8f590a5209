"""The request that Dataflow would get for the bulk job, built by Beam's own dry run: no cloud can be reached from a test."""

import json

import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient

from components.beam_options import make_options
from components.bulk_inference import job

FLAGS = [
    "--runner=DataflowRunner",
    "--project=my-project",
    "--region=europe-west1",
    "--temp_location=gs://my-bucket/temp",
    "--staging_location=gs://my-bucket/staging",
    "--setup_file=./setup.py",
    "--job_name=ser-bulk",
    "--machine_type=n2-standard-4",
    "--dry_run=true",
    "--no_auth",
]


@pytest.fixture(scope="module")
def request_and_pipeline(tmp_path_factory):
    """(the request as JSON, the pipeline that it runs); files are staged in a local folder, in place of the bucket."""
    settings = job.JobSettings(
        model="gs://my-bucket/run",
        runtime="engine",
        described={},
        labels=("calm", "upset"),
        format="parquet",
        num_shards=8,
    )
    inputs, output = ("gs://my-bucket/recordings",), "gs://my-bucket/said"
    prepared = job.run_job(inputs, output=output, settings=settings, options=make_options(FLAGS)).job
    stage = tmp_path_factory.mktemp("stage")
    prepared.options.view_as(GoogleCloudOptions).staging_location = str(stage)
    DataflowApplicationClient(prepared.options, str(stage)).create_job_description(prepared)
    return json.loads(str(prepared)), beam_runner_api_pb2.Pipeline.FromString((stage / "pipeline.pb").read_bytes())


def test_the_request_is_that_of_the_flags(request_and_pipeline):
    request, _ = request_and_pipeline
    assert request["name"] == "ser-bulk"
    (pool,) = (pool for pool in request["environment"]["workerPools"] if pool["kind"] == "harness")
    assert pool["machineType"] == "n2-standard-4"


def test_the_pipeline_predicts_by_beams_run_inference_and_every_worker_gets_the_package(request_and_pipeline):
    _, pipeline = request_and_pipeline
    components = pipeline.components
    names = {transform.unique_name for transform in components.transforms.values()}
    assert {
        "List recordings",
        "Spread recordings",
        "Predict",
        "Write shard",
        "Write quarantine",
        "Write counts",
    } <= names
    assert "Predict/BeamML_RunInference" in names
    for environment in components.environments.values():
        staged = [
            beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(each.role_payload).staged_name
            for each in environment.dependencies
        ]
        assert "workflow.tar.gz" in staged
