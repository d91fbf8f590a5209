"""What every step shares: its parameters, a dataclass, are its flags, and its inputs are flags, too."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from absl import flags

from components.command_line import run_command
from schemas.errors import UsageError


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
    """What the parameters of every step are: flags whose ranges are checked whenever an object is made.

    A step checks what else must hold of its flags in a `__post_init__` of its own, which begins with this one.
    """

    def __post_init__(self) -> None:
        """Raises UsageError, with the flag's name, for a number outside its range."""
        for field in dataclasses.fields(self):
            value, allowed = getattr(self, field.name), field.metadata["range"]
            if allowed and value not in allowed:
                raise UsageError(f"--{field.name}={value}: {allowed}")


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


def define_flags(parameters: type, step: str, flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag for each field of a dataclass of parameters.

    str, int, float, bool and `Literal` of strings become the flags of these types; `tuple[str, ...]` may be given several
    times.

    Args:
      parameters: the dataclass, its fields made by `parameter`.
      step: the step's name, below which the help lists the flags.
      flag_values: where to define them.

    Raises:
      ValueError: two steps have a flag of one name.
    """
    types = get_type_hints(parameters)
    for field in dataclasses.fields(parameters):
        if field.name in flag_values:
            raise ValueError(
                f"--{field.name} is a flag of {step} and of another step: a later one reads the artifact of an earlier"
            )
        _define_flag(field, types[field.name], module_name=step, flag_values=flag_values)


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


def run_step(
    module: Any,
    inputs: Sequence[str] = (),
    optional_inputs: Sequence[str] = (),
    takes_beam_options: bool = False,
) -> None:
    """Runs one step's command: a flag an input, `--output`, a flag a parameter.

    Args:
      module: the step's `component` module, with `Parameters` and `run(output=..., parameters=..., <input>=...)`.
      inputs: names of the artifacts that it reads.
      optional_inputs: those that it can do without.
      takes_beam_options: whether flags that are not ours are handed on as `beam_options`.
    """
    step = module.__name__.split(".")[1]
    for name in (*inputs, *optional_inputs):
        define_path(name, step, f"Where the {name} is that this step reads.", required=name in inputs)
    define_path("output", step, "Where to write to.")
    define_flags(module.Parameters, step)

    def execute(flag_values: flags.FlagValues, beam_options: list[str]) -> None:
        artifacts = {name: flag_values[name].value for name in (*inputs, *optional_inputs)}
        extra = {"beam_options": beam_options} if takes_beam_options else {}
        module.run(output=flag_values["output"].value, parameters=from_flags(module.Parameters), **artifacts, **extra)
        if hasattr(module, "require_blessing"):
            module.require_blessing(flag_values["output"].value)

    run_command(execute, takes_beam_options)


def define_path(name: str, step: str, help_text: str, *, required: bool = True) -> None:
    """Defines a flag that names a file or a directory; the help lists it below `step`."""
    flags.DEFINE_string(name, None, help_text, module_name=step, required=required)
