"""What each step read, made and was run with, by SHA-256; a finished step is not run twice."""

import dataclasses
import hashlib
import importlib.metadata
import itertools
import json
from typing import Any

from pipeline.steps import STEPS, Step
from schemas.classes import PRESETS
from schemas.errors import UserError
from schemas.run_files import RunHistory, StepRun
from ser_tinyml import corpora
from ser_tinyml.corpora.own import Reading
from ser_tinyml.judging.predicted import digest_predictions
from ser_tinyml.store import artifact, files, run_files
from ser_tinyml.store.code_digest import digest_code
from ser_tinyml.store.digests import sha256_of, sha256_of_model

_LIBRARIES = (
    *("apache-beam", "librosa", "numpy", "scipy", "soundfile", "soxr", "tensorflow", "tensorflow-io"),
    *("tensorflow-model-optimization", "tf-keras", "tflite-micro"),
)


class Lineage:
    """ROOT/lineage.json."""

    def __init__(self, root: str):
        """Reads what is there; a file that can't be read is set aside, with a line on the console, and no step is finished."""
        self._root = root
        self._steps: dict[str, StepRun] = {}
        path = files.join(root, RunHistory.FILE_NAME)
        if not files.exists(path):
            return
        try:
            self._steps = run_files.read(RunHistory, root).steps
        except UserError as error:
            aside = next(name for n in itertools.count(1) if not files.exists(name := f"{path}.damaged-{n}"))
            files.rename(path, aside)
            print(f"{error}; set aside as {aside}, all steps run again", flush=True)

    def describe_run(self, step: Step, parameters: Any) -> StepRun:
        """Returns all that decides what a step makes: its code, libraries, parameters, and the content of what it reads."""
        changing = [field.name for field in dataclasses.fields(parameters) if not field.metadata["affects_output"]]
        values = {name: value for name, value in dataclasses.asdict(parameters).items() if name not in changing}
        read = {name: self._steps[writer].output for name, writer in _find_writers(step).items()}
        if path := values.get("model_path"):
            read["model_path"] = sha256_of_model(path)
        if baseline := values.get("baseline"):
            read["baseline"] = digest_predictions(baseline)
        if directory := values.get("noise_dir"):
            read["noise_dir"] = _digest_listing(directory)
        if (classes := values.get("classes")) and classes not in PRESETS:
            read["classes"] = sha256_of(classes)
        reading = Reading.parse(values.get("speaker_from", ""), values.get("columns", ""))
        for corpus in values.get("corpus", ()):
            read[f"corpus {corpus}"] = _digest(corpora.list_states(corpora.parse_corpus_flag(corpus), reading))
        return StepRun(
            code=digest_code(f"components.{step.name}.component"),
            libraries={name: importlib.metadata.version(name) for name in _LIBRARIES},
            parameters=json.loads(json.dumps(values)),
            inputs=read,
            output="",
        )

    def is_finished(self, step: Step, run: StepRun) -> bool:
        """Tells whether the step ran just so before, and all that it made is still there, unchanged."""
        recorded = self._steps.get(step.name)
        if not recorded or dataclasses.replace(recorded, output="") != run:
            return False
        try:
            return artifact.verify(files.join(self._root, step.output)) == recorded.output
        except UserError:
            return False

    def begin(self, step: Step) -> None:
        """Forgets the step's last run."""
        self._steps.pop(step.name, None)
        self._write()

    def finish(self, step: Step, run: StepRun) -> None:
        """Records what the step made."""
        self._steps[step.name] = dataclasses.replace(run, output=artifact.digest(files.join(self._root, step.output)))
        self._write()

    def _write(self) -> None:
        run_files.write(RunHistory(self._steps), self._root)


def _find_writers(step: Step) -> dict[str, str]:
    """Returns the step that makes each artifact that a step reads."""
    makers = {made.output: made.name for made in STEPS}
    return {name: makers[path.partition("/")[0]] for name, path in step.inputs.items()}


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _digest_listing(directory: str) -> str:
    """Returns a digest of the names, sizes and times of all files below a directory; reading them is the step's own work."""
    return _digest(files.list_file_states(directory))
