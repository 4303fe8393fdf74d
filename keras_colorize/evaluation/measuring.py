"""Every figure of every picture, for each candidate, in one pass over a split."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from tqdm import tqdm

from keras_colorize import metrics, pixels
from keras_colorize.dataset import Dataset, Place
from keras_colorize.evaluation.candidates import Candidate
from keras_colorize.figures import evenly

PAIRS = 200  # of successive frames that flicker is measured on, at the most
FIGURES = (*metrics.PICTURE_METRICS, "colourfulness", "flicker")
TRUE_COLOURFULNESS = "true_colourfulness"

Values = dict[str, np.ndarray]
"""For each of `FIGURES` and `TRUE_COLOURFULNESS` float64 [pictures], NaN where there is none."""


def splits_of(data: Dataset, split: str) -> list[str]:
    """The splits that a name means: "all" is each."""
    return list(data.manifest.counts) if split == "all" else [split]


def count(data: Dataset, split: str) -> int:
    """The number of examples of a split, or of all."""
    return sum(data.manifest.counts[name] for name in splits_of(data, split))


def places(data: Dataset, split: str) -> list[Place]:
    """Where the examples come from, in the order of `batches`."""
    return [place for name in splits_of(data, split) for place in data.places(name)]


def batches(data: Dataset, split: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The examples: their numbers from 0 on, uint8 conditions [n, h, w, 1] and [n, h, w, 3]."""
    start = 0
    for name in splits_of(data, split):
        for condition, truth in data.pictures(name).as_numpy_iterator():
            yield np.arange(start, start + len(truth)), condition, truth
            start += len(truth)


def chosen(data: Dataset, split: str, numbers: Iterable[int],
           ) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Some examples by number: uint8 condition [h, w, 1] and truth [h, w, 3]."""
    wanted, found = set(numbers), {}
    for indices, condition, truth in batches(data, split):
        for row, index in enumerate(indices.tolist()):
            if index in wanted:
                found[index] = condition[row], truth[row]
    return found


def measure(candidates: list[Candidate], data: Dataset, split: str, where: list[Place],
            ) -> list[Values]:
    """The figures of all pictures of a split, for each candidate."""
    total = len(where)
    pairs = _pairs(where)
    kept = {number: {} for pair in pairs for number in pair}
    values = [{name: np.full(total, np.nan) for name in (*FIGURES, TRUE_COLOURFULNESS)}
              for _ in candidates]
    measured = [set(evenly(total, each.most or total)) for each in candidates]
    with tqdm(total=total, desc=f"{data.condition} pictures", unit="picture", delay=2) as progress:
        for numbers, condition, truth in batches(data, split):
            paired = [row for row, number in enumerate(numbers.tolist()) if number in kept]
            for row in paired:
                kept[numbers[row]]["luminance"] = pixels.gray(truth[row])
            for place, candidate in enumerate(candidates):
                rows = [row for row, number in enumerate(numbers.tolist())
                        if number in measured[place]]
                if not rows:
                    continue
                pictures = candidate.colorize(condition[rows], truth[rows])
                for name, figures in _figures(pictures, truth[rows]).items():
                    values[place][name][numbers[rows]] = figures
                for row in set(paired) & set(rows):
                    kept[numbers[row]][place] = pictures[rows.index(row)]
            progress.update(len(truth))
    for place, figures in enumerate(values):
        for pair in pairs:
            both = [kept[number] for number in pair]
            if all(place in each for each in both):
                change = metrics.flicker(np.stack([each[place] for each in both]),
                                         np.stack([each["luminance"] for each in both]))
                figures["flicker"][pair[0]] = np.nan if change is None else change
    return values


def _figures(pictures: np.ndarray, truth: np.ndarray) -> Values:
    figures = metrics.of_pictures(pictures, truth)
    return figures | {"colourfulness": metrics.colourfulness(pictures),
                      TRUE_COLOURFULNESS: metrics.colourfulness(truth)}


def _pairs(where: list[Place]) -> list[tuple[int, int]]:
    """Numbers of examples that follow each other in a shot of a video."""
    order = sorted(range(len(where)), key=lambda number: where[number])
    pairs = [(one, other) for one, other in itertools.pairwise(order)
             if where[one][:2] == where[other][:2] and where[one].time < where[other].time]
    return [pairs[number] for number in evenly(len(pairs), PAIRS)] if pairs else []
