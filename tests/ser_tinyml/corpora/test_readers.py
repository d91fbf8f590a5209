import pytest

from schemas.errors import UserError
from ser_tinyml import corpora
from ser_tinyml.corpora import ased, banglaser, cremad, emodb, nemo, ravdess, savee, tess
from ser_tinyml.corpora.corpus import BrokenRule, Clip, LeftOut, NotSpeech


def read(corpus, directory):
    return list(corpora.read(corpora.Source(corpus, corpus, str(directory))))


@pytest.mark.parametrize(
    ("reader", "path", "speaker", "emotion"),
    [
        (ravdess, "Actor_12/03-01-06-01-02-01-12.wav", "12", "fearful"),
        (ravdess, "audio_speech_actors_01-24/Actor_01/03-01-02-02-01-02-01.wav", "01", "calm"),
        (tess, "OAF_Pleasant_surprise/OAF_back_ps.wav", "OAF", "surprised"),
        (tess, "YAF_pleasant_surprised/YAF_back_ps.wav", "YAF", "surprised"),
        (tess, "YAF_PLEASANT_SURPRISE/YAF_Back_PS.WAV", "YAF", "surprised"),
        (tess, "OAF_neutral/OA_bite_neutral.wav", "OAF", "neutral"),
        (tess, "anywhere/YAF_youth_fear.wav", "YAF", "fearful"),
        (savee, "ALL/DC_su01.wav", "DC", "surprised"),
        (savee, "ALL/KL_sa15.wav", "KL", "sad"),
        (savee, "AudioData/JE/n30.wav", "JE", "neutral"),
        (savee, "jk/SU02.WAV", "JK", "surprised"),
        (savee, "DC/DC_a01.wav", "DC", "angry"),
        (cremad, "AudioWAV/1001_DFA_ANG_XX.wav", "1001", "angry"),
        (cremad, "1040_ITH_SAD_X.wav", "1040", "sad"),
        (emodb, "wav/03a01Fa.wav", "03", "happy"),
        (emodb, "wav/16b10Wb.wav", "16", "angry"),
        (nemo, "samples/EB0_anger_1.wav", "EB0", "angry"),
        (nemo, "WR0_surprised_90.wav", "WR0", "surprised"),
        (banglaser, "03-01-04-02-03-01-15.wav", "15", "surprised"),
        (ased, "04Sad/s4-01-02-01-35.wav", "35", "sad"),
        (ased, "04Sad/S4-01-02-02-34.wav", "34", "sad"),
    ],
)
def test_published_names_are_understood(reader, path, speaker, emotion):
    utterance = reader.CORPUS.parse_name(path)
    assert (utterance.speaker, utterance.emotion) == (speaker, emotion)


@pytest.mark.parametrize(
    ("reader", "path", "rule"),
    [
        (ravdess, "03-01-06-01-02-01.wav", "7 fields"),
        (ravdess, "03-01-09-01-02-01-12.wav", "emotion is 01 to 08; found '09'"),
        (ravdess, "03-01-06-01-02-01-25.wav", "actor is 01 to 24; found '25'"),
        (ravdess, "02-01-06-01-02-01-12.wav", "modality"),
        (ravdess, "03-01-01-02-01-01-01.wav", "no strong intensity"),
        (ravdess, "03-01-6-01-02-01-12.wav", "emotion"),
        (tess, "OAF_back.wav", "SPEAKER_word_emotion"),
        (tess, "EAF_back_angry.wav", "speaker is OAF or YAF"),
        (tess, "OAF_back_bored.wav", "emotion is one of"),
        (tess, "OAF_happy/OAF_back_angry.wav", "agrees with its folder"),
        (tess, "YAF_angry/OAF_back_angry.wav", "agrees with its folder"),
        (savee, "DC_x01.wav", "emotion is one of"),
        (savee, "DC_a1.wav", "two digits"),
        (savee, "a01.wav", "speaker is DC, JE, JK or KL"),
        (savee, "KL/DC_a01.wav", "agrees with its folder"),
        (savee, "s01.wav", "speaker"),
        (savee, "DC/s01.wav", "emotion"),
        (cremad, "1001_DFA_ANG.wav", "4 fields"),
        (cremad, "1092_DFA_ANG_XX.wav", "speaker is 1001 to 1091"),
        (cremad, "1001_DFA_SUR_XX.wav", "emotion is one of"),
        (cremad, "1001_DFA_ANG_YY.wav", "level is one of"),
        (emodb, "03a01.wav", "like 03a01Fa"),
        (emodb, "04a01Fa.wav", "speaker is one of"),
        (emodb, "03a01Xa.wav", "emotion is one of"),
        (nemo, "EB0_anger.wav", "like EB0_anger_1"),
        (nemo, "XX0_anger_1.wav", "speaker is one of"),
        (nemo, "EB0_rage_1.wav", "emotion is one of"),
        (banglaser, "03-01-04-02-03-01.wav", "7 fields"),
        (banglaser, "03-01-06-02-03-01-15.wav", "emotion is one of 01, 02, 03, 04, 05; found '06'"),
        (banglaser, "03-02-04-02-03-01-15.wav", "statement type is 01; found '02'"),
        (ased, "s4-01-02-35.wav", "like s4-01-02-01-35"),
        (ased, "s3-01-02-01-35.wav", "emotion is one of"),
        (ased, "s4-01-02-02-35.wav", "speaker 35 is female"),
        (ased, "s4-01-02-02-66.wav", "speaker is 01 to 65"),
    ],
)
def test_a_name_that_fits_no_rule_is_refused_with_the_rule(reader, path, rule):
    with pytest.raises(BrokenRule, match=rule):
        reader.CORPUS.parse_name(path)


def test_ravdess_songs_are_not_speech():
    with pytest.raises(NotSpeech):
        ravdess.CORPUS.parse_name("03-02-06-01-02-01-12.wav")


def test_read_lists_every_audio_file_and_passes_over_the_others(tmp_path):
    for name in (
        "Actor_01/03-01-03-01-01-01-01.WAV",
        "03-02-03-01-01-01-01.wav",
        "noise.wav",
        "readme.txt",
        ".DS_Store",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = read("ravdess", tmp_path)
    assert [type(f) for f in found] == [LeftOut, Clip, LeftOut]
    assert {f.reason for f in found if isinstance(f, LeftOut)} == {"not_speech", "broken_name"}


def test_a_directory_without_audio_and_a_missing_one_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="no audio file"):
        (read("tess", tmp_path))
    with pytest.raises(UserError, match="no such directory"):
        (read("tess", tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("value", "complaint"), [("iemocap:x", "unknown corpus 'iemocap'"), ("tess", "expected NAME:DIR")]
)
def test_a_wrong_corpus_flag_is_explained(value, complaint):
    with pytest.raises(UserError, match=complaint):
        corpora.parse_corpus_flag(value)


def test_a_directory_may_contain_a_colon():
    assert corpora.parse_corpus_flag("tess:gs://bucket/tess") == corpora.Source("tess", "tess", "gs://bucket/tess")


@pytest.mark.parametrize(
    ("corpus", "clips"), [("ravdess", 908), ("tess", 1039), ("nemo", 933), ("banglaser", 978), ("ased", 642)]
)
def test_every_real_name_is_understood(real_corpora, corpus, clips):
    found = read(corpus, real_corpora / corpus)
    assert [f for f in found if isinstance(f, LeftOut)] == []
    assert len(found) == len(list((real_corpora / corpus).rglob("*.flac"))) == clips
