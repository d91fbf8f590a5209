"""The command line of the pipeline and of its steps: absl's flags, presets, help by step, and how a command ends."""

import collections
import contextlib
import importlib.resources
import pathlib
import re
import sys
from collections.abc import Callable, Iterator

from absl import app, flags, logging

from schemas.errors import UsageError
from ser_tinyml.cli.endings import end, show_version, take_interruptions, told_in_one_message

Execute = Callable[[flags.FlagValues, list[str]], None]

if (started := sys.modules["__main__"].__spec__) and started.name.startswith(("components.", "pipeline.")):
    take_interruptions()  # a command has begun: what it imports next takes a while

_PRESETS = "pipeline"  # the package whose data the presets are; it lies above this one, and nothing in it is imported


def run_command(execute: Execute, takes_beam_options: bool = False) -> None:
    """Parses the command line, runs `execute(flags, beam_options)`, and ends the program as `endings` says.

    Args:
      execute: the command's work.
      takes_beam_options: whether flags that are not ours are handed on as `beam_options`.
    """
    with told_in_one_message("--debug" in sys.argv):
        _define_common_flags()
        arguments = inline_presets(sys.argv[1:])
        if wanted := _KINDS_OF_HELP.intersection(argument.lstrip("-") for argument in arguments):
            print(_format_help(everything="helpfull" in wanted))
            sys.exit(0)
        if "--version" in arguments:
            show_version()
        beam_options = _parse(arguments, takes_beam_options)

    def guarded(_: list[str]) -> None:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)
        with told_in_one_message(flags.FLAGS["debug"].value):
            execute(flags.FLAGS, beam_options)

    app.run(guarded, argv=sys.argv[:1], flags_parser=lambda command: command)


def define_json(command: str) -> None:
    """Defines --json for a command that ends with a table; the help lists it below `command`."""
    help_text = "Prints the figures as one line of JSON, and all else on the error stream."
    flags.DEFINE_bool("json", False, help_text, module_name=command)


def told_beside(as_json: bool) -> contextlib.AbstractContextManager[object]:
    """Returns a context in which what is told goes to the error stream, where the standard output is for JSON alone."""
    return contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()


def list_presets() -> list[str]:
    """Returns the names of the presets."""
    found = importlib.resources.files(_PRESETS).joinpath("configs").iterdir()
    return sorted(file.name.removesuffix(".flags") for file in found if file.name.endswith(".flags"))


def inline_presets(arguments: list[str]) -> list[str]:
    """Returns the arguments, with what the files of --preset and --flagfile say in the place of these.

    Of a preset's flags those are left out that stand behind it: of a flag that is given several times, as --augment, the
    preset's values would else come on top.

    Raises:
      UsageError: there is no such preset, or no such file.
    """
    found, words = list[str](), collections.deque(_inline_flag_files(arguments))
    while words:
        word = words.popleft()
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == "preset":
            value = value if equals or not words else words.popleft()
            behind = {_name_flag(word) for word in words} - {""}
            found += [flag for flag in _read_flags(find_preset(value)) if _name_flag(flag) not in behind]
        else:
            found.append(word)
    return found


def _inline_flag_files(arguments: list[str]) -> Iterator[str]:
    words = iter(arguments)
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == "flagfile":
            yield from _inline_flag_files(_read_flags(value if equals else next(words, "")))
        else:
            yield _expand_home(word)


def _read_flags(path: str) -> list[str]:
    try:
        return flags.FLAGS.read_flags_from_files([f"--flagfile={path}"])
    except flags.Error as error:
        raise UsageError(str(error)) from error


def _name_flag(word: str) -> str:
    """Returns the name of the flag that a word begins; "" where it begins none, or one that adds to what others say."""
    name = word.lstrip("-").partition("=")[0] if word.startswith("-") else ""
    return "" if name == "undefok" else name.removeprefix("no")


def _expand_home(word: str) -> str:
    """Returns an argument with the home directory in the place of a `~` that begins a path: shells leave it behind a `=`."""
    if match := re.fullmatch(r"(-[^=]*=)?([\w.-]+=)?([\w.-]+:)?(~(?:/.*)?)", word, re.DOTALL):
        return word.removesuffix(match[4]) + str(pathlib.Path(match[4]).expanduser())
    return word


def find_preset(name: str) -> str:
    """Returns the path of a preset's flag file; raises UsageError, with a list of the known, where there is none."""
    if name not in (known := list_presets()):
        raise UsageError(f"--preset={name}: unknown preset; known are {', '.join(known)}")
    return str(importlib.resources.files(_PRESETS).joinpath("configs", f"{name}.flags"))


_EVERY_COMMAND = "every command"
_KINDS_OF_HELP = {"help", "h", "helpshort", "helpfull"}


def _define_common_flags() -> None:
    flags.DEFINE_string(
        "preset",
        None,
        f"Takes the flags of a preset, which later ones override: {', '.join(list_presets())}.",
        module_name=_EVERY_COMMAND,
    )
    flags.DEFINE_bool("debug", False, "Shows the traceback of an error.", module_name=_EVERY_COMMAND)
    flags.DEFINE_bool("version", False, "Prints the version.", module_name=_EVERY_COMMAND)


def _format_help(everything: bool) -> str:
    """Returns the flags by the step that defines them; those of the libraries only where `everything` is asked for."""
    by_group = flags.FLAGS.flags_by_module_dict()
    ours = [group for group in by_group if "." not in group and "/" not in group]
    theirs = [group for group in sorted(by_group) if group not in ours and everything]
    groups = [*(group for group in ours if group != _EVERY_COMMAND), _EVERY_COMMAND, *theirs]
    return f"usage: {_name_command()} [--flag=value ...]\n" + flags.FLAGS._get_help_for_modules(groups, "", everything)


def _name_command() -> str:
    """Returns what was typed before the flags: `python -m MODULE` leaves only a path in `sys.argv`."""
    started = sys.modules["__main__"].__spec__
    if started is None or sys.argv[0].startswith("ser-tinyml "):
        return sys.argv[0]
    return f"python -m {started.name.removesuffix('.__main__')}"


def _parse(arguments: list[str], takes_beam_options: bool) -> list[str]:
    """Sets the flags and returns the arguments that are left for Beam; ends the program where one is nobody's."""
    try:
        _, *rest = flags.FLAGS(["", *arguments], known_only=takes_beam_options)
    except flags.Error as error:
        end(f"error: {error}\nPass --help to see this command's flags.")
    if positional := [word for word in rest if not word.startswith("-")]:
        end(f"error: unexpected argument {positional[0]!r}; every option is a --flag=value")
    if rest:
        _refuse_unknown(rest)
    return rest


def _refuse_unknown(arguments: list[str]) -> None:
    """Ends the program where an argument is no option of Beam's either: Beam itself would only warn."""
    from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

    parser = _BeamArgumentParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(arguments)
    if unknown:
        end(f"error: unknown flag {unknown[0]}; it is neither this command's nor Beam's. --help lists the flags.")
