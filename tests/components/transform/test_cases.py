"""Files that people bring, each with what it should give: ../shared/cases/audio."""

import json
import pathlib

import pytest

from components.transform import component
from schemas.manifest import ManifestRow
from ser_tinyml import corpora
from ser_tinyml.audio.clip import decode_clip
from ser_tinyml.audio.decode import Undecodable
from ser_tinyml.corpora.corpus import Clip, LeftOut
from ser_tinyml.corpora.recordings import inspect_recordings

CASES = pathlib.Path(__file__).resolve().parents[4] / "shared" / "cases" / "audio"
NOT_YET = {"odd_list_no_pad"}  # libsndfile finds no data behind a chunk of odd size without its pad byte; it is told
INDEX = json.loads((CASES / "index.json").read_text()) if CASES.is_dir() else {}


def pass_on(path: pathlib.Path, settings) -> str:
    """Returns the reason why a recording is left out, and its detail; "" where it is decoded."""
    found = {f.path: f for f in corpora.read(corpora.Source("ravdess", "ravdess", str(CASES)))}[str(path)]
    left_out = [found] if isinstance(found, LeftOut) else inspect_recordings([found])[1]
    if left_out:
        return f"{left_out[0].reason}: {left_out[0].detail}"
    assert isinstance(found, Clip)
    (recording,), _ = inspect_recordings([found])
    row = ManifestRow(
        recording.clip_id,
        str(path),
        "ravdess",
        found.speaker,
        found.emotion,
        "happy",
        "train",
        duration=recording.duration,
        sample_rate=recording.sample_rate,
        synthetic=False,
    )
    try:
        decode_clip(row, settings.clip)
    except Undecodable as error:
        return f"{error.reason}: {error.detail}"
    return ""


@pytest.mark.skipif(not INDEX, reason="needs ../shared/cases/audio, which is not part of the repository")
@pytest.mark.parametrize("case", INDEX or ["none at hand"])
def test_each_file_is_decoded_or_told(case, tmp_path, write_summary):
    parameters, manifest = component.Parameters(augment=("clean",)), tmp_path / "manifest.jsonl"
    settings = component.make_settings(parameters, write_summary(manifest), str(manifest))
    expected, told = INDEX[case]["expect"], pass_on(CASES / INDEX[case]["file"], settings)
    if case in NOT_YET:
        assert "No 'data' chunk marker" in told
    elif expected == "decoded":
        assert not told
    elif expected.startswith(("quarantine", "said")) and "or" not in expected.split():
        assert told
    if case == "git_lfs_pointer":
        assert "Git LFS pointer" in told
    if case == "stereo_opposite_phase":
        assert "the channels cancel each other" in told
    if case in ("mp3", "ogg_vorbis", "opus", "aifc"):
        assert not told
    if case == "m4a":
        assert "it is not read, FFmpeg" in told
