import json

import pytest

from schemas.errors import UserError
from ser_tinyml import corpora
from ser_tinyml.corpora.corpus import UNKNOWN_SPEAKER, Clip, LeftOut
from ser_tinyml.corpora.own import Reading


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"sound")


def read(value: str, speaker_from: str = "", columns: str = "") -> list[Clip | LeftOut]:
    return list(corpora.read(corpora.parse_corpus_flag(value), Reading.parse(speaker_from, columns)))


def write_table(folder, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return f"table:{folder / name}"


def test_folders_are_emotion_then_speaker(tmp_path):
    touch(tmp_path, "angry/ann/1.wav", "angry/ann/day 2/1.wav", "sad [x]/bob/*.wav", "sad [x]/2.wav", "3.wav")
    found = read(f"mine=folder:{tmp_path}")
    clips = [(c.corpus, c.emotion, c.speaker) for c in found if isinstance(c, Clip)]
    unknown = ("mine", "sad [x]", UNKNOWN_SPEAKER)
    assert sorted(clips) == [("mine", "angry", "ann")] * 2 + [("mine", "sad [x]", "bob"), unknown]
    assert [(f.path, f.reason) for f in found if isinstance(f, LeftOut)] == [(f"{tmp_path}/3.wav", "no_emotion")]


@pytest.mark.parametrize("pattern", ["^[^/]*/([a-z]+)_", "(?P<speaker>[a-z]+)_\\d", "[a-z]+(?=_)"])
def test_a_pattern_finds_the_speaker_in_the_name(tmp_path, pattern):
    touch(tmp_path, "ANGRY/ann_1.wav", "ANGRY/bob_1.wav", "ANGRY/7.wav")
    ann, bob = (c for c in read(f"folder:{tmp_path}", pattern) if isinstance(c, Clip))
    assert (ann.speaker, bob.speaker) == ("ann", "bob")
    assert [f.reason for f in read(f"folder:{tmp_path}", pattern) if isinstance(f, LeftOut)] == ["no_speaker"]


TABLES = {
    "t.csv": "path,emotion,speaker,sex,split\na.wav,angry,ann,F,dev\n'b,.wav',sad,bob,male,\n".replace("'", '"'),
    "t.tsv": "file\tlabel\tspk\tgender\tpartition\na.wav\tangry\tann\tfemale\tval\nb,.wav\tsad\tbob\tM\t\n",
    "t.jsonl": "".join(
        json.dumps(row) + "\n"
        for row in (
            {"wav": "a.wav", "emo": "angry", "speaker_id": "ann", "sex": "woman", "subset": "validation"},
            {"wav": "b,.wav", "emo": "sad", "speaker_id": "bob", "sex": "man"},
        )
    ),
    "t.txt": "\ufeffAudio;Emotion;Actor;Gender;Split\r\na.wav;angry;ann;f;dev\r\nb,.wav;sad;bob;m;\r\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_whatever_its_form(tmp_path, name):
    touch(tmp_path, "a.wav", "b,.wav")
    ann, bob = read(write_table(tmp_path, name, TABLES[name]))
    assert ann == Clip(f"{tmp_path}/a.wav", "table", "ann", "angry", sex="female", split="validation")
    assert bob == Clip(f"{tmp_path}/b,.wav", "table", "bob", "sad", sex="male")


def test_columns_of_any_name_are_given_by_their_role(tmp_path):
    touch(tmp_path, "a.wav")
    table = write_table(tmp_path, "t.csv", "clip,mood,voice,path\na.wav,angry,ann,elsewhere\n")
    (clip,) = read(table, columns="path:clip,emotion:mood,speaker:voice")
    assert (clip.path, clip.emotion, clip.speaker) == (f"{tmp_path}/a.wav", "angry", "ann")
    with pytest.raises(UserError, match=r"no column of the emotion.*its columns are clip, mood, voice, path"):
        read(table)
    with pytest.raises(UserError, match="no column 'who', which --columns names"):
        read(table, columns="speaker:who")


def test_hugging_faces_metadata_and_emoboxs_lines_are_read_as_they_are(tmp_path):
    touch(tmp_path, "hf/data/1.wav", "box/downloads/emodb/wav/03a01Wa.wav")
    (clip,) = read(write_table(tmp_path, "hf/metadata.csv", "file_name,label\ndata/1.wav,joy\n"))
    assert (clip.path, clip.emotion) == (f"{tmp_path}/hf/data/1.wav", "joy")
    row = {"key": "emodb-03a01Wa", "dataset": "emodb", "wav": "downloads/emodb/wav/03a01Wa.wav", "type": "raw"}
    row |= {
        "sample_rate": 16000,
        "num_frame": 30045.0,
        "task": "category",
        "length": 1.8778125,
        "emo": "anger",
        "channel": 1,
    }
    (clip,) = read(write_table(tmp_path, "box/data/emodb/emodb.jsonl", json.dumps(row)), speaker_from=r"/(\d\d)[^/]*$")
    assert clip.path.endswith("box/downloads/emodb/wav/03a01Wa.wav") and (clip.speaker, clip.emotion) == ("03", "anger")


def test_a_row_may_be_a_part_of_a_recording(tmp_path):
    touch(tmp_path, "a.wav")
    table = write_table(
        tmp_path, "t.csv", "path,emotion,start,end\na.wav,angry,0,1.5\na.wav,sad,1.5,\na.wav,sad,3,2\na.wav,sad,x,\n"
    )
    first, second, *wrong = read(table)
    assert (first.start, first.end, second.start, second.end) == (0, 1.5, 1.5, 0)
    assert [(f.reason, f.path) for f in wrong] == [("broken_row", f"{tmp_path}/t.csv, row {n}") for n in (3, 4)]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (",angry,", "broken_row", "no path"),
        ("a.wav,,", "broken_row", "no emotion"),
        ("a.wav,angry,sometimes", "broken_row", "split is 'sometimes'"),
    ],
)
def test_a_wrong_row_is_told(tmp_path, row, reason, detail):
    touch(tmp_path, "a.wav")
    (found,) = read(write_table(tmp_path, "t.csv", f"path,emotion,split\n{row}\n"))
    assert found.reason == reason and detail in found.detail


@pytest.mark.parametrize("content", [b"", b"path,emotion\n", b"\xff\xfe\x00", b"[1, 2", b"{}", b'[{"a": 1}]'])
def test_what_is_no_table_is_told(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"t\.csv"):
        read(f"table:{tmp_path / 't.csv'}")


def test_copies_of_four_corpora_in_one_tree_are_found_by_their_parts(tmp_path):
    names = ("Ravdess/audio_speech_actors_01-24/Actor_01/03-01-05-01-01-01-01.wav", "Crema/1001_DFA_ANG_XX.wav")
    names += ("Tess/OAF_angry/OAF_back_angry.wav", "Savee/DC_a01.wav")
    touch(tmp_path, *names, "Tess/notes.wav")
    found = read(f"combined:{tmp_path}")
    assert sorted(f.corpus for f in found if isinstance(f, Clip)) == ["cremad", "ravdess", "savee", "tess"]
    assert [(f.reason, f.corpus) for f in found if isinstance(f, LeftOut)] == [("broken_name", "combined")]
    reasons = [f.reason for f in read(f"cremad:{tmp_path}") if isinstance(f, LeftOut)]
    assert sorted(reasons) == ["broken_name"] + ["other_corpus"] * 3
