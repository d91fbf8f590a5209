import collections
import json
import os
import pathlib
import shutil
import sys

import pytest

from components.example_gen import component
from schemas.errors import UsageError, UserError
from ser_tinyml.store.manifest import read_manifest

WHOLE_FOUR = str(pathlib.Path(__file__).resolve().parents[3] / "benchmarks" / "whole_four.json")


def make_ravdess(write_speech, actors=range(1, 25), emotions=("01", "02", "03", "04", "05", "06", "07", "08")):
    for actor in actors:
        for emotion in emotions:
            write_speech(f"corpus/Actor_{actor:02}/03-01-{emotion}-01-01-01-{actor:02}.wav", seconds=0.5)


def run(tmp_path, corpus="ravdess", **parameters):
    flags = component.Parameters(corpus=(f"{corpus}:{tmp_path / 'corpus'}",), **parameters)
    component.run(str(tmp_path / "out"), flags)
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    return list(read_manifest(str(tmp_path / "out/manifest.jsonl"))), summary


def read_reasons(tmp_path, name):
    lines = (tmp_path / "out" / name).read_text().splitlines()
    return {row["path"].rsplit("/", 1)[1]: (row["reason"], row["detail"]) for row in map(json.loads, lines)}


def test_every_file_is_in_the_manifest_excluded_or_quarantined(tmp_path, write_speech):
    make_ravdess(write_speech)
    nested = tmp_path / "corpus/audio_speech_actors_01-24"
    shutil.copytree(tmp_path / "corpus", nested)  # as the Kaggle archive has it
    write_speech("corpus/Actor_01/03-02-03-01-01-01-01.wav")
    write_speech("corpus/Actor_01/03-01-33-01-01-01-01.wav")
    (tmp_path / "corpus/Actor_02/03-01-03-02-01-01-02.wav").write_text("this is no audio")
    (tmp_path / "corpus/Actor_02/03-01-03-02-01-02-02.wav").touch()
    rows, summary = run(tmp_path)
    assert summary["files"] == 2 * 24 * 8 + 4
    assert summary["files"] == len(rows) + sum(summary["excluded"].values()) + sum(summary["quarantined"].values())
    assert summary["excluded"]["duplicate"] == 24 * 8
    assert summary["excluded"]["emotion_not_in_use"] == 48
    assert summary["excluded"]["not_speech"] == 1
    assert summary["quarantined"] == {"broken_name": 1, "empty_file": 1, "not_audio": 1}
    assert len({row.clip_id for row in rows}) == len(rows)
    assert "emotion is 01 to 08" in read_reasons(tmp_path, "quarantine.jsonl")["03-01-33-01-01-01-01.wav"][1]


def test_files_that_are_not_named_as_sound_are_counted_by_suffix(tmp_path, write_speech, capsys):
    make_ravdess(write_speech)
    for name in ("Readme.TXT", "b.txt", "Actor_01/notes.pdf", ".DS_Store", "LICENSE"):
        (tmp_path / "corpus" / name).touch()
    _, summary = run(tmp_path)
    assert summary["files"] == 24 * 8
    assert summary["other_files"] == {"": 2, ".pdf": 1, ".txt": 2}
    assert "passed over, not named as sound: 2 without a suffix, 2 .txt, 1 .pdf" in capsys.readouterr().out


def test_unknown_classes_are_told_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"--classes=nope: unknown; known are four, ravdess8, .*, or a JSON file"):
        component.Parameters(corpus=("ravdess:x",), classes="nope")


def test_only_regular_files_are_opened(tmp_path, write_speech):
    """A pipe would never end, and neither would a link to zeros."""
    make_ravdess(write_speech, actors=range(1, 13))
    folder = tmp_path / "corpus/Actor_01"
    os.mkfifo(folder / "03-01-01-01-02-01-01.wav")
    (folder / "03-01-01-01-02-02-01.wav").symlink_to("/dev/zero")
    (folder / "03-01-02-01-02-01-01.wav").symlink_to("nowhere.wav")
    (folder / "03-01-02-01-02-02-01.wav").symlink_to(write_speech("elsewhere.wav"))
    rows, summary = run(tmp_path)
    assert summary["quarantined"] == {"not_found": 1, "unreadable": 2}
    reasons = read_reasons(tmp_path, "quarantine.jsonl")
    assert all("not a regular file" in reasons[f"03-01-01-01-02-0{n}-01.wav"][1] for n in (1, 2))
    assert any(row.path.endswith("03-01-02-01-02-02-01.wav") for row in rows)


@pytest.mark.parametrize(
    "name", ["p[1]*", "{x} ?\\", "two\nlines", "речь 漢字", os.fsdecode(b"\xff\xfe"), "a/../b", "end/"]
)
def test_a_corpus_and_an_output_may_have_any_name(tmp_path, write_speech, name):
    make_ravdess(write_speech, actors=range(1, 13))
    (tmp_path / "a").mkdir()
    corpus = f"{tmp_path}/{name}"
    shutil.move(tmp_path / "corpus", corpus)
    neighbour = tmp_path / "p1"
    neighbour.mkdir()
    (neighbour / "manifest.jsonl").write_text("mine")
    output = f"{corpus.rstrip('/')}-out"
    for _ in range(2):  # the second run deletes what the first has made
        component.run(output, component.Parameters(corpus=(f"ravdess:{corpus}",)))
    assert len(list(read_manifest(f"{output}/manifest.jsonl"))) > 50
    assert (neighbour / "manifest.jsonl").read_text() == "mine"


def test_a_share_of_sad_and_angry_is_kept_whatever_the_order(tmp_path, write_speech):
    make_ravdess(write_speech, emotions=("01", "03", "04", "05", "08"))
    kept = collections.Counter(row.emotion for row in run(tmp_path)[0])
    everything = collections.Counter(row.emotion for row in run(tmp_path, classes=WHOLE_FOUR)[0])
    assert everything["sad"] == everything["angry"] == 24
    assert 8 <= kept["sad"] <= 20 and 8 <= kept["angry"] <= 20
    assert kept["happy"] == everything["happy"]


def test_one_content_under_two_names_that_disagree_is_quarantined_whole(tmp_path, write_speech):
    make_ravdess(write_speech)
    folder = tmp_path / "corpus/Actor_01"
    shutil.copyfile(folder / "03-01-03-01-01-01-01.wav", folder / "03-01-08-02-01-01-01.wav")
    _, summary = run(tmp_path)
    assert summary["quarantined"] == {"conflicting_names": 2}
    assert set(read_reasons(tmp_path, "quarantine.jsonl")) == {"03-01-03-01-01-01-01.wav", "03-01-08-02-01-01-01.wav"}


def test_same_corpora_give_the_same_bytes(tmp_path, write_speech):
    make_ravdess(write_speech)
    run(tmp_path)
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    run(tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first


def test_a_corpus_of_which_nothing_is_left_is_an_error_that_says_where_to_look(tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/03-01-03-01-01-01-01.wav").write_text("no audio")
    with pytest.raises(UserError, match=r"1 quarantined.*quarantine\.jsonl"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"corpus": ()}, "no corpus given"),
        ({"corpus": ("tess:x",), "test_fraction": 0.0}, "--test_fraction=0.0"),
        ({"corpus": ("tess:x",), "validation_fraction": 0.6, "test_fraction": 0.5}, "sum is below 1"),
        ({"corpus": ("tess:x",), "classes": "three"}, "three"),
        ({"corpus": ("tess:x",), "speaker_from": "("}, "--speaker_from"),
        ({"corpus": ("table:x",), "columns": "voice:v"}, "--columns"),
        ({"corpus": ("a=b:x",)}, "unknown corpus"),
        ({"corpus": ("folder:x", "folder:y")}, "give each one"),
    ],
)
def test_wrong_flags_are_named(tmp_path, parameters, complaint):
    with pytest.raises(UserError, match=complaint):
        component.run(str(tmp_path / "out"), component.Parameters(**parameters))


def test_linked_folders_are_followed_and_loops_noticed(tmp_path, write_speech):
    make_ravdess(write_speech, actors=range(1, 13))
    whole = {row.clip_id for row in run(tmp_path)[0]}
    elsewhere = tmp_path / "disk 2"
    elsewhere.mkdir()
    for actor in range(1, 7):
        folder = tmp_path / "corpus" / f"Actor_{actor:02}"
        shutil.move(folder, elsewhere)
        folder.symlink_to(elsewhere / folder.name)
    (elsewhere / "Actor_03" / "up").symlink_to(tmp_path / "corpus")
    (tmp_path / "corpus" / "again").symlink_to(elsewhere)
    rows, summary = run(tmp_path)
    assert {row.clip_id for row in rows} == whole and "duplicate" not in summary["excluded"]


def test_sound_that_is_not_read_is_told(tmp_path, write_speech, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)  # as where the extra is not installed
    make_ravdess(write_speech, actors=range(1, 13))
    (tmp_path / "corpus/Actor_01/03-01-03-01-01-02-01.M4A").write_bytes(b"....ftypM4A ")
    (tmp_path / "corpus/Actor_01/._03-01-03-01-01-01-01.wav").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "corpus/Actor_01/03-01-03-01-01-02-01.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    _, summary = run(tmp_path)
    assert summary["quarantined"] == {"git_lfs_pointer": 1, "unread_format": 1}
    assert summary["excluded"]["apple_double"] == 1
    assert "PyAV" in read_reasons(tmp_path, "quarantine.jsonl")["03-01-03-01-01-02-01.M4A"][1]


def test_a_reader_that_loses_a_tenth_of_the_recordings_is_an_error(tmp_path, write_speech):
    make_ravdess(write_speech, actors=range(1, 13))
    for actor in range(1, 12):
        (tmp_path / f"corpus/Actor_{actor:02}/03-01-05-01-01-01-{actor:02}.wav").write_text("not audio")
    with pytest.raises(UserError, match=r"11 of 96 .*--max_unreadable_fraction=0.05 allows: 11 not_audio"):
        run(tmp_path)
    assert run(tmp_path, max_unreadable_fraction=0.2)[1]["quarantined"] == {"not_audio": 11}


def test_a_class_without_recordings_is_named(tmp_path, write_speech):
    make_ravdess(write_speech, emotions=("01", "03", "04"))
    with pytest.raises(UserError, match=r"no clip is surprise: no recording in use is surprised"):
        run(tmp_path)


def test_an_emotion_that_nobody_knows_is_an_error_that_lists_what_was_found(tmp_path, write_speech):
    for speaker in "abcd":
        for emotion in ("happy", "meh"):
            write_speech(f"corpus/{emotion}/{speaker}/1.wav", seconds=0.5)
    with pytest.raises(UserError, match=r"no class takes the emotion 'meh'.*found are happy \(4\), meh \(4\)"):
        run(tmp_path, "folder", classes="four")
    rows, summary = run(tmp_path, "folder")
    assert summary["labels"] == ["happy", "meh"] and {row.split for row in rows} == {"train", "validation", "test"}


def test_speakers_whom_nobody_names_need_a_split_by_clip(tmp_path, write_speech):
    for number in range(40):
        for emotion in ("joy", "rage"):
            write_speech(f"corpus/{emotion}/{number}.wav", seconds=0.5)
    with pytest.raises(UserError, match=r"nobody knows who speaks in 80 clips of folder.*--speaker_from.*--split=clip"):
        run(tmp_path, "folder")
    assert len(run(tmp_path, "folder", split="clip")[0]) == 80
    rows, _ = run(tmp_path, "folder", speaker_from=r"\d(?=\.wav)")
    assert {row.speaker for row in rows} == set("0123456789")


def test_train_only_keeps_a_corpus_out_of_the_test(tmp_path, write_speech):
    make_ravdess(write_speech)
    for emotion in ("angry", "happy"):
        for speaker in "abcd":
            write_speech(f"mine/{emotion}/{speaker}.wav", seconds=0.6)
    mine = ("folder:" + str(tmp_path / "mine"), f"ravdess:{tmp_path / 'corpus'}")
    parameters = component.Parameters(corpus=mine, classes="four", train_only=("folder",))
    component.run(str(tmp_path / "out"), parameters)
    rows = list(read_manifest(str(tmp_path / "out/manifest.jsonl")))
    assert {row.split for row in rows if row.corpus == "folder"} == {"train"}
    alone = {row.clip_id: row.split for row in run(tmp_path)[0]}
    assert {row.clip_id: row.split for row in rows if row.corpus == "ravdess"} == alone


def test_a_split_that_a_table_gives_stands_and_a_part_is_a_clip(tmp_path, write_speech):
    lines = ["path,emotion,speaker,split,start,end"]
    for number, split in enumerate(("train", "dev", "test")):
        write_speech(f"{number}.wav", seconds=2.0)
        lines += [f"{number}.wav,joy,s{number},{split},0,1", f"{number}.wav,rage,s{number},{split},1,"]
    (tmp_path / "corpus").write_text("\n".join(lines))
    rows, summary = run(tmp_path, "table")
    assert summary["clips_of_label"] == {split: {"joy": 1, "rage": 1} for split in ("train", "validation", "test")}
    assert {(row.start, row.end, row.duration) for row in rows} == {(0.0, 1.0, 1.0), (1.0, 0.0, 1.0)}
    assert len({row.clip_id for row in rows}) == 6 and len({row.file_sha256 for row in rows}) == 3


def test_a_recording_that_a_table_names_and_nobody_has_is_quarantined(tmp_path, write_speech):
    lines = ["path,emotion,speaker", "gone.wav,joy,a"]
    for speaker in "abcdefghijkl":
        for emotion in ("joy", "rage"):
            write_speech(f"{speaker}{emotion}.wav", seconds=0.5)
            lines.append(f"{speaker}{emotion}.wav,{emotion},{speaker}")
    (tmp_path / "corpus").write_text("\n".join(lines))
    rows, summary = run(tmp_path, "table")
    assert len(rows) == 24 and summary["quarantined"] == {"not_found": 1}


@pytest.mark.parametrize("fold", ["", "1/3", "folder"])
def test_no_split_of_a_table_takes_a_speaker_of_train_only_or_of_a_fold(tmp_path, write_speech, fold):
    """The table puts its speaker into the test split; --train_only, and a fold, say otherwise."""
    lines = ["path,emotion,speaker,split"]
    for speaker, split in (("a", "test"), ("b", "train"), ("c", "validation"), ("d", "train")):
        for emotion in ("angry", "happy"):
            write_speech(f"{speaker}{emotion}.wav", seconds=0.5)
            lines.append(f"{speaker}{emotion}.wav,{emotion},{speaker},{split}")
            for other in "123456":
                write_speech(f"mine/{emotion}/{other}.wav", seconds=0.6)
    (tmp_path / "t.csv").write_text("\n".join(lines))
    corpora = (f"table:{tmp_path / 't.csv'}", f"folder:{tmp_path / 'mine'}")
    flags = {"corpus": corpora, "speaker_from": r"([a-d1-6])(?:angry|happy)?\.wav$"}
    train_only = () if fold == "folder" else ("table",)
    component.run(str(tmp_path / "out"), component.Parameters(**flags, fold=fold, train_only=train_only))
    rows = list(read_manifest(str(tmp_path / "out/manifest.jsonl")))
    of_table = {row.split for row in rows if row.corpus == "table"}
    assert of_table == {"train"} if train_only else "test" not in of_table
