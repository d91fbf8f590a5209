"""`ser-tinyml evaluate MODEL --corpus=folder:DIR --output=DIR`: a finished model on any recordings, all of them held out.

MODEL is the root of a run, an export, a firmware bundle, a Keras model or a TFLite file. The output gets the folders that a run
has of the steps that judge: manifest, examples, evaluation and report.
"""

import dataclasses
import math
import sys
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from components.command_line import define_json, run_command, told_beside
from components.evaluator import parameters as evaluator
from components.example_gen import parameters as example_gen
from components.reporter import parameters as reporter
from components.step import StepParameters, define_flags, define_output, load_component, name_step, parameter
from components.transform import parameters as transform
from schemas.classes import PRESETS
from schemas.errors import UsageError, UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.run_files import Dataset, Evaluation, Export, RunHistory
from ser_tinyml.audio.limits import read_front_end
from ser_tinyml.audio.standardise import read_standardisation
from ser_tinyml.judging import verdicts
from ser_tinyml.store import files, run_files
from ser_tinyml.store.finished_model import Interface, find_model
from ser_tinyml.store.lock import locked

if TYPE_CHECKING:
    from ser_tinyml.judging.subject import Subject

# The flags of the steps that a finished model leaves open.
_OPEN = {
    example_gen: ("corpus", "speaker_from", "columns", "max_unreadable_fraction"),
    transform: (
        *("crop", "windows", "noisy", "noise_dir", "max_crop_seconds", "max_channels", "max_clipped_fraction"),
        "max_quarantine_fraction",
    ),
    evaluator: (),  # all of them
}
RUNTIMES = ("keras", "float", "dynamic", "int8", "tflm", "fake_quantized")

_SOUND = ("crop", "windows", "padding", "load_rate")  # what a run's own recordings were prepared with


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """What a model's file does not say."""

    runtime: tuple[str, ...] = parameter(
        (),
        "A form of the model that is judged: keras, float, dynamic, int8, tflm; may be given several times. By default all "
        "that are there.",
    )
    classes: str = parameter(
        "",
        f"The classes of a file, in the order of its outputs: {', '.join(PRESETS)} (by default four), or a JSON file. A run or "
        "a bundle knows its own; a JSON file with the same names then says which emotions each takes.",
    )
    model_front_end: str = parameter(
        "", "The front end of a file: JSON with parameters of schemas/front_end.py; by default the usual one."
    )
    model_standardisation: str = parameter(
        "none",
        "What a file takes: none (raw MFCCs), dataset (standardised with the constants of these recordings), or a JSON file "
        '{"mean": [...], "deviation": [...]}.',
    )

    def check_is_of_a_file(self, model: str) -> None:
        """Raises UsageError for what only a file needs to be told."""
        for flag, default in (("model_front_end", ""), ("model_standardisation", "none")):
            if getattr(self, flag) != default:
                raise UsageError(f"--{flag} is of a file; {model} knows its own")


def evaluate(model: str, corpus: Sequence[str], output: str, **options: Any) -> Evaluation:
    """Judges a finished model on recordings, all of which are held out; they may lack classes.

    Args:
      model: the root of a run, an export, a firmware bundle, a Keras model or a TFLite file.
      corpus: recordings, as `--corpus` names them.
      output: directory for manifest, examples, evaluation and report.
      **options: flags of `ser-tinyml evaluate`, by their names.

    Returns:
      What output/evaluation/evaluation.json holds.

    Raises:
      UserError: the model or the recordings can't be used; UsageError for a wrong option.
    """
    own = {field.name for field in dataclasses.fields(Parameters)}
    steps = {field.name for step in _OPEN for field in dataclasses.fields(step.Parameters)}
    if unknown := sorted(set(options) - own - steps):
        raise UsageError(f"{unknown[0]}: there is no such option; there are {', '.join(sorted(own | steps))}")
    parameters = Parameters(**{name: value for name, value in options.items() if name in own})
    if wrong := [name for name in parameters.runtime if name not in RUNTIMES]:
        raise UsageError(f"--runtime={wrong[0]}: unknown; known are {', '.join(RUNTIMES)}")
    others = {name: value for name, value in options.items() if name not in own}
    if files.exists(files.join(output, RunHistory.FILE_NAME)):
        raise UsageError(f"{output} is the root of a run, whose folders stay as they are: give another output")
    with locked(output), tempfile.TemporaryDirectory() as scratch:
        return _evaluate(model, parameters, others | {"corpus": tuple(corpus)}, output, scratch)


def _evaluate(model: str, parameters: Parameters, options: dict[str, Any], output: str, scratch: str) -> Evaluation:
    manifest, examples, evaluation = (files.join(output, name) for name in ("manifest", "examples", "evaluation"))
    found = find_model(model)
    exported = found.exported
    if exported:
        parameters.check_is_of_a_file(model)
    front_end = exported.front_end if exported else FrontEnd()
    if parameters.model_front_end:
        front_end = read_front_end(parameters.model_front_end, front_end)
    classes = parameters.classes or ("" if exported else "four")
    if exported and not classes:
        classes = files.join(scratch, "classes.json")
        files.write_json(classes, list_classes(exported))
    as_trained = _find_sound_parameters(model)
    steps = {
        example_gen: _fill(example_gen, options, classes=classes, split="test"),
        transform: _fill(transform, as_trained | options, **describe_front_end(front_end), augment=("none",)),
        evaluator: _fill(evaluator, options),
    }
    if (made := steps[transform].make_front_end()) != front_end:
        raise UserError(f"{model} has a front end that no flags describe: {front_end}, not {made}")
    from ser_tinyml.judging.subject import load_export  # with TensorFlow

    load_component("example_gen").run(output=manifest, parameters=steps[example_gen])
    rows = files.join(manifest, "manifest.jsonl")
    load_component("transform").run(output=examples, parameters=steps[transform], manifest=rows)
    subject = load_export(found.export, found.trained) if exported else _load_file(model, parameters, examples)
    if parameters.runtime:
        subject = subject.only(parameters.runtime)
    load_component("evaluator").judge(
        output=evaluation, parameters=steps[evaluator], examples=examples, manifest=manifest, subject=subject
    )
    report = files.join(output, "report")
    load_component("reporter").run(
        output=report, parameters=reporter.Parameters(), manifest=manifest, examples=examples, evaluation=evaluation
    )
    print(f"\n{verdicts.format_table(evaluation)}\n\n{files.join(report, 'index.html')}")
    return run_files.read(Evaluation, evaluation)


def _find_sound_parameters(model: str) -> dict[str, Any]:
    """Returns how the recordings of a run were prepared, by its data job's flags; of other models the defaults."""
    examples = files.join(model, "examples")
    if not files.is_folder(model) or not files.exists(files.join(examples, Dataset.FILE_NAME)):
        return {}
    stored = run_files.read(Dataset, examples).parameters
    crop = [crop for crop in stored["crop"] if crop.count(":") == 1]  # that of all corpora
    return {name: tuple(crop) if name == "crop" else stored[name] for name in _SOUND if name != "crop" or crop}


def _load_file(path: str, parameters: Parameters, examples: str) -> "Subject":
    from ser_tinyml.judging.subject import load_file

    dataset = run_files.read(Dataset, examples)
    given, n_features = parameters.model_standardisation, dataset.front_end.n_features
    standardisation = {"none": Standardisation.identity(n_features), "dataset": dataset.standardisation}.get(given)
    constants = standardisation or read_standardisation(given, n_features)
    return load_file(path, Interface(dataset.labels, dataset.front_end, constants))


def list_classes(exported: Export) -> dict:
    """Returns a model's classes as --classes reads them: each takes the emotions that it was trained with, and its own name."""
    taken: dict[str, list[str]] = {label: [] for label in exported.labels}
    for emotion, label in exported.label_of_emotion.items():
        taken[label].append(emotion)
    for label, emotions in taken.items():
        if label not in exported.label_of_emotion:
            emotions.append(label)
    leds = zip(taken.items(), exported.leds, strict=True)
    return {"classes": [{"name": label, "emotions": emotions, "led": led} for (label, emotions), led in leds]}


def describe_front_end(front_end: FrontEnd) -> dict[str, Any]:
    """Returns the data job's flags that make a front end."""
    names = (
        "sample_rate",
        "n_fft",
        "hop_length",
        "center",
        "n_mels",
        "fmin",
        "fmax",
        "n_mfcc",
        "streaming",
        "cmvn_prior_windows",
    )
    floor = (
        {"top_db": front_end.top_db} if front_end.top_db else {"floor_db": round(10 * math.log10(front_end.amin), 9)}
    )
    seconds = {
        "window_seconds": front_end.window_samples / front_end.sample_rate,
        "window_hop": front_end.window_hop_samples / front_end.sample_rate,
    }
    prosody = ",".join(front_end.prosody)
    return {name: getattr(front_end, name) for name in names} | seconds | floor | {"prosody": prosody}


def _fill(step: Any, options: dict[str, Any], **fixed: Any) -> Any:
    """Returns a step's parameters, of the options that are its own."""
    names = {field.name for field in dataclasses.fields(step.Parameters)}
    return step.Parameters(**{name: value for name, value in options.items() if name in names} | fixed)


def execute(flag_values: flags.FlagValues, _: list[str]) -> None:
    """Judges, and raises GateFailed where the model is not blessed."""
    given = {name for name in flag_values if flag_values[name].present}
    kinds = [Parameters, *(step.Parameters for step in _OPEN)]
    named = {field.name for kind in kinds for field in dataclasses.fields(kind)} & given - {"corpus"}
    options = {name: flag_values[name].value for name in sorted(named)}
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    output = flag_values["output"].value
    as_json = flag_values["json"].value
    with told_beside(as_json):
        evaluate(flag_values["model"].value, flag_values["corpus"].value, output, **options)
    if as_json:
        print(verdicts.format_json(files.join(output, "evaluation")))
    verdicts.require_blessed(files.join(output, "evaluation"))


def main() -> None:
    """Runs `ser-tinyml evaluate`."""
    if sys.argv[1:] and not sys.argv[1].startswith("-"):
        sys.argv[1] = f"--model={sys.argv[1]}"
    flags.DEFINE_string(
        "model", None, "The model; `evaluate MODEL` says it, too.", module_name="evaluate", required=True
    )
    define_output("output", "evaluate", "Directory to write to.")
    define_json("evaluate")
    define_flags(Parameters, "evaluate")
    for step, only in _OPEN.items():
        define_flags(step.Parameters, name_step(step), only=only)
    run_command(execute)


if __name__ == "__main__":
    main()
