import dataclasses

import numpy as np
import pytest

import components  # noqa: F401  settles which Keras TensorFlow loads
from schemas.errors import UserError
from schemas.front_end import FrontEnd, Standardisation
from schemas.record import Audio, Example
from schemas.run_files import Dataset, Shards, Split
from ser_tinyml.store import run_files
from ser_tinyml.store.dataset import list_clips, open_records, read_audio, read_calibration, read_split, shard_paths
from ser_tinyml.store.records import encode, encode_audio
from ser_tinyml.store.tfrecord import encode_shard, shard_names


def make_example(clip_id, copy=0, window=0, speaker="OAF") -> Example:
    mfcc = np.full((2, 13), 100 * copy + window, np.float32)
    return Example(clip_id, "tess", speaker, "happy", 1, copy, window, "clean", False, mfcc)


EXAMPLES = [make_example(clip, copy, window) for clip in "abc" for copy in (0, 1) for window in (0, 1, 2)]
SOUND = [
    Audio(clip, 0, window, np.array([-32768, window, 32767], np.int16)) for clip in ("x", "y") for window in (0, 1)
]


def key(of):
    return of.clip_id, of.copy, of.window


@pytest.fixture
def write_dataset(tmp_path):
    """Writes a dataset whose records, in an order of chance, are spread over the shards of their splits."""

    def write(splits, sound=(), num_shards=2, compressed=True) -> str:
        rng = np.random.default_rng(0)

        def spread(name, records) -> Shards:
            shards = shard_names(name, num_shards, compressed) if len(records) else []
            mixed = [records[number] for number in rng.permutation(len(records))]
            for number, shard in enumerate(shards):
                (tmp_path / shard).write_bytes(encode_shard(mixed[number::num_shards], compressed))
            return Shards(len(records), tuple(shards))

        found = {name: spread(name, [encode(each) for each in examples]) for name, examples in splits.items()}
        dataset = Dataset(
            digest="",
            synthetic=False,
            labels=("calm", "happy"),
            leds=(),
            label_of_emotion={},
            front_end=FrontEnd(),
            standardisation=Standardisation.identity(13),
            parameters={},
            decoded=0,
            quarantined={},
            splits={name: Split(each.examples, each.shards, labels={}, corpora={}) for name, each in found.items()},
            audio=spread("audio", [encode_audio(each) for each in sound]),
        )
        run_files.write(dataset, str(tmp_path))
        return str(tmp_path)

    return write


@pytest.mark.parametrize(("num_shards", "compressed"), [(1, True), (3, True), (2, False)])
def test_records_are_read_in_order_however_they_are_spread(write_dataset, num_shards, compressed):
    folder = write_dataset({"train": EXAMPLES, "test": EXAMPLES[:2]}, num_shards=num_shards, compressed=compressed)
    found = read_split(folder, "train")
    assert [key(each) for each in found] == [key(each) for each in EXAMPLES]
    for one, other in zip(found, EXAMPLES, strict=True):
        np.testing.assert_array_equal(one.mfcc, other.mfcc)
    assert len(read_split(folder, "test")) == 2
    assert len(list(open_records(shard_paths(folder, "train")))) == len(EXAMPLES)


@pytest.mark.parametrize("split", ["validation", "dev"])
def test_a_split_without_records_is_told(write_dataset, split):
    folder = write_dataset({"train": EXAMPLES, "validation": []})
    with pytest.raises(UserError, match=f"has no {split} examples; its splits are train, validation"):
        shard_paths(folder, split)


def test_the_clips_of_a_split_are_listed_with_who_speaks(write_dataset):
    others = [dataclasses.replace(each, speaker="Zoë", corpus="own") for each in EXAMPLES[:3]]
    folder = write_dataset({"train": EXAMPLES[6:] + others, "validation": []})
    assert list_clips(folder, "train") == {("a", "own", "Zoë"), ("b", "tess", "OAF"), ("c", "tess", "OAF")}
    assert list_clips(folder, "validation") == set()


def test_calibration_records_are_of_training_and_chosen_whatever_the_shards(write_dataset):
    folder = write_dataset({"train": EXAMPLES, "test": [make_example("t")]}, num_shards=1)
    chosen = [key(each) for each in read_calibration(folder, 5)]
    assert len(set(chosen)) == 5 and set(chosen) < {key(each) for each in EXAMPLES}
    assert {clip for clip, _, _ in chosen} != {"a"}  # they are not the first five
    assert [key(each) for each in read_calibration(write_dataset({"train": EXAMPLES}, num_shards=4), 5)] == chosen
    assert len(read_calibration(folder)) == len(EXAMPLES)


def test_sound_is_read_as_it_was_stored_in_order(write_dataset):
    found = read_audio(write_dataset({"train": EXAMPLES}, sound=SOUND))
    assert [key(each) for each in found] == [key(each) for each in SOUND]
    for one, other in zip(found, SOUND, strict=True):
        assert one.samples.dtype == np.int16
        np.testing.assert_array_equal(one.samples, other.samples)


def test_a_dataset_without_sound_is_told(write_dataset):
    with pytest.raises(UserError, match="holds no sound of its held-out windows: run the transform step again"):
        read_audio(write_dataset({"train": EXAMPLES}))
