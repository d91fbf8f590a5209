"""What every step shares: its parameters, a dataclass, are its flags, its inputs are flags, too, and its folder is its own."""

import dataclasses
import functools
import gc
import importlib
import os
import pathlib
import re
import types
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from absl import flags

from components.command_line import run_command
from schemas.errors import UsageError, UserError
from ser_tinyml.store import artifact
from ser_tinyml.store.lock import locked


@dataclasses.dataclass(frozen=True)
class Range:
    """The values that a numeric flag takes; a bound is named as the message about a value outside says it."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        """Tells whether a value is in the range; what is no number never is."""
        return (
            value == value
            and (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        bounds = dataclasses.asdict(self).items()
        return " and ".join(f"{name.replace('_', ' ')} {bound}" for name, bound in bounds if bound is not None)


@dataclasses.dataclass(frozen=True)
class StepParameters:
    """What the parameters of every step are: flags that are checked whenever an object is made."""

    def __post_init__(self) -> None:
        """Raises UsageError with all that is wrong: the numbers outside their ranges, else what does not fit together."""
        wrong = []
        for field in dataclasses.fields(self):
            value, allowed = getattr(self, field.name), field.metadata["range"]
            if allowed and value not in allowed:
                wrong.append(f"--{field.name}={value}: {allowed}")
        for check in [] if wrong else self.list_checks():
            try:
                check()
            except UserError as error:
                wrong.append(str(error))
        if wrong:
            raise UsageError("\n".join(wrong))

    def list_checks(self) -> Sequence[Callable[[], object]]:
        """Returns the step's own checks, of flags whose numbers are in their ranges; each raises UserError, by itself."""
        return ()


Parameters = TypeVar("Parameters", bound=StepParameters)


def parameter(default: Any, help_text: str, affects_output: bool = True, **bounds: float) -> Any:
    """Returns a dataclass field that is also a flag.

    Args:
      default: its default value; the flag's type is that of the field.
      help_text: the flag's help.
      affects_output: False for what only changes how a step runs (its runner, say), not what it makes.
      **bounds: the range of a number, as `Range` names them; every numeric flag has a lower and an upper one.
    """
    allowed = Range(**bounds) if bounds else None
    return dataclasses.field(
        default=default, metadata={"help": help_text, "affects_output": affects_output, "range": allowed}
    )


def define_flags(
    parameters: type, step: str, flag_values: flags.FlagValues = flags.FLAGS, only: Collection[str] = ()
) -> None:
    """Defines a flag for each field of a dataclass of parameters.

    str, int, float, bool and `Literal` of strings become the flags of these types; `tuple[str, ...]` may be given several
    times.

    Args:
      parameters: the dataclass, its fields made by `parameter`.
      step: the step's name, below which the help lists the flags.
      flag_values: where to define them.
      only: the fields that get a flag; by default all.

    Raises:
      ValueError: two steps have a flag of one name.
    """
    kinds = get_type_hints(parameters)
    for field in dataclasses.fields(parameters):
        if only and field.name not in only:
            continue
        if field.name in flag_values:
            raise ValueError(
                f"--{field.name} is a flag of {step} and of another step: a later one reads the artifact of an earlier"
            )
        _define_flag(field, kinds[field.name], module_name=step, flag_values=flag_values)


def _define_flag(field: dataclasses.Field, kind: Any, **place: Any) -> None:
    default: Any = field.default
    name, help_text = field.name, field.metadata["help"]
    if allowed := field.metadata["range"]:
        help_text += f" {str(allowed).capitalize()}."
    if get_origin(kind) is Literal:
        flags.DEFINE_enum(name, default, enum_values=get_args(kind), help=help_text, **place)
    elif get_origin(kind) is tuple:
        flags.DEFINE_multi_string(name, list(default), help=help_text, **place)
    else:
        simple = {
            bool: flags.DEFINE_bool,
            str: flags.DEFINE_string,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
        }
        simple[kind](name, default, help=help_text, **place)


def from_flags(parameters: type[Parameters], flag_values: flags.FlagValues = flags.FLAGS) -> Parameters:
    """Returns the dataclass, filled from parsed flags; raises UsageError for flags that it refuses."""
    values = {field.name: flag_values[field.name].value for field in dataclasses.fields(parameters)}
    return parameters(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


Work = Callable[..., None]


def owns_output(makes: str, *, keeps: str = "", varies: str = "", hand_made: str = "") -> Callable[[Work], Work]:
    """Decorates a step's work, `run(output=..., parameters=..., <input>=...)`: all that it reads is verified before it begins,
    and it writes into a folder of its own, whose record it completes in the end (`ser_tinyml/store/artifact.py`).

    Args:
      makes: a regular expression of the names of all files that the step makes below `output`.
      keeps: a folder there that stays when the step begins: what it goes on from that was killed.
      varies: a folder of logs there, which are others each time, and which nothing reads.
      hand_made: the input that a person may have written, which then has no record to be held to.
    """

    def decorate(work: Work) -> Work:
        step, names = name_step(work), re.compile(makes)

        @functools.wraps(work)
        def run(output: str, parameters: Any, **others: Any) -> None:
            with locked(output):
                for name, directory in others.items():
                    if name == hand_made and not artifact.is_recorded(directory):
                        print(f"{directory} is no step's work: taken as written by hand, not verified")
                    elif isinstance(directory, str):
                        artifact.verify(directory)
                artifact.begin(output, step, names, keeps)
                work(output=output, parameters=parameters, **others)
                artifact.finish(output, step, names, varies)

        return run

    return decorate


def name_step(part: Any) -> str:
    """Returns the name of the step, which is that of its folder, of which a module, or a function in one, is given."""
    return getattr(part, "__module__", part.__name__).split(".")[1]


def load_component(step: str) -> Any:
    """Returns a step's `component` module. It loads what the step works with, TensorFlow or Beam, which takes seconds."""
    return importlib.import_module(f"components.{step}.component")


def run_step(
    parameters: types.ModuleType,
    inputs: Sequence[str] = (),
    optional_inputs: Sequence[str] = (),
    takes_beam_options: bool = False,
) -> None:
    """Runs one step's command: a flag an input, `--output`, a flag a parameter.

    Args:
      parameters: the step's module of this name. Beside it is `component`, with `run(output=..., parameters=..., <input>=...)`,
        which is loaded once the flags are in order.
      inputs: names of the artifacts that it reads.
      optional_inputs: those that it can do without.
      takes_beam_options: whether flags that are not ours are handed on as `beam_options`.
    """
    step = name_step(parameters)
    for name in (*inputs, *optional_inputs):
        define_path(name, step, f"Where the {name} is that this step reads.", required=name in inputs)
    define_output("output", step, "Directory to write to, which holds nothing else.")
    define_flags(parameters.Parameters, step)

    def execute(flag_values: flags.FlagValues, beam_options: list[str]) -> None:
        artifacts = {name: flag_values[name].value for name in (*inputs, *optional_inputs)}
        extra = {"beam_options": beam_options} if takes_beam_options else {}
        values = from_flags(parameters.Parameters)
        gc.disable()  # imports leave no garbage worth a search
        component = load_component(step)
        gc.freeze()  # what is loaded stays: no need to look for garbage in it, now or when the interpreter ends
        gc.enable()
        component.run(output=flag_values["output"].value, parameters=values, **artifacts, **extra)
        if hasattr(component, "require_blessing"):
            component.require_blessing(flag_values["output"].value)

    run_command(execute, takes_beam_options)


def define_path(name: str, step: str, help_text: str, *, required: bool = True) -> None:
    """Defines a flag that names a file or a directory; the help lists it below `step`."""
    flags.DEFINE_string(name, None, help_text, module_name=step, required=required)


def define_output(name: str, step: str, help_text: str) -> None:
    """Defines a flag that names a directory to write to: no root of a filesystem, and nobody's home."""
    define_path(name, step, help_text)
    message = 'a directory of its own, not "", the home directory or the root of the filesystem'
    flags.register_validator(name, lambda path: path is None or not _is_everyones(path), message=message)


def _is_everyones(path: str) -> bool:
    return not path.strip() or os.path.realpath(path) in {"/", os.path.realpath(pathlib.Path.home())}
