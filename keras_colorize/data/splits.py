"""Splits: which examples train, validate and test, and how many test frames leak into training."""

import random
from collections.abc import Sequence

import cv2
import numpy as np
from scipy.spatial import distance
from tqdm import tqdm

from keras_colorize.errors import DatasetError
from keras_colorize.image.pixels import THUMBNAIL

RULES = ("shot", "source", "frame")
SHARES = {"train": 8, "validation": 1, "test": 1}  # section 4 of the paper

NEAR_DUPLICATE = 3.0  # below it, a pair is the same picture but for a small movement
CHUNK = 128  # test frames compared at once: at the paper's size 23 MB of distances
MEASURE = ("share of test frames with a training frame less than {threshold:g} away, by the root "
           "mean square CIELAB difference (Delta E 1976) of their {height}x{width} area means")


def assign(examples: Sequence[tuple[str, int]], rule: str, seed: int,
           test_sources: frozenset[str] = frozenset()) -> dict[str, list[int]]:
    """Divides examples 8:1:1.

    The groups (a shot, a source, or a frame alone) are shuffled by the seed; then each goes whole
    to the split furthest below its share.

    Args:
        examples: the source and shot of each example, in order.
        rule: one of `RULES`; "frame" is the paper's, and puts near-identical frames on both sides.
        test_sources: sources that are the test set, whatever the rule; the others are then
            divided between training and validation 8:1.

    Returns:
        For each split the indices of its examples, in a random order that the seed decides.

    Raises:
        DatasetError: a split would be empty.
    """
    groups: dict[object, list[int]] = {}
    split = {name: [] for name in SHARES}
    for index, (source, shot) in enumerate(examples):
        if source in test_sources:
            split["test"].append(index)
        else:
            key = {"shot": (source, shot), "source": source, "frame": index}[rule]
            groups.setdefault(key, []).append(index)
    shares = {name: share for name, share in SHARES.items()
              if not (test_sources and name == "test")}
    order = random.Random(seed)
    shuffled = list(groups.values())
    order.shuffle(shuffled)
    wanted = {name: share * sum(map(len, shuffled)) / sum(shares.values())
              for name, share in shares.items()}
    for group in shuffled:
        furthest_below = max(shares, key=lambda name: wanted[name] - len(split[name]))
        split[furthest_below] += group
    for name, indices in split.items():
        if not indices:
            raise DatasetError("the split", f"by {rule} leaves the {name} set empty "
                               f"({len(groups)} groups, {len(examples)} examples)",
                               "give more sources, a smaller --every, or --split-by frame")
        order.shuffle(indices)
    return split


def distances(test: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Measures how far each test frame is from the training frame most like it.

    Args:
        test, train: thumbnails, uint8 RGB [n, 9, 16, 3] and [m, 9, 16, 3]; either may be empty.

    Returns:
        float64 [n], in units of Delta E 1976: the root mean square CIELAB difference over the
        thumbnail's pixels; infinite where there is no training frame.
    """
    test, train = _flat_lab(test), _flat_lab(train)
    nearest = np.full(len(test), np.inf)
    starts = range(0, len(test) if len(train) else 0, CHUNK)
    for start in tqdm(starts, "looking for leaks", unit="chunk", delay=2):
        pairs = distance.cdist(test[start:start + CHUNK], train)  # [chunk, m]
        nearest[start:start + CHUNK] = pairs.min(axis=1)
    return nearest / np.sqrt(np.prod(THUMBNAIL))


def leak(test: np.ndarray, train: np.ndarray) -> dict[str, object]:
    """Measures the leak of a split for reports; thumbnails as in `distances`.

    Returns:
        `share` of test frames with a near-duplicate, 0..1 to four digits (0 without test frames),
        `near_duplicates` and `test` as counts, the `measure` in words, and its `threshold`.
    """
    near_duplicates = int(np.sum(distances(test, train) < NEAR_DUPLICATE))
    measure = MEASURE.format(threshold=NEAR_DUPLICATE, height=THUMBNAIL[0], width=THUMBNAIL[1])
    return {"share": round(near_duplicates / max(1, len(test)), 4),
            "near_duplicates": near_duplicates, "test": len(test), "measure": measure,
            "threshold": NEAR_DUPLICATE}


def _flat_lab(thumbnails: np.ndarray) -> np.ndarray:
    if not len(thumbnails):
        return np.empty((0, 3 * THUMBNAIL[0] * THUMBNAIL[1]))
    row = np.float32(thumbnails).reshape(1, -1, 3) / 255  # OpenCV wants one picture
    return np.float64(cv2.cvtColor(row, cv2.COLOR_RGB2Lab)).reshape(len(thumbnails), -1)
