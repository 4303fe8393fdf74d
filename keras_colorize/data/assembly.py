"""Staged examples to a dataset directory: split, written in shards, and described."""

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.data import leaks, records, splits
from keras_colorize.data.sources import DROPPABLE, Sampling
from keras_colorize.data.staging import Staged, StagedExample
from keras_colorize.errors import DatasetError
from keras_colorize.files import sha256_of, write_json
from keras_colorize.image import figures, pixels

RECORDS_PER_SHARD = 512


@dataclass(frozen=True)
class Settings:
    """What decides the bytes of a dataset, besides its sources."""

    sampling: Sampling = field(default_factory=Sampling)
    split_by: str = "shot"
    test: tuple[str, ...] = ()
    """Names of sources, or paths of them, that are the test set whatever the rule."""
    seed: int = 0

    def manifest(self) -> dict:
        """The settings as `dataset.json` carries them."""
        return {"schema": records.SCHEMA, "size": list(self.sampling.size),
                "every": self.sampling.every, "zoom": self.sampling.zoom,
                "drop": list(self.sampling.drop), "canny": list(pixels.CANNY),
                "uncompressed": self.sampling.uncompressed, "split_by": self.split_by,
                "test": list(self.test), "seed": self.seed}


def assemble(staged: list[Staged], whole: Path, settings: Settings,
             failed: dict[str, dict]) -> None:
    """Splits the examples of all sources and writes the dataset directory `whole`.

    Args:
        failed: for each source that was left out its `sha256` and the `reason`.

    Raises:
        DatasetError: a split would be empty, or a shard cannot be written.
    """
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    where = [(each, example) for each in staged for example in each.examples]
    if not where:
        raise _nothing_left(staged)
    split = splits.assign([(each.report["name"], example.shot) for each, example in where],
                          settings.split_by, settings.seed, frozenset(settings.test))
    shards = []
    with tqdm(total=len(where), desc="writing shards", unit="example", delay=2) as progress:
        for name, chosen in split.items():
            count = -(-len(chosen) // RECORDS_PER_SHARD)
            for number in range(count):
                path = whole / f"{name}-{number:05d}-of-{count:05d}.tfrecord"
                part = [where[index] for index in chosen[number::count]]
                _write_shard(path, part)
                shards.append({"file": path.name, "records": len(part), "sha256": sha256_of(path)})
                progress.update(len(part))
    thumbnails = {name: np.stack([where[index][1].colors() for index in chosen])
                  for name, chosen in split.items()}
    _write_samples(whole / "samples.png", whole / shards[0]["file"])
    write_json(whole / records.MANIFEST, {
        **settings.manifest(), "digest": records.digest_of(settings.sampling.size, shards),
        "counts": {name: len(chosen) for name, chosen in split.items()},
        "leak": leaks.figure(thumbnails["test"], thumbnails["train"]),
        "shards": shards, "sources": [each.report for each in staged], "failed": failed})


def _nothing_left(staged: list[Staged]) -> DatasetError:
    """What to raise where no source gives an example, most often for want of colour."""
    skipped = sum((Counter(each.report["skipped"]) for each in staged), Counter())
    dropped = [f"--drop-{reason}" for reason in DROPPABLE if skipped[reason]]
    counts = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return DatasetError("the sources", f"give no picture (left out: {counts})",
                        f"run again without {' and '.join(dropped)}" if dropped else
                        "give others")


def _write_shard(path: Path, part: list[tuple[Staged, StagedExample]]) -> None:
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for staged, example in part:
                writer.write(records.serialize(staged.pictures(example), staged.report["name"],
                                               example.frame, example.time, example.shot))
    except tf.errors.OpError as error:
        raise DatasetError(path, f"cannot be written ({error.message})",
                           "free some space, then run the same command to continue") from error


def _write_samples(path: Path, shard: Path, count: int = 6) -> None:
    """The paper's figure 6 of this dataset: the colour, gray and edge picture of some examples."""
    rows = {name: [] for name in records.PICTURES}
    for serialized in tf.data.TFRecordDataset(str(shard)).take(count):
        example = records.parse(serialized)
        for name in records.PICTURES:
            rows[name].append(media.decode_picture(example[name].numpy()))
    figures.picture_grid(path, rows)
