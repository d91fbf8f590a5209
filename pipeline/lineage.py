"""What each step read, made and was run with, by SHA-256; a finished step is not run twice."""

import dataclasses
import hashlib
import importlib.metadata
import json
import pathlib
from typing import Any

from pipeline.steps import Step
from ser_tinyml import corpora
from ser_tinyml.store import files
from ser_tinyml.store.code_digest import digest_code
from ser_tinyml.store.digests import sha256_of

_LIBRARIES = (
    *("apache-beam", "librosa", "numpy", "scipy", "soundfile", "soxr", "tensorflow", "tensorflow-io"),
    *("tensorflow-model-optimization", "tf-keras", "tflite-micro"),
)


class Lineage:
    """ROOT/lineage.json."""

    def __init__(self, root: str):
        self._root = root
        self._path = files.join(root, "lineage.json")
        self._steps: dict[str, dict] = {}
        if files.exists(self._path):
            self._steps = files.read_json(self._path)["steps"]

    def describe_run(self, step: Step, parameters: Any) -> dict:
        """Returns all that decides what a step makes: its code, libraries, parameters, and the content of what it reads."""
        changing = [field.name for field in dataclasses.fields(parameters) if not field.metadata["affects_output"]]
        values = {name: value for name, value in dataclasses.asdict(parameters).items() if name not in changing}
        read = {name: self._digest_input(path) for name, path in step.inputs.items()}
        if path := values.get("model_path"):
            read["model_path"] = sha256_of(path)
        if directory := values.get("noise_dir"):
            read["noise_dir"] = _digest_listing(directory)
        for corpus in values.get("corpus", ()):
            read[f"corpus {corpus}"] = _digest_listing(corpora.parse_corpus_flag(corpus)[1])
        return {
            "code": digest_code(step.component.__name__),
            "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
            "parameters": json.loads(json.dumps(values)),
            "inputs": read,
        }

    def is_finished(self, step: Step, run: dict) -> bool:
        """Tells whether the step ran just so before, and all that it made is still there, unchanged."""
        recorded = self._steps.get(step.name, {})
        return recorded.get("run") == run and recorded["outputs"] == self._digest_outputs(step)

    def begin(self, step: Step) -> None:
        """Forgets the step's last run and clears what that made, but not a backup from which it may go on."""
        self._steps.pop(step.name, None)
        self._write()
        made = self._list_outputs(step)
        backup = files.join(self._root, step.output, "backup", "")
        files.delete_files([path for path in made if not path.startswith(backup)])

    def finish(self, step: Step, run: dict) -> None:
        """Records what the step made."""
        self._steps[step.name] = {"run": run, "outputs": self._digest_outputs(step)}
        self._write()

    def _write(self) -> None:
        files.write_json(self._path, {"steps": self._steps})

    def _digest_input(self, path: str) -> str:
        """Returns a digest of an artifact's files; of one that is a file, which alone has a suffix, of the file itself."""
        full = files.join(self._root, path)
        found = [full] if pathlib.PurePosixPath(path).suffix else files.list_files(full)
        return _digest({file[len(self._root) :]: sha256_of(file) for file in found if files.exists(file)})

    def _digest_outputs(self, step: Step) -> dict[str, str]:
        below = len(files.join(self._root, ""))
        return {path[below:]: sha256_of(path) for path in self._list_outputs(step)}

    def _list_outputs(self, step: Step) -> list[str]:
        return files.list_files(files.join(self._root, step.output))


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _digest_listing(directory: str) -> str:
    """Returns a digest of the names, sizes and times of all files below a directory; reading them is the step's own work."""
    return _digest(files.list_file_states(directory))
