"""The request that Dataflow would get, built by Beam's own dry run: no cloud can be reached from a test."""

import json
import tarfile

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient

from components.transform import component, job
from schemas.manifest import ManifestRow
from ser_tinyml.store.manifest import write_manifest

FLAGS = [
    "--runner=DataflowRunner",
    "--project=my-project",
    "--region=europe-west1",
    "--temp_location=gs://my-bucket/temp",
    "--staging_location=gs://my-bucket/staging",
    "--setup_file=./setup.py",
    "--job_name=ser-transform",
    "--machine_type=n2-standard-4",
    "--max_num_workers=20",
    "--disk_size_gb=30",
    "--number_of_worker_harness_threads=4",
    "--dry_run=true",
    "--no_auth",
]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, write_summary) -> str:
    path = str(tmp_path_factory.mktemp("dataflow") / "manifest.jsonl")
    write_manifest(
        path, [ManifestRow("ab", "gs://b/x.wav", "tess", "OAF", "happy", "happy", "train", 2.0, 24_414, False)]
    )
    write_summary(path)
    return path


@pytest.fixture(scope="module")
def settings(manifest, write_summary):
    return component.make_settings(component.Parameters(), write_summary(manifest), manifest)


@pytest.fixture(scope="module")
def dry_run(manifest, settings):
    """Beam's job, as it would be submitted."""
    options = component.make_options(FLAGS)
    return job.run_job(manifest, output="gs://my-bucket/examples", settings=settings, options=options).job


@pytest.fixture(scope="module")
def request_and_stage(dry_run, tmp_path_factory):
    """(the request as JSON, the directory that its files are staged in: a local one, in place of the bucket)."""
    stage = tmp_path_factory.mktemp("stage")
    dry_run.options.view_as(GoogleCloudOptions).staging_location = str(stage)
    DataflowApplicationClient(dry_run.options, str(stage)).create_job_description(dry_run)
    return json.loads(str(dry_run)), stage


def step_names(pipeline: beam_runner_api_pb2.Pipeline) -> list[str]:
    transforms = pipeline.components.transforms
    (root,) = (transforms[name] for name in pipeline.root_transform_ids)
    return [transforms[name].unique_name for name in root.subtransforms]


def test_the_steps_are_those_of_the_local_job(dry_run, manifest, settings):
    local = beam.Pipeline(options=component.make_options([]))
    job.build_job(local, manifest, output="gs://my-bucket/examples", settings=settings)
    names = step_names(local.to_runner_api())
    assert "Make records" in names and "Group by shard" in names
    assert sorted(step_names(dry_run.proto_pipeline)) == sorted(names)


def test_what_is_staged_is_the_project_as_setup_py_packs_it(request_and_stage):
    _, stage = request_and_stage
    assert {"workflow.tar.gz", "pipeline.pb"} <= {path.name for path in stage.iterdir()}
    with tarfile.open(stage / "workflow.tar.gz") as package:
        names = {name.split("/", 1)[-1] for name in package.getnames()}
        metadata = next(name for name in package.getnames() if name.endswith("PKG-INFO"))
        requirements = package.extractfile(metadata).read().decode()
    assert {"components/transform/job.py", "ser_tinyml/audio/mfcc.py", "schemas/record.py", "setup.py"} <= names
    needed = [line for line in requirements.splitlines() if line.startswith("Requires-Dist:") and "extra" not in line]
    packages = {line.split(":")[1].split("=")[0].split("<")[0].split(">")[0].strip() for line in needed}
    assert {"soundfile", "soxr", "scipy", "numpy"} <= packages, "audio libraries come with the package"
    assert not {
        package for package in packages if package.startswith("tensorflow") and package != "tensorflow-metadata"
    }


def test_every_worker_environment_gets_the_package(dry_run, request_and_stage):
    pipeline = beam_runner_api_pb2.Pipeline.FromString((request_and_stage[1] / "pipeline.pb").read_bytes())
    environments = pipeline.components.environments.values()
    assert environments
    for environment in environments:
        staged = [
            beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(d.role_payload).staged_name
            for d in environment.dependencies
        ]
        assert "workflow.tar.gz" in staged


def test_the_worker_options_are_those_of_the_flags(request_and_stage):
    request, _ = request_and_stage
    assert request["name"] == "ser-transform"
    (pool,) = (pool for pool in request["environment"]["workerPools"] if pool["kind"] == "harness")
    assert pool["machineType"] == "n2-standard-4"
    assert pool["diskSizeGb"] == 30
    assert pool["autoscalingSettings"]["maxNumWorkers"] == 20
    (image,) = pool["sdkHarnessContainerImages"]
    assert "beam_python3.1" in image["containerImage"]
    options = request["environment"]["sdkPipelineOptions"]["options"]
    assert options["number_of_worker_harness_threads"] == 4
    assert options["save_main_session"] is False


def test_a_dry_run_writes_nothing_and_says_so(run, manifest, tmp_path):
    flags = [flag for flag in FLAGS if "gs://" not in flag]
    output = tmp_path / "out"
    locations = ["--temp_location=gs://my-bucket/temp", "--staging_location=gs://my-bucket/staging"]
    result = run("components.transform", f"--manifest={manifest}", f"--output={output}", *flags, *locations)
    assert "prepared and not run" in result.stdout
    assert not output.exists()
