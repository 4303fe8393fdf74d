import shutil

import numpy as np
import pytest
from test_builder import examples

from keras_colorize import media, pixels
from keras_colorize.config import AugmentConfig
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


def test_variation_is_the_same_for_both_parts_and_again_for_the_same_epoch(data_dir):
    varied = Dataset(data_dir, "gray", 4, augment=AugmentConfig(flip=True, crop=0.5))
    first, again = list(varied.training(2)), list(varied.training(2))
    plain = list(Dataset(data_dir, "gray", 4).training(2))
    changed = 0
    for (condition, color), (_, same), (_, other) in zip(first, again, plain, strict=True):
        np.testing.assert_array_equal(color, same)
        changed += sum(np.any(one != two) for one, two in zip(color, other, strict=True))
        luminance = color.numpy() @ np.array([0.299, 0.587, 0.114])
        np.testing.assert_allclose(condition[..., 0], luminance, atol=0.02)
    assert changed > 2 * len(first)
    np.testing.assert_array_equal(first[1][1], next(iter(varied.training(2, skip=1)))[1])


def test_a_flip_mirrors_about_half_of_the_pictures(data_dir):
    flipped = Dataset(data_dir, "gray", 4, augment=AugmentConfig(flip=True)).training(0)
    plain = Dataset(data_dir, "gray", 4).training(0)
    pairs = [(one, two) for (_, ones), (_, twos) in zip(flipped, plain, strict=True)
             for one, two in zip(ones.numpy(), twos.numpy(), strict=True)]
    mirrored = [np.array_equal(one, two[:, ::-1]) for one, two in pairs]
    assert all(same or np.array_equal(one, two)
               for same, (one, two) in zip(mirrored, pairs, strict=True))
    assert 0.2 < np.mean(mirrored) < 0.8


def test_the_other_splits_are_not_varied(data_dir):
    varied = Dataset(data_dir, "gray", 4, augment=AugmentConfig(flip=True, crop=0.5))
    for one, two in zip(varied.validation(), Dataset(data_dir, "gray", 4).validation(),
                        strict=True):
        np.testing.assert_array_equal(one[1], two[1])
