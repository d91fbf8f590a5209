"""Prints what each step of a run read and made as OpenLineage events, a line of JSON each: START and COMPLETE of a step.

The times are those of the first and the last file that the step wrote; a step that was killed has no events.
"""

import argparse
import datetime
import json
import os
import re
import uuid
from collections.abc import Iterator
from typing import Any

from pipeline.steps import STEPS, Step
from schemas.errors import UserError
from schemas.run_files import RunHistory, StepRun
from ser_tinyml.cli.arguments import new_parser, run_command
from ser_tinyml.store import files, run_files
from ser_tinyml.version import VERSION

_PRODUCER = f"urn:ser-tinyml:{VERSION}"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_VERSION_FACET = f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_PARAMETERS_FACET = f"{_SPEC}/facets/1-0-0/ExecutionParametersRunFacet.json#/$defs/ExecutionParametersRunFacet"


def main() -> None:
    """Runs `ser-tinyml lineage`."""
    parser = new_parser(__doc__)
    parser.add_argument("root", metavar="ROOT", help="of a run")
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    for event in list_events(arguments.root):
        print(json.dumps(event))


def list_events(root: str) -> Iterator[dict[str, Any]]:
    """Yields the events of a run's finished steps, in the order of the steps.

    Raises:
      UserError: there is no lineage.json, or what a step made is gone.
    """
    history = run_files.read(RunHistory, root).steps
    for step in STEPS:
        if step.name in history:
            yield from _tell_step(root, step, history[step.name], history)


def _tell_step(root: str, step: Step, run: StepRun, history: dict[str, StepRun]) -> Iterator[dict[str, Any]]:
    times = [time for _, _, time in files.list_file_states(files.join(root, step.output))]
    if not times:
        raise UserError(f"{files.join(root, step.output)} is empty: run {step.name} again")
    writers = {made.output: made.name for made in STEPS}
    event = {
        "run": {
            "runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{_PRODUCER}/{step.name}/{max(times)}/{run.output}")),
            "facets": {"executionParameters": _facet(_PARAMETERS_FACET, parameters=_list_parameters(run))},
        },
        "job": {"namespace": "ser-tinyml", "name": step.name, "facets": {}},
        "producer": _PRODUCER,
        "schemaURL": _EVENT,
    }
    inputs = [path.partition("/")[0] for path in step.inputs.values()]
    read = [_tell_folder(root, name, history[writers[name]].output) for name in inputs if writers[name] in history]
    made = [_tell_folder(root, step.output, run.output)]
    begun = {"eventType": "START", "eventTime": _tell_time(min(times)), "inputs": read, "outputs": []}
    yield event | begun
    yield event | {"eventType": "COMPLETE", "eventTime": _tell_time(max(times)), "inputs": read, "outputs": made}


def _list_parameters(run: StepRun) -> list[dict[str, str]]:
    return [{"key": name, "value": json.dumps(value)} for name, value in run.parameters.items()]


def _tell_folder(root: str, name: str, digest: str) -> dict[str, Any]:
    """Returns an artifact as a dataset, named as OpenLineage names files: by what opens it, and the path there."""
    path = files.join(root, name)
    bucket = re.fullmatch(r"(\w+://[^/]+)/(.*)", path)
    namespace, below = bucket.groups() if bucket else ("file", os.path.abspath(path))
    return {"namespace": namespace, "name": below, "facets": {"version": _facet(_VERSION_FACET, datasetVersion=digest)}}


def _facet(schema: str, **fields: Any) -> dict[str, Any]:
    return {"_producer": _PRODUCER, "_schemaURL": schema, **fields}


def _tell_time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


if __name__ == "__main__":
    main()
