"""Every figure of every picture, for each candidate, in one pass over a split."""

import itertools

import numpy as np
from tqdm import tqdm

from keras_colorize.data.dataset import Place
from keras_colorize.evaluation.candidates import Candidate
from keras_colorize.evaluation.examples import Examples
from keras_colorize.image import metrics, pixels
from keras_colorize.image.figures import evenly

PAIRS = 200  # of successive frames that flicker is measured on, at the most
FIGURES = (*metrics.PICTURE_METRICS, "colourfulness", "flicker")
TRUE_COLOURFULNESS = "true_colourfulness"

Values = dict[str, np.ndarray]
"""For each of `FIGURES` and `TRUE_COLOURFULNESS` float64 [pictures], NaN where there is none."""


def measure(candidates: list[Candidate], examples: Examples) -> list[Values]:
    """The figures of all pictures, for each candidate."""
    total = len(examples)
    pairs = [] if examples.screentone else _pairs(examples.places())  # each has dots of its own
    kept = {number: {} for pair in pairs for number in pair}
    values = [{name: np.full(total, np.nan) for name in (*FIGURES, TRUE_COLOURFULNESS)}
              for _ in candidates]
    measured = [set(evenly(total, each.most or total)) for each in candidates]
    named = f"{examples.condition} pictures"
    with tqdm(total=total, desc=named, unit="picture", delay=2) as progress:
        for numbers, condition, truth in examples.batches():
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
                    kept[numbers[row]][place] = pictures[rows.index(row)].copy()  # not its batch
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
