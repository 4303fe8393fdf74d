"""Inspection of a dataset directory: checks every record, and measures and shows its colours."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.data import screening, splits
from keras_colorize.data.records import PICTURES, SPLITS, Manifest, parse
from keras_colorize.errors import DatasetError, UsageError
from keras_colorize.files import nearest_existing, sha256_of, write_json
from keras_colorize.image import figures, metrics, pixels

REPORT = "inspection.json"
SHEET, COLUMNS = 48, 8  # pictures on a contact sheet, and in its row
SHEET_WIDTH = 1920  # pixels, not counting the gaps
FRAMING = 16  # bytes that a TFRecord file adds to a record: its length, and two checksums
AGAIN = "copy it again, or build the dataset again"
MEASURES = {"luminance": ("mean luminance, 0..255", ".1f"),
            "chroma": ("mean chroma, CIELAB", ".1f"),
            "colourfulness": ("colourfulness", ".1f"),
            "near_black": ("nearly black", ".1%"),
            "near_gray": ("nearly gray", ".1%"),
            "input_l1": ("L1 of the gray input, 0..255", ".2f"),
            "edge_density": ("covered by edges", ".1%")}
COUNTS = {name: (name, "d") for name in ("pictures", "sources", "shots")}


def inspect(directory: Path, out: Path) -> dict:
    """Checks and measures a dataset in one pass over its records.

    If it has no fault, `inspection.json` and a contact sheet for each split, such as `train.png`,
    are written into `out`.

    Returns:
        The contents of `inspection.json`: the dataset's `directory`, `digest`, `size`, `every`,
        `split_by` and `seed`; `splits`, with the `_Split.report` of each; `leak`, as `splits.leak`.

    Raises:
        UsageError: `out` cannot be written.
        DatasetError: there is no dataset; or of the first shard that is missing, corrupt (and at
            which byte) or cut short, or has a record that contradicts the manifest.
    """
    manifest = Manifest.read(directory)
    _check_writable(out)
    for path in chain.from_iterable(map(manifest.shards, SPLITS)):
        if not path.is_file():
            raise DatasetError(path, "is missing", AGAIN)
    seen = {name: _Split(manifest.counts[name]) for name in SPLITS}
    with tqdm(total=sum(manifest.counts.values()), desc="inspecting", unit="picture",
              delay=2) as progress:
        for name, split in seen.items():
            for example in _examples(manifest, name):
                split.add(example)
                progress.update()
    report = {"directory": str(directory),
              **{key: manifest.values[key] for key in ("digest", "size", "every", "split_by",
                                                       "seed")},
              "splits": {name: split.report() for name, split in seen.items()},
              "leak": splits.leak(*(np.array(seen[name].thumbnails)
                                     for name in ("test", "train")))}
    for name, split in seen.items():
        split.write_sheet(out / f"{name}.png")
    write_json(out / REPORT, report)
    return report


def _check_writable(out: Path) -> None:
    """Raises UsageError at the start, before everything is measured in vain."""
    parent = nearest_existing(out)
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(out, f"cannot be made: {parent} cannot be written into",
                         "name another folder with --out")


def summary(report: dict) -> str:
    """Shows the report of `inspect` on one screen."""
    height, width = report["size"]
    names = list(report["splits"])
    lines = [f"{report['directory']}: every record is whole; {height}x{width}, split by "
             f"{report['split_by']}, digest {report['digest'][:12]}", "",
             f"{'':32}" + "".join(f"{name:>12}" for name in names)]
    for key, (words, form) in (COUNTS | MEASURES).items():
        values = [report["splits"][name][key] for name in names]
        lines.append(f"{words:32}" + "".join(
            f"{'-' if value is None else format(value, form):>12}" for value in values))
    leak = report["leak"]
    return "\n".join([*lines, "", f"leak: {leak['share']:.1%} ({leak['near_duplicates']} of "
                                  f"{leak['test']}), the {leak['measure']}"])


class _Split:
    """The measures, thumbnails and shown pictures of a split, gathered one example at a time."""

    def __init__(self, count: int):
        self.thumbnails: list[np.ndarray] = []
        self._shots: set[tuple[bytes, int]] = set()
        self._measures: list[dict[str, float]] = []
        self._shown = set(figures.evenly(count, SHEET))
        self._sheet: list[np.ndarray] = []

    def add(self, example: dict[str, np.ndarray]) -> None:
        color = example["color"]
        if len(self._measures) in self._shown:
            factor = min(1, SHEET_WIDTH // COLUMNS / color.shape[1])
            self._sheet.append(pixels.scale(color, tuple(
                max(1, round(side * factor)) for side in color.shape[:2])))
        self.thumbnails.append(pixels.thumbnail(color))
        self._shots.add((example["source"], int(example["shot"])))
        self._measures.append(measures(color, example["edge"]))

    def report(self) -> dict[str, float | int | None]:
        """Returns the numbers of pictures, sources and shots, and the mean `measures` or None."""
        means = {name: round(float(np.mean([each[name] for each in self._measures])), 4)
                 if self._measures else None for name in MEASURES}
        return {"pictures": len(self._measures),
                "sources": len({source for source, _ in self._shots}),
                "shots": len(self._shots), **means}

    def write_sheet(self, path: Path) -> None:
        if self._sheet:
            columns = min(COLUMNS, len(self._sheet))
            blank = [np.full_like(self._sheet[0], 255)] * (-len(self._sheet) % columns)
            shown = self._sheet + blank
            media.write_picture(path, figures.tile(
                [shown[start:start + columns] for start in range(0, len(shown), columns)]))


def measures(color: np.ndarray, edge: np.ndarray) -> dict[str, float]:
    """Measures one example, uint8 [h, w, 3] and [h, w]: each figure is a mean over its pixels.

    `luminance` is 0..255, and so is `input_l1`, the distance per pixel-channel between the gray
    picture, repeated, and the colours. `chroma` is that of CIELAB, `colourfulness` is Hasler and
    Suesstrunk's M3. `near_black` and `near_gray` are 0 or 1, `edge_density` is 0..1.
    """
    gray = pixels.gray(color)
    lab = cv2.cvtColor(np.float32(color) / 255, cv2.COLOR_RGB2Lab)
    return {"luminance": gray.mean(), "chroma": np.hypot(lab[..., 1], lab[..., 2]).mean(),
            "colourfulness": float(metrics.colourfulness(color[np.newaxis])[0]),
            "near_black": screening.is_near_black(color),
            "near_gray": screening.is_near_gray(color),
            "input_l1": np.abs(color.astype(np.int16) - gray[..., None]).mean(),
            "edge_density": edge.mean() / 255}


def _examples(manifest: Manifest, split: str) -> Iterator[dict[str, np.ndarray]]:
    """Gives the checked examples of a split: pictures uint8 [h, w, 3] or [h, w], and features."""
    declared = {shard["file"]: shard for shard in manifest.values["shards"]}
    for path in manifest.shards(split):
        number = -1
        for number, example in enumerate(_decoded(path)):
            if fault := _fault(example, manifest.size):
                raise DatasetError(path, f"in record {number} {fault}", "build the dataset again")
            yield {name: value[..., 0] if name in ("gray", "edge") else value
                   for name, value in example.items()}
        expected = declared[path.name]
        if number + 1 != expected["records"]:
            raise DatasetError(path, f"holds {number + 1} records, the manifest says "
                               f"{expected['records']}", AGAIN)
        if sha256_of(path) != expected["sha256"]:
            raise DatasetError(path, "was altered: its checksum is not that of dataset.json", AGAIN)


def _decoded(path: Path) -> Iterator[dict[str, np.ndarray]]:
    """Gives the examples of a shard; pictures have as many channels as they are stored with."""
    def decode(serialized):
        example = parse(serialized)
        pictures = {name: tf.io.decode_png(example[name]) for name in PICTURES}
        return example | pictures, tf.strings.length(serialized)

    shard = tf.data.TFRecordDataset(str(path)).map(decode, tf.data.AUTOTUNE)
    number, start = 0, 0  # of the next record
    try:
        for example, length in shard.as_numpy_iterator():
            yield example
            number, start = number + 1, start + int(length) + FRAMING
    except tf.errors.DataLossError as error:
        raise DatasetError(path, f"is corrupt at byte {start}, where its record {number} begins",
                           AGAIN) from error
    except tf.errors.InvalidArgumentError as error:
        raise DatasetError(path, f"record {number} is no example with three pictures",
                           "build the dataset again") from error


def _fault(example: dict[str, np.ndarray], size: tuple[int, int]) -> str | None:
    """Describes the fault of an example's pictures in a clause, if they have one."""
    for name in PICTURES:
        shape, wanted = example[name].shape, (*size, 3 if name == "color" else 1)
        if shape != wanted:
            return f"{name} is {'x'.join(map(str, shape))}, not {'x'.join(map(str, wanted))}"
    if not np.array_equal(example["gray"][..., 0], pixels.gray(example["color"])):
        return "gray is not the luminance of color"
    return None
