"""Lineage as OpenLineage's own classes take it."""

import json
import shutil

import pytest
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated import dataset_version_dataset, execution_parameters_run

from pipeline.openlineage import list_events
from pipeline.steps import STEPS
from schemas.errors import UserError


@pytest.fixture(scope="module")
def events(demo_root):
    return list(list_events(str(demo_root)))


def to_openlineage(event: dict) -> RunEvent:
    """Builds the event from OpenLineage's classes, which check identifiers, times and addresses, and know no other fields."""
    version, parameters = (
        dataset_version_dataset.DatasetVersionDatasetFacet,
        execution_parameters_run.ExecutionParametersRunFacet,
    )

    def build(facets: dict, known: dict) -> dict:
        built = {}
        for name, facet in facets.items():
            fields = {key: value for key, value in facet.items() if not key.startswith("_")}
            built[name] = known[name](**fields, producer=facet["_producer"])
            assert built[name]._get_schema() == facet["_schemaURL"]
        return built

    def datasets(kind, listed: list) -> list:
        return [kind(each["namespace"], each["name"], build(each["facets"], {"version": version})) for each in listed]

    run = Run(event["run"]["runId"], build(event["run"]["facets"], {"executionParameters": parameters}))
    return RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=RunState[event["eventType"]],
        run=run,
        job=Job(**event["job"]),
        inputs=datasets(InputDataset, event["inputs"]),
        outputs=datasets(OutputDataset, event["outputs"]),
    )


def test_events_are_what_openlineages_classes_take(events):
    for event in events:
        assert to_openlineage(event).schemaURL == event["schemaURL"]
        assert event.keys() == {"run", "job", "producer", "schemaURL", "eventType", "eventTime", "inputs", "outputs"}


def test_a_time_or_an_identifier_that_is_none_is_refused_by_them(events):
    for wrong in (events[0] | {"eventTime": "yesterday"}, events[0] | {"run": {"runId": "1", "facets": {}}}):
        with pytest.raises(ValueError, match=r"invalid literal|badly formed"):
            to_openlineage(wrong)


def test_each_step_starts_and_completes_and_reads_what_another_made(events):
    assert [(event["job"]["name"], event["eventType"]) for event in events] == [
        (step.name, kind) for step in STEPS for kind in ("START", "COMPLETE")
    ]
    made = {}
    for start, complete in zip(events[::2], events[1::2], strict=True):
        assert start["run"] == complete["run"] and start["eventTime"] <= complete["eventTime"]
        assert all(made[read["name"]] == read["facets"]["version"] for read in complete["inputs"])
        made |= {out["name"]: out["facets"]["version"] for out in complete["outputs"]}


def test_the_command_prints_a_line_an_event(run, demo_root, events):
    assert [json.loads(line) for line in run("ser_tinyml", "lineage", demo_root).stdout.splitlines()] == events


def test_a_step_whose_files_are_gone_is_told(demo_root, tmp_path):
    shutil.copy(demo_root / "lineage.json", tmp_path)
    (tmp_path / "manifest").mkdir()
    with pytest.raises(UserError, match="run example_gen again"):
        list(list_events(str(tmp_path)))
