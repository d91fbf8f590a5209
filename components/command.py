"""What every step's command shares: absl flags made from a dataclass, and errors told in one message."""

import dataclasses
import gc
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from absl import app, flags, logging

from schemas.artifacts import UserError

Parameters = TypeVar("Parameters")


def parameter(default: Any, help_text: str, affects_output: bool = True) -> Any:
    """A dataclass field that is also a flag.

    Args:
      default: its default value; the flag's type is that of the field.
      help_text: the flag's help.
      affects_output: False for what only changes how a step runs (its runner, say), not what it makes.
    """
    return dataclasses.field(default=default, metadata={"help": help_text, "affects_output": affects_output})


def define_flags(parameters: type, flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag for each field of a dataclass of parameters; one that another step shares is defined once.

    str, int, float, bool and `Literal` of strings become the flags of these types; `tuple[str, ...]` may be given several
    times. ValueError where two steps disagree about a shared flag's default.
    """
    types = get_type_hints(parameters)
    for field in dataclasses.fields(parameters):
        name, kind, help_text = field.name, types[field.name], field.metadata["help"]
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        if name in flag_values:
            if flag_values[name].default != default:
                raise ValueError(f"--{name} has two defaults: {flag_values[name].default!r} and {default!r}")
        elif get_origin(kind) is Literal:
            flags.DEFINE_enum(name, default, get_args(kind), help_text, flag_values=flag_values)
        elif get_origin(kind) is tuple:
            flags.DEFINE_multi_string(name, default, help_text, flag_values=flag_values)
        elif kind is bool:
            flags.DEFINE_bool(name, default, help_text, flag_values=flag_values)
        else:
            define = {str: flags.DEFINE_string, int: flags.DEFINE_integer, float: flags.DEFINE_float}[kind]
            define(name, default, help_text, flag_values=flag_values)
        _show_in_help(name, flag_values)


def _show_in_help(name: str, flag_values: flags.FlagValues) -> None:
    """absl's --helpshort shows flags that the main module defines itself, or that are registered for it like this."""
    flag_values.register_key_flag_for_module(sys.argv[0], flag_values[name])


def from_flags(parameters: type[Parameters], flag_values: flags.FlagValues = flags.FLAGS) -> Parameters:
    """The dataclass filled from parsed flags."""
    fields = dataclasses.fields(parameters)  # type: ignore[arg-type]
    values = {field.name: flag_values[field.name].value for field in fields}
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
    for name in (*inputs, *optional_inputs):
        define_path(name, f"Where the {name} is that this step reads.", required=name in inputs)
    define_path("output", "Directory to write to.")
    define_flags(module.Parameters)

    def execute(flag_values: flags.FlagValues, beam_options: list[str]) -> None:
        artifacts = {name: flag_values[name].value for name in (*inputs, *optional_inputs)}
        extra = {"beam_options": beam_options} if takes_beam_options else {}
        module.run(output=flag_values["output"].value, parameters=from_flags(module.Parameters), **artifacts, **extra)
        if hasattr(module, "require_blessing"):
            module.require_blessing(flag_values["output"].value)

    main(execute, takes_beam_options)


def define_path(name: str, help_text: str, required: bool = True) -> None:
    """Defines a flag that names a file or a directory."""
    flags.DEFINE_string(name, None, help_text, required=required)
    _show_in_help(name, flags.FLAGS)


def main(execute: Callable[[flags.FlagValues, list[str]], None], takes_beam_options: bool = False) -> None:
    """Parses the command line, runs `execute(flags, beam_options)`, and turns a UserError into a message and exit code 1."""
    beam_options: list[str] = []

    def parse(arguments: list[str]) -> list[str]:
        if not takes_beam_options:
            return app.parse_flags_with_usage(arguments)
        if wanted := [a for a in arguments[1:] if a.startswith("--help")]:
            return app.parse_flags_with_usage(arguments[:1] + wanted)
        try:
            rest = flags.FLAGS(arguments, known_only=True)
        except flags.Error as error:
            sys.exit(f"{error}\nPass --helpshort to see this command's flags.")
        _refuse_unknown(rest[1:])
        beam_options.extend(rest[1:])
        return rest[:1]

    def guarded(arguments: list[str]) -> None:
        if len(arguments) > 1:
            sys.exit(f"error: unexpected argument {arguments[1]!r}; every option is a --flag=value")
        gc.freeze()  # what is loaded stays: no need to look for garbage in it, now or when the interpreter ends
        gc.enable()
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)
        try:
            execute(flags.FLAGS, beam_options)
        except UserError as error:
            sys.exit(f"error: {error}")

    app.run(guarded, flags_parser=parse)


def _refuse_unknown(arguments: list[str]) -> None:
    """Ends the program where an argument is no option of Beam's either: Beam itself would only warn."""
    from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

    parser = _BeamArgumentParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(arguments)
    if unknown:
        sys.exit(
            f"error: unknown flag {unknown[0]}; it is neither this command's nor Beam's. --helpshort lists the flags."
        )
