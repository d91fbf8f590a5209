"""The presets of `pipeline/configs`: a benchmark reads a preset's file, so that it measures what the preset is today."""

from corpora import REPOSITORY

CONFIGS = REPOSITORY / "pipeline" / "configs"


def make_flag(name: str) -> str:
    """Returns the flag that gives a command all flags of a preset."""
    return f"--preset={name}"


def read(name: str) -> dict[str, str]:
    """Returns the flags of a preset: name -> value."""
    lines = (CONFIGS / f"{name}.flags").read_text().splitlines()
    flags = (line[2:].split("=", 1) for line in lines if line.startswith("--"))
    return {flag: value for flag, value in flags if flag != "undefok"}
