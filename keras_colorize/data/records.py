"""The TFRecord schema: examples written and parsed, and the manifest of a dataset directory."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from keras_colorize.errors import DatasetError
from keras_colorize.files import sha256_of

SCHEMA = 1
MANIFEST = "dataset.json"
SPLITS = ("train", "validation", "test")
FORM = {  # of dataset.json: [one] stands for any number, (one, other) for either, str for any key
    "size": [int, int], "every": int, "split_by": str, "seed": int, "canny": [int, int],
    "digest": str, "counts": dict.fromkeys(SPLITS, int),
    "leak": {"share": float, "near_duplicates": int, "test": int, "measure": str,
             "threshold": float},
    "shards": [{"file": str, "records": int, "sha256": str}],
    "sources": [{"name": str, "sha256": str, "decoded": int, "kept": int, "skipped": {str: int},
                 "noted": {str: int}, "crop": ([int, int, int, int], None)}],
    "failed": {str: {"sha256": (str, None), "reason": str}},
}
KEYS = FORM.keys()
PICTURES = ("color", "gray", "edge")  # PNG each; color has three channels, the others one
FEATURES = {
    **{name: tf.io.FixedLenFeature([], tf.string) for name in PICTURES},
    "source": tf.io.FixedLenFeature([], tf.string),
    "frame": tf.io.FixedLenFeature([], tf.int64),
    "time": tf.io.FixedLenFeature([], tf.float32),  # seconds
    "shot": tf.io.FixedLenFeature([], tf.int64),
}


def serialize(pictures: dict[str, bytes], source: str, frame: int, time: float, shot: int) -> bytes:
    """One example as the bytes of a `tf.train.Example`.

    Args:
        pictures: PNG bytes of `color`, `gray` and `edge`.
        source: the name of the video or folder that it comes from.
        frame: its number there, from 0.
        time: seconds from the start of the video; 0 for pictures.
        shot: the number of its shot (or page) in the source.
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
    """The features of one serialized example, scalars, pictures still as PNG."""
    return tf.io.parse_single_example(serialized, FEATURES)


@dataclass(frozen=True)
class Manifest:
    """What `dataset.json` says of a dataset directory."""

    directory: Path
    values: dict

    @classmethod
    def read(cls, directory: str | Path) -> "Manifest":
        """Reads and checks `dataset.json`.

        Raises:
            DatasetError: there is none, it is damaged or contradicts itself, or is of another
                schema.
        """
        path = Path(directory) / MANIFEST
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            schema = values["schema"]
            known = type(schema) is int and schema == SCHEMA
            missing = KEYS - values.keys()
            if known and not missing:
                _check(values)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DatasetError(directory, f"holds no {MANIFEST}, so it is no dataset",
                               "make one with build-tfrecords") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(path, "is damaged", "build the dataset again") from error
        if not known:
            raise DatasetError(path, f"has schema {schema!r}, this version reads {SCHEMA}",
                               "build the dataset again with this version")
        if missing:
            raise DatasetError(path, f"lacks {', '.join(sorted(missing))}",
                               "build the dataset again")
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
        """The split's record files, in order."""
        return [self.directory / shard["file"] for shard in self.values["shards"]
                if shard["file"].startswith(f"{split}-")]

    def verify(self) -> None:
        """Compares every shard with its checksum.

        Raises:
            DatasetError: names the first shard that is missing or was altered.
        """
        for shard in tqdm(self.values["shards"], "checking shards", unit="shard", delay=2):
            path = self.directory / shard["file"]
            if not path.is_file():
                raise DatasetError(path, "is missing", "build the dataset again")
            if sha256_of(path) != shard["sha256"]:
                raise DatasetError(path, "is corrupt: its checksum is not that of dataset.json",
                                   "copy it again, or build the dataset again")


def digest_of(size: Sequence[int], shards: list[dict]) -> str:
    """The digest of a dataset of pictures of `size`, from what its manifest says of its shards."""
    return hashlib.sha256(json.dumps([list(size), shards]).encode()).hexdigest()


def _check(values: dict) -> None:
    """Raises a ValueError or KeyError where a manifest is not of `FORM`, or contradicts itself."""
    if not _fits(values, FORM):
        raise ValueError("a value of another type")
    counts = dict.fromkeys(SPLITS, 0)
    for shard in values["shards"]:
        counts[shard["file"].partition("-")[0]] += shard["records"]
    if counts != values["counts"] or values["digest"] != digest_of(values["size"],
                                                                   values["shards"]):
        raise ValueError("the shards are others")


def _fits(value: object, form: object) -> bool:
    if isinstance(form, tuple):
        return any(_fits(value, each) for each in form)
    if isinstance(form, list):
        if not isinstance(value, list) or len(form) not in (1, len(value)):
            return False
        forms = form if len(form) > 1 else form * len(value)
        return all(map(_fits, value, forms))
    if isinstance(form, dict):
        return isinstance(value, dict) and (str in form or form.keys() <= value.keys()) and all(
            _fits(value[key], form[key]) for key in form if key is not str) and all(
            _fits(each, form[str]) for each in value.values() if str in form)
    return value is None if form is None else \
        type(value) in ((int, float) if form is float else (form,))
