"""The curve of error against hints, and how many hints a person has to give to equal a model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from keras_colorize.evaluation import baselines
from keras_colorize.evaluation.measure import Examples
from keras_colorize.evaluation.statistics import Group, Resampling
from keras_colorize.image import figures, metrics

COUNTS = (1, 2, 3, 5, 10, 20, 30, 100, 300, 1000, 3000, 10000)
MOST = 4  # a picture has at least so many times more pixels than hints
PICTURES = 32  # that the curve is the mean of
PLACEMENTS = 3  # of the hints in each: where one or two lie matters as much as how many they are


def curve(examples: Examples, groups: list[Group]) -> dict:
    """Measures the L1 of scribble propagation against the number of hints, beside the models'.

    All counts are measured on the same pictures, at most `PICTURES` of them, evenly spaced, each
    with hints in `PLACEMENTS` random placements.

    Returns:
        `counts`; `l1`, the mean at each; `interval`, over shots; `pictures`, how many; `models`:
        for each label its `l1` on these pictures and `hints`, where the curve crosses that (0
        where one hint is better already, None where no count is enough), with its 95 % interval
        over shots `hints_ci`, whose ends may be 0 and None likewise.
    """
    (height, width), condition = examples.data.size, examples.data.condition
    counts = [count for count in COUNTS if count * MOST <= height * width]
    numbers = figures.evenly(len(examples), PICTURES)
    pictures, where = examples.pick(numbers), examples.places()
    resampling = Resampling([where[number][:2] for number in numbers])
    errors = []
    for count in tqdm(counts, f"{condition} hints", unit="count", delay=2):
        placements = [baselines.scribble(condition, count, placement)
                      for placement in range(PLACEMENTS)]
        errors.append(np.array([
            np.mean([metrics.l1(colorize(level[None], truth[None]), truth[None])
                     for colorize in placements])
            for level, truth in (pictures[each] for each in numbers)]))
    means = [float(each.mean()) for each in errors]
    curves = np.stack([resampling.resample(each) for each in errors], axis=1)
    models = {}
    for group in groups:
        if group.seeds:
            own = group.values["l1"][numbers]
            crossings = [crossing(counts, curve, level) for curve, level
                         in zip(curves, resampling.resample(own), strict=True)]
            models[group.label] = {"l1": float(own.mean()),
                                   "hints": crossing(counts, means, float(own.mean())),
                                   "hints_ci": _ends(resampling, crossings)}
    return {"counts": counts, "l1": means, "pictures": len(numbers),
            "interval": [resampling.interval(each) for each in errors], "models": models}


def _ends(resampling: Resampling, crossings: list[float | None]) -> list | None:
    """Returns the interval of a crossing, None for an end that no count is enough for."""
    ordered = np.sort([np.inf if each is None else each for each in crossings])
    ranks = resampling.ends(np.arange(len(ordered)))  # of the resamples, for infinity has no mean
    if ranks is None:
        return None
    ends = [float(ordered[round(rank)]) for rank in ranks]
    return [None if np.isinf(end) else end for end in ends]


def crossing(counts: list[int], means: Sequence[float], level: float) -> float | None:
    """Finds where a curve first falls to a level, between its points on a logarithmic scale.

    It is 0 where the first point is there, and None where all stay above.
    """
    place = next((place for place, mean in enumerate(means) if mean <= level), None)
    if not place:
        return None if place is None else 0.0
    ends = slice(place - 1, place + 1)
    return float(np.exp(np.interp(-level, np.negative(means[ends]), np.log(counts[ends]))))


def plot(path: Path, condition: str, curve: dict) -> None:
    """Draws a curve with the models' levels and the crossings."""
    figure = Figure(figsize=(5, 3.8), dpi=160, layout="constrained")
    axes = figure.subplots()
    axes.plot(curve["counts"], curve["l1"], "k-o", markersize=4, label="scribbles from true pixels")
    if all(curve["interval"]):
        axes.fill_between(curve["counts"], *zip(*curve["interval"], strict=True), color="0.85")
    for color, (label, model) in enumerate(curve["models"].items()):
        hints, ends = model["hints"], model["hints_ci"]
        between = f" [{_words(ends[0])}, {_words(ends[1])}]" if ends else ""
        axes.axhline(model["l1"], color=f"C{color}", label=f"{label}: {_words(hints)}{between}")
        if hints:
            axes.plot(hints, model["l1"], "s", color=f"C{color}")
    axes.set(xscale="log", xlabel="hints in a picture", ylabel="L1, 0..255", ylim=(0, None),
             title=f"Hints that equal a model, {condition} input")
    axes.legend(fontsize=8, title="equal hints [95 % interval]", title_fontsize=8)
    figures.write(figure, path)


def _words(hints: float | None) -> str:
    return "more than shown" if hints is None else "less than 1" if hints == 0 else f"{hints:.0f}"
