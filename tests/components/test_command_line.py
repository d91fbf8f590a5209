import dataclasses
import pathlib
import re

import pytest
from absl import flags

from components.command_line import find_preset, inline_presets, list_presets
from components.step import define_flags, parameter
from pipeline.steps import STEPS
from schemas.errors import UsageError


def flags_of(preset):
    lines = pathlib.Path(find_preset(preset)).read_text().splitlines()
    return [line for line in lines if line.startswith("--")]


@pytest.mark.parametrize("words", [["--preset=small"], ["--preset", "small"], ["-preset=small"]], ids=" ".join)
def test_a_preset_is_its_flags_in_its_place(words):
    others = [flag for flag in flags_of("small") if not flag.startswith("--epochs=")]
    assert len(others) == len(flags_of("small")) - 1
    assert inline_presets(["--seed=1", *words, "--epochs=2"]) == ["--seed=1", *others, "--epochs=2"]
    assert inline_presets(["--epochs=2", *words]) == ["--epochs=2", *flags_of("small")]


def test_a_flag_of_several_values_replaces_those_of_the_preset_before_it():
    copies = ["--augment=clean", "--augment", "gain:-6:6"]
    found = inline_presets(["--preset=small", *copies])
    assert [word for word in found if "augment" in word] == ["--undefok=" + _excused("augment"), *copies[:2]]
    assert found[-3:] == copies


def _excused(name):
    (line,) = (flag.partition("=")[2] for flag in flags_of("small") if flag.startswith("--undefok") and name in flag)
    return line


def test_a_flag_file_may_name_a_preset(tmp_path):
    (tmp_path / "mine.flags").write_text("# A comment.\n--preset=small\n--epochs=3\n")
    others = [flag for flag in flags_of("small") if not flag.startswith("--epochs=")]
    assert inline_presets([f"--flagfile={tmp_path / 'mine.flags'}"]) == [*others, "--epochs=3"]


@pytest.mark.parametrize("word", ["--preset=huge", "--preset="])
def test_an_unknown_preset_is_an_error_that_lists_the_known(word):
    with pytest.raises(UsageError) as error:
        inline_presets([word])
    assert all(name in str(error.value) for name in ("default", "demo", "notebook", "small"))


def test_a_flag_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UsageError, match=r"none\.flags"):
        inline_presets([f"--flagfile={tmp_path}/none.flags"])


@pytest.mark.parametrize("preset", list_presets())
def test_a_preset_excuses_all_that_it_says_to_steps_that_do_not_know_it(preset):
    pairs = [flag[2:].split("=", 1) for flag in flags_of(preset)]
    excused = {name for key, value in pairs if key == "undefok" for name in value.split(",")}
    assert excused == {key for key, _ in pairs if key != "undefok"}


@pytest.mark.parametrize("flag", ["--help", "--helpshort", "--helpfull"])
def test_help_ends_well_and_groups_the_flags_by_step(run, flag):
    shown = run("pipeline.run", flag, "--preset=small", "--epochs=3").stdout
    groups = re.findall(r"^([a-z_ ]+):$", shown, re.MULTILINE)
    named = [step.name for step in STEPS if step.name != "reporter"]  # which has no flags
    assert groups[: len(named) + 2] == ["run", *named, "every command"]
    assert shown.startswith("usage: python -m pipeline.run ")
    _, trainer, rest = re.split(r"^trainer:$|^exporter:$", shown, flags=re.MULTILINE)
    assert "--lstm_units" in trainer and "--lstm_units" not in rest
    assert ("absl.logging:" in shown) == (flag == "--helpfull")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no_such_flag=1"], "no_such_flag"),
        (["--test_fraction=many"], "--test_fraction=many"),
        (["--split=random"], "speaker"),
        (["--preset=huge"], "small"),
        (["surplus"], "surplus"),
        ([], "--output"),
    ],
    ids=["flag", "number", "choice", "preset", "positional", "required"],
)
def test_bad_usage_of_a_step_is_code_2_and_one_message(run, arguments, message):
    result = run("components.example_gen", *(["--output=x"] if arguments else []), *arguments, check=False)
    assert result.returncode == 2 and message in result.stderr
    assert "Traceback" not in result.stderr and result.stdout == ""


def test_what_can_not_be_done_is_code_1_and_debug_shows_where(run, tmp_path):
    wanted = [f"--corpus=tess:{tmp_path}/none", f"--output={tmp_path}/out"]
    result = run("components.example_gen", *wanted, check=False)
    assert result.returncode == 1 and result.stderr.startswith("error: ") and "Traceback" not in result.stderr
    assert "Traceback" in run("components.example_gen", *wanted, "--debug", check=False).stderr


def test_a_flag_that_two_steps_define_is_told():
    parameters = dataclasses.make_dataclass("Parameters", [("speed", int, parameter(1, "Speed."))])
    values = flags.FlagValues()
    define_flags(parameters, "one", values)
    with pytest.raises(ValueError, match="--speed is a flag of other and of another step"):
        define_flags(parameters, "other", values)


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("--pipeline_root=~/run", "--pipeline_root=HOME/run"),
        ("--corpus=ravdess:~/x y", "--corpus=ravdess:HOME/x y"),
        ("--corpus=mine=folder:~", "--corpus=mine=folder:HOME"),
        ("ravdess:~/x", "ravdess:HOME/x"),
        ("--output=a/~/b", "--output=a/~/b"),
        ("--output=~x.txt", "--output=~x.txt"),
    ],
)
def test_the_home_directory_is_found_behind_a_flags_name(word, expanded):
    assert inline_presets([word]) == [expanded.replace("HOME", str(pathlib.Path.home()))]
