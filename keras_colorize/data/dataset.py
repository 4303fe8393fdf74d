"""Batches of a dataset directory: tf.data pipelines from its shards to a network.

A record is decoded to its stored pictures, uint8: the colour [h, w, 3], and for edge input the
edges [h, w, 1]. A gray condition is computed from the colour. That is the same bit for bit as the
gray picture in the record, and cheaper than decoding it. For manga input each picture is redrawn
as `sheets.draw` does, differently each time in training, and elsewhere always the same.
"""

import math
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_colorize.config import AugmentConfig, DataConfig
from keras_colorize.data import augment as augmentation
from keras_colorize.data.records import Manifest, parse
from keras_colorize.errors import DatasetError
from keras_colorize.image import pixels, sheets

SHARDS_AT_ONCE = 4
CACHE_SHARE = 0.1  # of the memory: what decoded pictures may take unless more is asked for
# AutoGraph would rewrite what is mapped, which needs none of it, for most of a second each time.
without_rewriting = tf.autograph.experimental.do_not_convert
CONTAINER_MEMORY = Path("/sys/fs/cgroup/memory.max")
LUMINANCE = np.float32(pixels.LUMINANCE_WEIGHTS) / pixels.LUMINANCE_UNIT  # exact, and so are sums


class Sharing:
    """The devices and processes that share each batch: here one, which takes all rows.

    A run on several devices passes an object of its own with the same attributes.
    """

    names: Sequence[str] = ("the only one",)
    """The devices of all processes together."""
    processes: int = 1
    """How many processes take part, each with an equal part of every batch."""

    def part(self, rows: int) -> slice:
        """Returns which rows of a batch this process takes."""
        return slice(0, rows)


ONE = Sharing()


class Place(NamedTuple):
    """The origin of an example: source, shot (or page), frame, and seconds (0 for pictures)."""

    source: str
    shot: int
    frame: int
    time: float


class Dataset:
    """A dataset directory as batches of (condition, colour).

    Reading is deterministic. The batches of an epoch depend on the dataset, `batch_size`, `seed`,
    `augment` and `data.shuffle`, and (like every shuffle of tf.data) on TensorFlow's global seed,
    which training sets to the same value. They do not depend on the number of cores. Under
    `tf.distribute` every worker reads all examples and keeps its share, so that each is seen once.

    Args:
        directory: made by `build-tfrecords`; every shard's checksum is compared at once.
        condition: "gray", "edge" or "manga".
        batch_size: of training batches; the other splits may end with a smaller one.
        seed: decides the order and the variation of the training examples, with the epoch.
        augment: how training examples are varied.
        data: how they are shuffled, and whether they are kept decoded. To keep them takes height *
            width * 3 bytes of memory for each training example (* 4 for edges), and changes no
            batch. By default they are kept if that is at most `CACHE_SHARE` of the memory.

    Raises:
        DatasetError: there is no whole dataset.
    """

    def __init__(self, directory: str | Path, condition: str, batch_size: int, seed: int = 0,
                 augment: AugmentConfig = AugmentConfig(),  # noqa: B008 - it is frozen
                 data: DataConfig = DataConfig()):  # noqa: B008
        self.manifest = Manifest.read(directory)
        self.manifest.verify()
        self.condition, self.batch_size = condition, batch_size
        self.seed, self.augment, self.data = seed, augment, data

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.manifest.size

    @property
    def digest(self) -> str:
        """The digest of the dataset's records."""
        return self.manifest.digest

    @property
    def described(self) -> dict:
        """The values that a run records: the digest, the sources, and how pictures were made."""
        values = self.manifest.values
        made = {key: values.get(key) for key in ("digest", "size", "zoom", "canny", "counts",
                                                 "split_by")}
        return {**made, "sources": [source["name"] for source in values.get("sources", ())]}

    @property
    def batches_per_epoch(self) -> int:
        """The number of whole training batches; raises DatasetError where there is not one.

        Each epoch leaves other examples over.
        """
        examples = self.manifest.counts["train"]
        if examples < self.batch_size:
            raise DatasetError(self.manifest.directory, f"has {examples} training examples, a "
                               f"batch has {self.batch_size}", "set a smaller train.batch_size")
        return examples // self.batch_size

    @without_rewriting
    def training(self, epoch: int, skip: int = 0, devices: Sharing = ONE) -> tf.data.Dataset:
        """Gives the training batches of an epoch, in an order that `seed` and `epoch` decide.

        Returns:
            Batches from number `skip` on: float32 conditions [batch, h, w, 1] and colours
            [batch, h, w, 3], both in [-1, 1]; with several processes, this one's rows of them. With
            `augment.hints` the conditions have three more channels, `pixels.hint_channels`.

        Raises:
            DatasetError: `data.cache` is set, and the pictures do not fit in memory.
        """
        if self._keeps_decoded():
            rows = self._shuffled(epoch, lambda path, first, end: tf.data.Dataset.range(first, end))
            stored = _look_up(self._decoded, self._batched(rows, skip, devices))
        else:
            # Shuffled before decoding: the bytes of an example are small beside its pictures.
            records = self._shuffled(epoch, lambda path, first, end: tf.data.TFRecordDataset(path))
            stored = self._batched(records, skip, devices, self._decode)
        if self.augment == AugmentConfig() and self.condition != "manga":
            return self._finished(stored.map(self._signed, tf.data.AUTOTUNE))

        first = devices.part(self.batch_size).start
        return self._finished(stored.enumerate(skip).map(
            lambda number, stored: self._vary(stored, epoch, number, first), tf.data.AUTOTUNE))

    @without_rewriting
    def validation(self, devices: Sharing = ONE) -> tf.data.Dataset:
        """Gives all validation examples in their order, in batches as those of `training`.

        Several devices take equal parts, so a few examples at the end may be left out. It raises
        DatasetError where there are fewer examples than devices.
        """
        count, sharing = self.manifest.counts["validation"], len(devices.names)
        if count < sharing:
            raise DatasetError(self.manifest.directory, f"has {count} validation examples, to be "
                               f"shared by {sharing} devices", "train on fewer devices, or build "
                               "a larger dataset")
        batches = self._stored("validation").take(count // sharing * sharing).batch(self.batch_size)
        if devices.processes > 1:
            batches = batches.map(lambda *stored: tuple(
                each[devices.part(tf.shape(each)[0])] for each in stored))
        return self._finished(batches.map(self._signed, tf.data.AUTOTUNE))

    @without_rewriting
    def pictures(self, split: str) -> tf.data.Dataset:
        """Gives all examples of a split in their order, as uint8 (condition, colour) batches."""
        def pair(*stored):
            return tuple(tf.cast(each, tf.uint8) for each in self._pair(*stored))

        stored = self._stored(split).batch(self.batch_size)
        return self._finished(stored.map(pair, tf.data.AUTOTUNE))

    @without_rewriting
    def places(self, split: str) -> list[Place]:
        """Lists where the examples of a split come from, in the order of `pictures`."""
        paths = [str(path) for path in self.manifest.shards(split)]
        parsed = self._counted(split, tf.data.TFRecordDataset(paths)).map(parse)
        return [Place(each["source"].decode(), int(each["shot"]), int(each["frame"]),
                      float(each["time"])) for each in parsed.as_numpy_iterator()]

    def _shuffled(self, epoch: int, open_shard: Callable) -> tf.data.Dataset:
        """Shuffles the training examples for an epoch.

        For each shard `open_shard` makes a dataset of its examples, from its path and, as scalar
        int64, the number of its first example and the one after its last.
        """
        paths = self.manifest.shards("train")
        sizes = {each["file"]: each["records"] for each in self.manifest.values["shards"]}
        ends = np.cumsum([sizes[path.name] for path in paths])
        firsts = ends - [sizes[path.name] for path in paths]
        order = np.random.default_rng([self.seed, epoch]).permutation(len(paths))
        shards = tf.data.Dataset.from_tensor_slices(
            (np.array([str(path) for path in paths])[order], firsts[order], ends[order]))
        examples = self._counted("train", shards.interleave(
            open_shard, cycle_length=SHARDS_AT_ONCE, num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True))
        return examples.shuffle(min(self.manifest.counts["train"], self.data.shuffle),
                                seed=self.seed * 100_003 + epoch, reshuffle_each_iteration=False)

    def _stored(self, split: str) -> tf.data.Dataset:
        """Decodes the pictures of a split, one by one, in their order."""
        paths = [str(path) for path in self.manifest.shards(split)]
        records = self._counted(split, tf.data.TFRecordDataset(paths))
        return records.map(self._decode, tf.data.AUTOTUNE)

    def _counted(self, split: str, examples: tf.data.Dataset) -> tf.data.Dataset:
        # Keras must know the number of batches, and a shard that reads short must not pass.
        counted = tf.data.experimental.assert_cardinality(self.manifest.counts[split])
        options = tf.data.Options()
        # Its loop sleeps ever longer, and the end of an epoch can wait for it, up to a minute.
        options.autotune.enabled = False
        return examples.apply(counted).with_options(options)

    def _batched(self, examples: tf.data.Dataset, skip: int, devices: Sharing,
                 decode: Callable | None = None) -> tf.data.Dataset:
        """Makes whole batches from number `skip` on, with this process's rows of each."""
        examples = examples.take(self.batches_per_epoch * self.batch_size)
        examples = examples.skip(skip * self.batch_size)
        part = devices.part(self.batch_size)
        if devices.processes > 1:
            def ours(number, example):
                row = number % self.batch_size
                return (part.start <= row) & (row < part.stop)

            examples = examples.enumerate().filter(ours).map(lambda number, example: example)
            examples = examples.apply(tf.data.experimental.assert_cardinality(
                (self.batches_per_epoch - skip) * (part.stop - part.start)))
        if decode:
            examples = examples.map(decode, tf.data.AUTOTUNE)
        return examples.batch(part.stop - part.start, drop_remainder=True)

    @staticmethod
    def _finished(batches: tf.data.Dataset) -> tf.data.Dataset:
        options = tf.data.Options()
        options.deterministic = True
        # By file, a worker with less than its share of the shards would get fewer batches or none.
        options.experimental_distribute.auto_shard_policy = \
            tf.data.experimental.AutoShardPolicy.DATA
        return batches.prefetch(tf.data.AUTOTUNE).with_options(options)

    def _decode(self, serialized: tf.Tensor) -> tuple[tf.Tensor, ...]:
        example = parse(serialized)
        color = tf.ensure_shape(tf.io.decode_png(example["color"], channels=3), (*self.size, 3))
        if self.condition != "edge":
            return (color,)
        edge = tf.ensure_shape(tf.io.decode_png(example["edge"], channels=1), (*self.size, 1))
        return color, edge

    def _keeps_decoded(self) -> bool:
        if self.data.cache != "auto":
            return self.data.cache
        pixels_kept = self.manifest.counts["train"] * math.prod(self.size)
        return pixels_kept * (4 if self.condition == "edge" else 3) <= CACHE_SHARE * memory_size()

    @cached_property
    def _decoded(self) -> list[np.ndarray]:
        """All stored training pictures, an array for each part of an example, uint8 [n, ...]."""
        stored, count = self._stored("train"), self.manifest.counts["train"]
        shapes = [(count, *each.shape) for each in stored.element_spec]
        try:
            decoded = [np.empty(shape, np.uint8) for shape in shapes]
        except MemoryError as error:
            size = sum(map(math.prod, shapes)) / 1e9
            raise DatasetError(self.manifest.directory, f"needs {size:.1f} GB of memory to be kept "
                               "decoded", "set data.cache=false") from error
        elements = stored.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
        for row, pictures in enumerate(tqdm(elements, "decoding pictures", count, unit="picture",
                                            delay=2)):
            for kept, picture in zip(decoded, pictures, strict=True):
                kept[row] = picture
        return decoded

    def _vary(self, stored: tuple[tf.Tensor, ...], epoch: int, number: tf.Tensor, first: int,
              ) -> tuple[tf.Tensor, tf.Tensor]:
        """Varies a batch as seed, epoch and batch number decide, to signed (condition, colour).

        Its first row here has the number `first` in the whole batch.
        """
        zoom = self.manifest.values.get("zoom", "spline")
        guided = self.augment.hints > 0

        def vary_row(generator, color, edge):
            condition, color = augmentation.vary(color, edge, self.augment, generator, zoom)
            if self.condition == "manga":
                page, color = sheets.draw(color, generator)
                condition = page[..., None]
            if not guided:
                return condition, color
            given = epoch >= self.augment.first_hints and generator.random() < self.augment.hints
            return condition, color, augmentation.draw_hints(color, generator) if given else \
                np.zeros(color.shape, np.float32)

        def vary(number, colors, edges=None):
            edges = [None] * len(colors) if edges is None else edges[..., 0]
            varied = [vary_row(np.random.default_rng([self.seed, epoch, number, row]), *each)
                      for row, each in enumerate(zip(colors, edges, strict=True), first)]
            return [np.stack(each) for each in zip(*varied, strict=True)]

        # Stateless, for it draws from its seeds alone: so that batches are varied in parallel.
        parts = tf.numpy_function(vary, [number, *stored], [tf.uint8, tf.uint8]
                                  + [tf.float32] * guided, stateful=False)
        rows = stored[0].shape[0]
        condition, color, *hints = (tf.cast(tf.ensure_shape(each, (rows, *self.size, channels)),
                                            tf.float32)
                                    for each, channels in zip(parts, (1, 3, 3), strict=False))
        condition, color = pixels.to_signed(condition), pixels.to_signed(color)
        return tf.concat([condition, *hints], -1), color

    def _pair(self, color: tf.Tensor, edge: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Turns stored pictures, uint8, into float32 (condition, colour) in 0..255."""
        if self.condition == "manga":
            drawn = tf.numpy_function(_redrawn, [color], [tf.uint8, tf.uint8], stateful=False)
            return tuple(tf.cast(tf.ensure_shape(each, (*color.shape[:-1], channels)), tf.float32)
                         for each, channels in zip(drawn, (1, 3), strict=True))
        color = tf.cast(color, tf.float32)
        if edge is not None:
            return tf.cast(edge, tf.float32), color
        weighted = tf.nn.conv2d(color, LUMINANCE.reshape(1, 1, 3, 1), 1, "VALID")
        return tf.floor(weighted + 0.5), color

    def _signed(self, *stored: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        condition, color = (pixels.to_signed(each) for each in self._pair(*stored))
        if self.augment.hints:  # a guided network is given none here
            condition = tf.concat([condition, tf.zeros_like(color)], -1)
        return condition, color


def memory_size() -> int:
    """Returns the bytes of memory of the machine, or of the container; 0 if they are not known."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    try:
        return min(machine, int(CONTAINER_MEMORY.read_text()))
    except (OSError, ValueError):  # none, or "max"
        return machine


def _redrawn(colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Redraws a batch of pictures, uint8 [n, h, w, 3], as pages [n, h, w, 1] and their colours."""
    pages, flats = zip(*map(sheets.draw_alike, colors), strict=True)
    return np.stack(pages)[..., None], np.stack(flats)


def _look_up(decoded: list[np.ndarray], rows: tf.data.Dataset) -> tf.data.Dataset:
    """Turns batches of row numbers, int64 [batch], into batches of what `decoded` keeps."""
    def batch_of(numbers):
        stored = tf.numpy_function(lambda numbers: [kept[numbers] for kept in decoded], [numbers],
                                   [tf.uint8] * len(decoded), stateful=False)
        return tuple(tf.ensure_shape(each, (*numbers.shape, *kept.shape[1:]))
                     for each, kept in zip(stored, decoded, strict=True))

    return rows.map(batch_of, tf.data.AUTOTUNE)
