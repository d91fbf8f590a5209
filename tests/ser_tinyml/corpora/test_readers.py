import pytest

from schemas.errors import UserError
from ser_tinyml import corpora
from ser_tinyml.corpora import ravdess, savee, tess
from ser_tinyml.corpora.corpus import BrokenRule, Clip, LeftOut, NotSpeech


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
    found = list(corpora.read("ravdess", str(tmp_path)))
    assert [type(f) for f in found] == [LeftOut, Clip, LeftOut]
    assert {f.reason for f in found if isinstance(f, LeftOut)} == {"not_speech", "broken_name"}


def test_a_directory_without_audio_and_a_missing_one_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="no audio file"):
        list(corpora.read("tess", str(tmp_path)))
    with pytest.raises(UserError, match="no such directory"):
        list(corpora.read("tess", str(tmp_path / "nowhere")))


@pytest.mark.parametrize(
    ("value", "complaint"), [("iemocap:x", "unknown corpus 'iemocap'"), ("tess", "expected NAME:DIR")]
)
def test_a_wrong_corpus_flag_is_explained(value, complaint):
    with pytest.raises(UserError, match=complaint):
        corpora.parse_corpus_flag(value)


def test_a_directory_may_contain_a_colon():
    assert corpora.parse_corpus_flag("tess:gs://bucket/tess") == ("tess", "gs://bucket/tess")


@pytest.mark.parametrize(("corpus", "clips"), [("ravdess", 899), ("tess", 1048)])
def test_every_real_name_is_understood(real_corpora, corpus, clips):
    found = list(corpora.read(corpus, str(real_corpora / corpus)))
    assert [f for f in found if isinstance(f, LeftOut)] == []
    assert len(found) == len(list((real_corpora / corpus).rglob("*.flac")))
