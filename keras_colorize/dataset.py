"""tf.data pipelines: from the shards of a dataset directory to batches for a network."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from keras_colorize import pixels
from keras_colorize.config import AugmentConfig
from keras_colorize.errors import DatasetError
from keras_colorize.records import Manifest, parse

SHARDS_AT_ONCE = 4


class Dataset:
    """A dataset directory as batches of (condition, colour).

    Args:
        directory: what `build-tfrecords` made; every shard's checksum is compared at once.
        condition: "gray" or "edge".
        batch_size: of training batches; the other splits may end with a smaller one.
        seed: decides the order and the variation of the training examples, with the epoch.
        augment: how training examples are varied.

    Raises:
        DatasetError: there is no whole dataset.
    """

    def __init__(self, directory: str | Path, condition: str, batch_size: int, seed: int = 0,
                 augment: AugmentConfig = AugmentConfig()):  # noqa: B008 - it is frozen
        self.manifest = Manifest.read(directory)
        self.manifest.verify()
        self.condition, self.batch_size = condition, batch_size
        self.seed, self.augment = seed, augment

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
        """What a run notes of its data: the digest, and how the pictures were made."""
        return {key: self.manifest.values.get(key) for key in ("digest", "size", "zoom", "canny")}

    @property
    def batches_per_epoch(self) -> int:
        """Whole training batches; the examples left over differ from epoch to epoch.

        Raises:
            DatasetError: there is not one.
        """
        examples = self.manifest.counts["train"]
        if examples < self.batch_size:
            raise DatasetError(self.manifest.directory, f"has {examples} training examples, a "
                               f"batch has {self.batch_size}", "set a smaller train.batch_size")
        return examples // self.batch_size

    def training(self, epoch: int, skip: int = 0) -> tf.data.Dataset:
        """The training batches of an epoch, in an order that `seed` and `epoch` decide.

        Returns:
            Batches from number `skip` on: float32 conditions [batch, h, w, 1] and colours
            [batch, h, w, 3], both in [-1, 1].
        """
        # Shuffled before decoding: the bytes of all examples are small beside their pictures.
        shuffled = self._serialized("train").shuffle(
            self.manifest.counts["train"], seed=self.seed * 100_003 + epoch,
            reshuffle_each_iteration=False)
        batches = shuffled.batch(self.batch_size, drop_remainder=True).enumerate().skip(skip)

        def varied_batch(number, serialized):
            seed = tf.stack([tf.constant(self.seed * 100_003 + epoch, tf.int64), number])
            return self._vary(*self._signed_batch(serialized), seed)

        return self._decoded(batches, varied_batch)

    def validation(self) -> tf.data.Dataset:
        """All validation examples in their order, batched and ranged as in `training`."""
        return self._decoded(self._serialized("validation").batch(self.batch_size),
                             self._signed_batch)

    def pictures(self, split: str) -> tf.data.Dataset:
        """All examples of a split in their order, as batches of uint8 (condition, colour)."""
        return self._decoded(self._serialized(split).batch(self.batch_size), self._uint8_batch)

    def _vary(self, condition: tf.Tensor, color: tf.Tensor, seed: tf.Tensor,
              ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mirrors and crops each picture of a batch as `augment` says, its two parts alike."""
        both = tf.concat([condition, color], axis=-1)  # [batch, h, w, 4]
        count = tf.shape(both)[0]
        chances = tf.random.stateless_uniform([4, count], seed)
        if self.augment.flip:
            both = tf.where(chances[0, :, None, None, None] < 0.5, both[:, :, ::-1], both)
        if self.augment.crop < 1:
            side = self.augment.crop + chances[1] * (1 - self.augment.crop)
            top, left = chances[2] * (1 - side), chances[3] * (1 - side)
            boxes = tf.stack([top, left, top + side, left + side], axis=1)
            both = tf.image.crop_and_resize(both, boxes, tf.range(count), self.size)
        return both[..., :1], both[..., 1:]

    def _serialized(self, split: str) -> tf.data.Dataset:
        shards = tf.data.Dataset.from_tensor_slices([str(path) for path in
                                                     self.manifest.shards(split)])
        records = shards.interleave(tf.data.TFRecordDataset, cycle_length=SHARDS_AT_ONCE,
                                    num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        # Keras must know the number of batches, and a shard that reads short must not pass.
        return records.apply(tf.data.experimental.assert_cardinality(self.manifest.counts[split]))

    @staticmethod
    def _decoded(batches: tf.data.Dataset, decode: Callable) -> tf.data.Dataset:
        return batches.map(decode, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def _uint8_batch(self, serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def decode(one):
            example = parse(one)
            condition = tf.io.decode_png(example[self.condition], channels=1)
            color = tf.io.decode_png(example["color"], channels=3)
            return (tf.ensure_shape(condition, (*self.size, 1)),
                    tf.ensure_shape(color, (*self.size, 3)))

        return tf.map_fn(decode, serialized, fn_output_signature=(tf.uint8, tf.uint8))

    def _signed_batch(self, serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        condition, color = self._uint8_batch(serialized)
        return (pixels.to_signed(tf.cast(condition, tf.float32)),
                pixels.to_signed(tf.cast(color, tf.float32)))
