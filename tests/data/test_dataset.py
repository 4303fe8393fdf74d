import json
import os
import shutil
import socket
import subprocess
import sys
import zlib
from collections import Counter

import cv2
import numpy as np
import pytest
import tensorflow as tf
from conftest import examples

from keras_colorize import media
from keras_colorize.config import AugmentConfig, DataConfig
from keras_colorize.data import dataset
from keras_colorize.data.dataset import Dataset
from keras_colorize.data.records import digest_of
from keras_colorize.errors import DatasetError
from keras_colorize.files import sha256_of
from keras_colorize.image import pixels, sheets

EVERYTHING = {"gray": AugmentConfig(flip=True, crop=0.7, gamma=0.3, screentone=0.5),
              "edge": AugmentConfig(flip=True, crop=0.7, gamma=0.3, canny=0.5, line_thickness=3),
              "manga": AugmentConfig(flip=True, crop=0.5)}


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


def test_manga_is_drawn_anew_in_each_epoch_and_elsewhere_always_the_same(data_dir):
    data = Dataset(data_dir, "manga", 4)
    color = media.decode_picture(next(iter(examples(data_dir, "test")))["color"].numpy())
    page, flat = sheets.draw_alike(color)
    for _ in range(2):
        condition, truth = next(iter(data.pictures("test")))
        np.testing.assert_array_equal(condition[0, ..., 0], page)
        np.testing.assert_array_equal(truth[0], flat)
    condition, truth = next(iter(data.validation()))
    assert condition.shape[1:] == (64, 96, 1) and truth.shape[1:] == (64, 96, 3)
    pages = [{page.tobytes() for batch, _ in data.training(epoch) for page in batch.numpy()}
             for epoch in (0, 1)]
    assert not pages[0] & pages[1]


@pytest.fixture
def copy(data_dir, tmp_path):
    """A copy of the dataset, to be damaged."""
    return shutil.copytree(data_dir, tmp_path / "copy")


def test_no_tuning_loop_holds_up_an_epoch_and_workers_share_examples_not_files(data_dir):
    data, cached = (Dataset(data_dir, "gray", 4, data=DataConfig(cache=each))
                    for each in (False, True))
    for batches in (data.training(0), cached.training(0), data.validation(),
                    data.pictures("test")):
        assert batches.options().autotune.enabled is False
        assert batches.options().experimental_distribute.auto_shard_policy == \
            tf.data.experimental.AutoShardPolicy.DATA


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


@pytest.mark.parametrize("condition", ["gray", "edge"])
def test_the_condition_is_the_records_bit_for_bit(condition, data_dir):
    stored = [cv2.imdecode(np.frombuffer(each[condition].numpy(), np.uint8), cv2.IMREAD_UNCHANGED)
              for each in examples(data_dir, "train")]
    read = np.concatenate([each for each, _ in Dataset(data_dir, condition, 4).pictures("train")])
    np.testing.assert_array_equal(read[..., 0], stored)


@pytest.fixture
def sharded(data_dir, tmp_path):
    """The dataset with its training examples in five shards of unequal size."""
    out = shutil.copytree(data_dir, tmp_path / "sharded")
    values = json.loads((out / "dataset.json").read_text())
    old = next(each for each in values["shards"] if each["file"].startswith("train-"))
    records = [each.numpy() for each in tf.data.TFRecordDataset(str(out / old["file"]))]
    values["shards"].remove(old)
    (out / old["file"]).unlink()
    for number, part in enumerate(np.array_split(records, [2, 3, 11, 16])):
        path = out / f"train-{number:05d}-of-00005.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in part:
                writer.write(record)
        values["shards"].append({"file": path.name, "records": len(part),
                                 "sha256": sha256_of(path)})
    values["digest"] = digest_of(values["size"], values["shards"])
    (out / "dataset.json").write_text(json.dumps(values))
    return out


def order_of(data, epoch, skip=0):
    """The pictures of an epoch, as bytes in their order."""
    return [color.tobytes() for _, colors in data.training(epoch, skip) for color in colors.numpy()]


def test_every_example_is_seen_once_an_epoch_whatever_waits_to_be_drawn_from(sharded):
    orders = {}
    for shuffle in (1, 5, 4096):
        data = Dataset(sharded, "gray", 1, data=DataConfig(shuffle=shuffle))
        orders[shuffle] = order_of(data, 0)
        assert Counter(orders[shuffle]) == Counter(order_of(data, 1))
        assert orders[shuffle] != order_of(data, 1)  # by the order of the shards alone, for 1
        assert order_of(data, 0, skip=3) == orders[shuffle][3:]
    whole = Counter(pixels.to_signed(media.decode_picture(each["color"].numpy())
                                     .astype(np.float32)).tobytes()
                    for each in examples(sharded, "train"))
    assert Counter(orders[1]) == Counter(orders[5]) == Counter(orders[4096]) == whole
    assert len({tuple(order) for order in orders.values()}) == 3


@pytest.mark.parametrize("condition", EVERYTHING)
def test_a_cache_changes_no_batch_and_needs_no_shard_again(condition, sharded):
    settings = dict(directory=sharded, condition=condition, batch_size=4, seed=3)
    variations = (AugmentConfig(), EVERYTHING[condition])
    anew, kept = ([Dataset(**settings, augment=augment, data=DataConfig(cache=cache, shuffle=9))
                   for augment in variations] for cache in (False, True))
    fresh = [[list(data.training(epoch, skip=epoch)) for epoch in (0, 1)] for data in anew]
    for data in kept:
        next(iter(data.training(0)))
    for shard in sharded.glob("train-*"):
        shard.unlink()
    for data, epochs in zip(kept, fresh, strict=True):
        for epoch, batches in enumerate(epochs):
            for one, two in zip(data.training(epoch, skip=epoch), batches, strict=True):
                np.testing.assert_array_equal(one[0], two[0])
                np.testing.assert_array_equal(one[1], two[1])


def test_pictures_are_kept_where_they_fit_in_a_tenth_of_the_memory(data_dir, monkeypatch, tmp_path):
    def keeps(condition, **data):
        given = Dataset(data_dir, condition, 4, data=DataConfig(**data))
        given.training(0)
        return "_decoded" in vars(given)

    assert 1e8 < dataset.memory_size() < 1e14
    count = Dataset(data_dir, "gray", 4).manifest.counts["train"]
    monkeypatch.setattr(dataset, "CONTAINER_MEMORY", tmp_path / "memory.max")
    dataset.CONTAINER_MEMORY.write_text(f"{10 * count * 64 * 96 * 3}\n")
    assert keeps("gray") and not keeps("edge") and keeps("edge", cache=True)
    assert not keeps("gray", cache=False)
    dataset.CONTAINER_MEMORY.write_text("max\n")
    assert keeps("edge")


def test_a_cache_that_does_not_fit_in_memory_is_refused(data_dir):
    data = Dataset(data_dir, "gray", 4, data=DataConfig(cache=True))
    data.manifest.values["counts"]["train"] = 10**12
    with pytest.raises(DatasetError, match=r"needs 18432000\.0 GB of memory.*data\.cache=false"):
        data.training(0)


def test_a_shard_that_reads_short_stops_the_epoch(data_dir):
    data = Dataset(data_dir, "gray", 4)
    data.manifest.counts["train"] += 4
    with pytest.raises(tf.errors.FailedPreconditionError, match="contained only"):
        list(data.training(0))


@pytest.mark.parametrize("condition", EVERYTHING)
def test_every_variation_comes_again_with_its_seed_epoch_and_batch(condition, data_dir):
    def batches(seed, epoch, skip=0):
        data = Dataset(data_dir, condition, 4, seed, EVERYTHING[condition])
        return [np.concatenate(batch, axis=-1) for batch in data.training(epoch, skip)]

    whole, rest = batches(1, 2), batches(1, 2, skip=2)
    np.testing.assert_array_equal(whole, batches(1, 2))
    np.testing.assert_array_equal(whole[2:], rest)
    assert not np.array_equal(whole, batches(1, 3)) and not np.array_equal(whole, batches(2, 2))


def test_no_two_pictures_are_varied_alike(sharded):
    values = json.loads((sharded / "dataset.json").read_text())
    shard = next(sharded.glob("train-*"))
    record = next(iter(tf.data.TFRecordDataset(str(shard)))).numpy()
    with tf.io.TFRecordWriter(str(shard)) as writer:
        for _ in range(16):
            writer.write(record)
    values["shards"] = [{"file": shard.name, "records": 16, "sha256": sha256_of(shard)}]
    values["counts"] = {"train": 16, "validation": 0, "test": 0}
    values["digest"] = digest_of(values["size"], values["shards"])
    (sharded / "dataset.json").write_text(json.dumps(values))
    seen = set()
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        data = Dataset(sharded, "gray", 4, seed, AugmentConfig(crop=0.5))
        seen |= set(order_of(data, epoch))
    assert len(seen) == 3 * 16


MIRRORED = """
import sys, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_colorize.config import AugmentConfig
from keras_colorize.data.dataset import Dataset
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for augment in (AugmentConfig(), AugmentConfig(flip=True, crop=0.5)):
    data = Dataset(sys.argv[1], "gray", 4, augment=augment)
    plain = list(data.training(1))
    parts = list(strategy.experimental_distribute_dataset(data.training(1)))
    assert len(plain) == len(parts) > 2
    for batch, part in zip(plain, parts):
        for whole, each in zip(batch, part):
            locally = strategy.experimental_local_results(each)
            assert [len(one) for one in locally] == [2, 2]
            np.testing.assert_array_equal(whole, np.concatenate(locally))
print("equal")
"""


def test_the_replicas_of_one_machine_share_each_batch_in_order(data_dir):
    answer = subprocess.run([sys.executable, "-c", MIRRORED, str(data_dir)], capture_output=True,
                            text=True)
    assert answer.stdout.strip() == "equal", answer.stderr


WORKER = """
import sys, zlib, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
from keras_colorize.data.dataset import Dataset
tf.random.set_seed(0)
data = Dataset(sys.argv[1], "gray", 4)
for epoch in strategy.experimental_distribute_dataset(data.training(1)):
    for color in strategy.experimental_local_results(epoch[1])[0].numpy():
        print(zlib.crc32(color.tobytes()))
"""


@pytest.mark.slow
def test_two_workers_see_every_example_of_one_shard_once(data_dir):
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            ports.append(free.getsockname()[1])
    workers = []
    for index in range(2):
        task = {"cluster": {"worker": [f"localhost:{port}" for port in ports]},
                "task": {"type": "worker", "index": index}}
        workers.append(subprocess.Popen(
            [sys.executable, "-c", WORKER, str(data_dir)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TF_CONFIG": json.dumps(task)}))
    answers = [worker.communicate(timeout=120) for worker in workers]
    seen = [output.split() for output, _ in answers]
    assert len(seen[0]) == len(seen[1]) > 4, answers
    tf.random.set_seed(0)
    everything = [str(zlib.crc32(each)) for each in order_of(Dataset(data_dir, "gray", 4), 1)]
    assert sorted(seen[0] + seen[1]) == sorted(everything)
