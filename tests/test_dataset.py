import shutil

import numpy as np
import pytest
from test_builder import examples

from keras_colorize import media, pixels
from keras_colorize.dataset import Dataset
from keras_colorize.errors import DatasetError


def test_training_batches_are_whole_and_hold_the_records_pictures(data_dir):
    data = Dataset(data_dir, "gray", batch_size=4)
    batches = list(data.training(epoch=0))
    assert len(batches) == data.batches_per_epoch == len(examples(data_dir, "train")) // 4
    known = {media.decode_picture(each["color"].numpy()).tobytes()
             for each in examples(data_dir, "train")}
    for condition, color in batches:
        assert condition.shape == (4, 64, 96, 1) and color.shape == (4, 64, 96, 3)
        for gray, rgb in zip(pixels.to_uint8(condition.numpy()), pixels.to_uint8(color.numpy()),
                             strict=True):
            assert rgb.tobytes() in known
            np.testing.assert_array_equal(gray[..., 0], pixels.gray(rgb))


def test_the_order_depends_on_seed_and_epoch_alone(data_dir):
    def order(seed, epoch):
        batches = Dataset(data_dir, "edge", 4, seed).training(epoch)
        return np.concatenate([color for _, color in batches]).tobytes()

    assert order(0, 0) == order(0, 0)
    assert len({order(0, 0), order(0, 1), order(1, 0), order(1, 1)}) == 4


def test_an_epoch_entered_in_the_middle_goes_on_as_it_would_have(data_dir):
    data = Dataset(data_dir, "gray", 4)
    whole, rest = list(data.training(3)), list(data.training(3, skip=2))
    assert len(rest) == len(whole) - 2
    for one, other in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_the_other_splits_are_whole_and_in_order(data_dir):
    data = Dataset(data_dir, "gray", 4)
    stored = [media.decode_picture(each["color"].numpy()) for each in examples(data_dir, "test")]
    read = np.concatenate([color for _, color in data.pictures("test")])
    np.testing.assert_array_equal(read, stored)
    assert sum(len(color) for _, color in data.validation()) == len(examples(data_dir,
                                                                             "validation"))


@pytest.fixture
def copy(data_dir, tmp_path):
    """A copy of the dataset, to be damaged."""
    return shutil.copytree(data_dir, tmp_path / "copy")


def test_a_corrupt_a_cut_and_a_missing_shard_are_named(copy):
    shard = next(copy.glob("validation-*"))
    whole = shard.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (bytes(flipped), whole[:-100]):
        shard.write_bytes(damaged)
        with pytest.raises(DatasetError, match=f"{shard.name}: is corrupt"):
            Dataset(copy, "gray", 4)
    shard.unlink()
    with pytest.raises(DatasetError, match=f"{shard.name}: is missing"):
        Dataset(copy, "gray", 4)


def test_another_schema_a_damaged_manifest_and_none_are_named(copy, tmp_path):
    manifest = copy / "dataset.json"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 99'))
    with pytest.raises(DatasetError, match="has schema 99, this version reads 1"):
        Dataset(copy, "gray", 4)
    manifest.write_text("{")
    with pytest.raises(DatasetError, match="is damaged"):
        Dataset(copy, "gray", 4)
    with pytest.raises(DatasetError, match=r"holds no dataset\.json"):
        Dataset(tmp_path, "gray", 4)


def test_fewer_examples_than_a_batch_are_refused(data_dir):
    with pytest.raises(DatasetError, match=r"training examples, a batch has 512; set a smaller"):
        _ = Dataset(data_dir, "gray", 512).batches_per_epoch
