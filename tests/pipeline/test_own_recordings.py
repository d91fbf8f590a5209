"""Recordings and classes of one's own, from sound to a firmware bundle, by one command."""

import ast
import csv
import json
import re
import shutil

import pytest

from ser_tinyml.corpora.demo import PROSODY, Script, speak

SPEAKERS = {
    "ann": ("f2", 50),
    "bea": ("f3", 56),
    "cem": ("m2", 40),
    "dan": ("m3", 46),
    "eli": ("m6", 42),
    "fay": ("f5", 60),
}
TEXTS = ("The coffee is getting cold", "Nine ships lay in harbour", "Open the second drawer", "Rain is on its way")
SMALL = (
    *("--lstm_units=24,16", "--dense_units=16", "--epochs=12", "--board_clips=2", "--noise_clips=0"),
    *("--min_agreement=0.9", "--num_shards=2"),  # of 24 clips one is 0.04
)
HOSTILE = '"; rm -rf'
WORDS = {"calm": "calm", "happy": "joy", "angry": HOSTILE}  # emotion -> what its folder is called


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """`EMOTION/SPEAKER/N.wav` of eight emotions and six speakers."""
    folder = tmp_path_factory.mktemp("own recordings [x]")
    scripts = [
        Script(f"{emotion}/{name}/{take}.wav", voice=voice, pitch=pitch, emotion=emotion, text=text)
        for name, (voice, pitch) in SPEAKERS.items()
        for emotion in PROSODY
        for take, text in enumerate(TEXTS)
    ]
    speak(scripts, str(folder))
    return folder


def check_bundle(root, labels):
    """Tells whether the bundle is there, and its sources and pages have these classes."""
    source = (root / "firmware/generated/ser_model.c").read_text()
    in_c = re.search(r"ser_labels\[SER_N_LABELS\] = \{\n(.*?)\n\};", source, re.DOTALL)[1]
    assert [ast.literal_eval(line.strip().rstrip(",")) for line in in_c.splitlines()] == labels
    sketch = (root / "firmware/arduino/ser-tinyml/examples/ser/ser.ino").read_text()
    assert re.findall(r"//   #\w+ (.*)", sketch) == labels
    assert f"between {len(labels)} classes" in (root / "firmware/arduino/ser-tinyml/library.properties").read_text()
    board = json.loads((root / "board/board.json").read_text())
    assert board["validated"] and board["replay"]["bit_exact"]


def test_folders_of_three_classes_become_firmware(run, recordings, tmp_path):
    for emotion, word in WORDS.items():
        shutil.copytree(recordings / emotion, tmp_path / "mine" / word)
    shown = run("pipeline.run", f"--corpus=folder:{tmp_path / 'mine'}", f"--pipeline_root={tmp_path / 'root'}", *SMALL)
    assert f"classes: {HOSTILE}, calm, joy" in shown.stdout
    check_bundle(tmp_path / "root", [HOSTILE, "calm", "joy"])
    summary = json.loads((tmp_path / "root/manifest/summary.json").read_text())
    assert [len(summary["speakers"][split]) for split in ("train", "validation", "test")] == [3, 1, 2]


@pytest.mark.slow
def test_a_table_of_eight_classes_becomes_firmware(run, recordings, tmp_path):
    with (recordings / "takes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("wav", "mood", "voice"))
        rows.writerows(
            (path.relative_to(recordings), path.parts[-3], path.parts[-2]) for path in sorted(recordings.rglob("*.wav"))
        )
    classes = [{"name": f"{emotion}!", "emotions": [emotion]} for emotion in PROSODY]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes}))
    flags = (f"--classes={tmp_path / 'classes.json'}", "--columns=emotion:mood,speaker:voice")
    corpus = f"--corpus=table:{recordings / 'takes.csv'}"
    run("pipeline.run", corpus, *flags, f"--pipeline_root={tmp_path / 'root'}", *SMALL, "--min_recall=0")
    check_bundle(tmp_path / "root", [f"{emotion}!" for emotion in PROSODY])
