import collections
import itertools

import soundfile

from schemas.classes import PRESETS
from schemas.manifest import SYNTHETIC_COMMENT
from ser_tinyml import corpora
from ser_tinyml.corpora import demo
from ser_tinyml.corpora.corpus import Clip


def read_all(folder):
    sources = (corpora.Source(name, name, str(folder / name)) for name in ("ravdess", "tess", "savee"))
    return [clip for source in sources for clip in corpora.read(source)]


def test_the_real_readers_read_all_of_it(demo_corpus):
    clips = read_all(demo_corpus)
    assert all(isinstance(clip, Clip) for clip in clips)
    assert 300 <= len(clips) <= 600
    assert len({(clip.corpus, clip.speaker) for clip in clips}) >= 8
    ravdess = collections.Counter(clip.emotion for clip in clips if clip.corpus == "ravdess")
    assert set(ravdess) == set(PRESETS["ravdess8"].labels)


def test_every_file_says_that_it_is_synthetic(demo_corpus):
    for clip in read_all(demo_corpus):
        with soundfile.SoundFile(clip.path) as file:
            assert file.comment == SYNTHETIC_COMMENT


def test_a_seed_gives_the_same_bytes_and_another_seed_others(demo_corpus, tmp_path):
    """Of the first recordings, which the voice speaks before the others."""
    scripts = list(itertools.islice(demo.list_scripts(), 60))
    for seed, same in ((0, True), (1, False)):
        demo.speak(scripts, str(tmp_path / str(seed)), seed)
        for script in scripts:
            again = (tmp_path / str(seed) / script.path).read_bytes()
            assert (again == (demo_corpus / script.path).read_bytes()) == same, script.path
