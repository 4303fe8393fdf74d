"""Records of a dataset directory: the TFRecord schema of an example, and the manifest."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import msgspec
import tensorflow as tf
from tqdm import tqdm

from keras_colorize.errors import DatasetError, first_line
from keras_colorize.files import read_json, sha256_of

SCHEMA = 1
MANIFEST = "dataset.json"
SPLITS = ("train", "validation", "test")
PICTURES = ("color", "gray", "edge")  # PNG each; color has three channels, the others one
FEATURES = {
    **{name: tf.io.FixedLenFeature([], tf.string) for name in (*PICTURES, "source")},
    "frame": tf.io.FixedLenFeature([], tf.int64),
    "time": tf.io.FixedLenFeature([], tf.float32),  # seconds
    "shot": tf.io.FixedLenFeature([], tf.int64),
}
AGAIN = "build the dataset again"


class Leak(TypedDict):
    """How many test frames have a near-duplicate among the training frames; see `splits.leak`."""

    share: float
    near_duplicates: int
    test: int
    measure: str
    threshold: float


class Shard(TypedDict):
    """A file of records."""

    file: str
    records: int
    sha256: str


class SourceReport(TypedDict):
    """What became of the frames of a source; see `sources.Counts`."""

    name: str
    sha256: str
    decoded: int
    kept: int
    skipped: dict[str, int]
    noted: dict[str, int]
    crop: tuple[int, int, int, int] | None
    bad: NotRequired[dict[str, tuple[str, str, str]]]


class LeftOut(TypedDict):
    """A source that could not be read."""

    sha256: str | None
    reason: str


class Contents(TypedDict):
    """The keys that `dataset.json` must have; it may have more."""

    size: tuple[int, int]
    every: int
    split_by: str
    seed: int
    canny: tuple[int, int]
    digest: str
    counts: dict[str, int]
    leak: Leak
    shards: list[Shard]
    sources: list[SourceReport]
    failed: dict[str, LeftOut]


def serialize(pictures: dict[str, bytes], source: str, frame: int, time: float, shot: int) -> bytes:
    """Writes one example as the bytes of a `tf.train.Example`.

    Args:
        pictures: PNG bytes of `color`, `gray` and `edge`.
        source, frame, shot: the source's name, and in it the numbers of the frame and of its shot
            (or page), from 0.
        time: seconds from the first frame of the video; 0 for pictures.
    """
    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    values = {**pictures, "source": source.encode(), "frame": frame, "time": time, "shot": shot}
    features = tf.train.Features(feature={name: feature(value) for name, value in values.items()})
    return tf.train.Example(features=features).SerializeToString(deterministic=True)


def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Reads the features of one serialized example: scalars, with the pictures still as PNG."""
    return tf.io.parse_single_example(serialized, FEATURES)


@dataclass(frozen=True)
class Manifest:
    """A dataset directory and the values of its `dataset.json`."""

    directory: Path
    values: dict

    @classmethod
    def read(cls, directory: str | Path) -> "Manifest":
        """Reads `dataset.json`; raises DatasetError if missing, damaged or of another schema."""
        path = Path(directory) / MANIFEST
        if not path.is_file():
            raise DatasetError(directory, f"holds no {MANIFEST}, so it is no dataset",
                               "make one with build-tfrecords")
        values = read_json(path, dict, DatasetError, AGAIN)
        schema = values.get("schema")
        if type(schema) is not int or schema != SCHEMA:
            raise DatasetError(path, f"has schema {schema!r}, this version reads {SCHEMA}",
                               "build the dataset again with this version")
        try:
            msgspec.convert(values, Contents)
        except msgspec.ValidationError as error:
            raise DatasetError(path, f"is damaged ({first_line(error)})", AGAIN) from error
        if not _agrees(values):
            raise DatasetError(path, "is damaged (it contradicts itself about its shards)", AGAIN)
        return cls(Path(directory), values)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every picture."""
        return tuple(self.values["size"])

    @property
    def digest(self) -> str:
        """A digest of all records, in hexadecimal."""
        return self.values["digest"]

    @property
    def counts(self) -> dict[str, int]:
        """The number of examples of each split."""
        return self.values["counts"]

    def shards(self, split: str) -> list[Path]:
        """Lists the split's record files, in order."""
        return [self.directory / shard["file"] for shard in self.values["shards"]
                if shard["file"].startswith(f"{split}-")]

    def verify(self) -> None:
        """Compares every shard with its checksum; raises DatasetError at the first bad one."""
        for shard in tqdm(self.values["shards"], "checking shards", unit="shard", delay=2):
            path = self.directory / shard["file"]
            if not path.is_file():
                raise DatasetError(path, "is missing", AGAIN)
            if sha256_of(path) != shard["sha256"]:
                raise DatasetError(path, "is corrupt: its checksum is not that of dataset.json",
                                   f"copy it again, or {AGAIN}")


def digest_of(size: Sequence[int], shards: list[dict]) -> str:
    """Computes the digest of a dataset of pictures of `size`, from its manifest's `shards`."""
    return hashlib.sha256(json.dumps([list(size), shards]).encode()).hexdigest()


def _agrees(values: dict) -> bool:
    """Tells whether the counts and the digest of a manifest are those of its shards."""
    counts = dict.fromkeys(SPLITS, 0)
    for shard in values["shards"]:
        split = shard["file"].partition("-")[0]
        counts[split] = counts.get(split, 0) + shard["records"]
    return counts == values["counts"] and \
        values["digest"] == digest_of(values["size"], values["shards"])
