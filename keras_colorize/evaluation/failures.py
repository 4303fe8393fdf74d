"""The paper's failures (figures 12 to 14) as figures, on the drawn episode, which knows its parts.

Everything is measured on frames of the split, drawn anew: as they are, with a caption written over
them, and darkened to black.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from tqdm import tqdm

from keras_colorize.cartoon import episode
from keras_colorize.data.dataset import Dataset
from keras_colorize.evaluation.measure import Examples
from keras_colorize.evaluation.statistics import Resampling
from keras_colorize.image import figures, metrics, pixels
from keras_colorize.image.figures import evenly

TWINS = ("rosa", "indigo")  # who differ in the colour of their hair alone
CAPTION = "To be continued"
AROUND_CAPTION = 4  # pixels beside its letters, at the size of the dataset
SIZES = (0, 0.05, 0.1, 0.15, 0.2, 0.4, 1)  # edges of the classes of size, as shares of the frame
BRIGHTNESS = (1.0, 0.5, 0.25, 0.0)
FRAMES = 120  # that are drawn, at the most
LEAST = 12  # pixels: a smaller part says nothing
SAME = 8.0  # mean difference between a drawn frame and its record, from coding and decoding

Colorize = Callable[[np.ndarray], np.ndarray]
"""Conditions, uint8 [n, h, w, 1], to pictures, uint8 [n, h, w, 3]."""


def is_drawn(examples: Examples) -> bool:
    """Whether a dataset was built from the drawn episode, judged by the pictures of some frames."""
    where, numbers = examples.places(), evenly(len(examples), 3)
    if any(where[number].frame >= episode.length() for number in numbers):
        return False
    return all(np.abs(_shown(examples.data, episode.draw_frame(where[number].frame))["color"]
                      - truth.astype(float)).mean() < SAME
               for number, (_, truth) in examples.chosen(numbers).items())


def measure(examples: Examples, groups: dict[str, list[tuple[str, Colorize]]]) -> dict[str, dict]:
    """The failures of groups of runs, on the frames of examples of the drawn episode.

    Args:
        groups: by label, for each of its runs the input, "gray" or "edge", and how it is coloured.

    Returns:
        For each group `hair`, the shares of `_hair`; `size`, as `_size_report`; `caption`, L1 as of
        `_caption`, and by how much more the caption makes it beside itself and elsewhere; `black`,
        as `_darkened`: means over the runs and what is seen, with 95 % intervals over shots as
        `NAME_ci`, `seen` and `shots`; each None where no frame shows it. `frames`, how many.
    """
    data, where = examples.data, examples.places()
    frames = [where[number].frame for number in evenly(len(where), FRAMES)]
    frames = [frame for frame in frames if episode.brightness_of(frame) == 1]
    found = {label: {"hair": [], "size": [], "caption": [], "black": []} for label in groups}
    letters = _letters(data)
    for frame in tqdm(frames, "failures", unit="frame", delay=2):
        staged = [_shown(data, episode.restaged(frame, CAPTION)),
                  *(_shown(data, episode.restaged(frame, brightness=each)) for each in BRIGHTNESS)]
        truth = np.stack([each["color"] for each in staged])
        parts, characters = ({name: _fitted(data, mask) for name, mask in masks.items()}
                             for masks in (episode.part_masks(frame),
                                           episode.character_masks(frame)))
        for label, runs in groups.items():
            seen = []
            for condition, colorize in runs:
                pictures = colorize(np.stack([each[condition] for each in staged])[..., np.newaxis])
                seen.append({"hair": _hair(pictures[1], parts),
                             "size": _sizes(pictures[1], truth[1], characters),
                             "caption": [_caption(pictures[:2], truth[:2], letters)],
                             "black": [_darkened(pictures[1:], truth[1:])]})
            for failure, listed in found[label].items():
                listed += [{"shot": episode.shot_of(frame), **_mean(alike)} for alike
                           in zip(*(each[failure] for each in seen), strict=True)]
    return {label: {"frames": len(frames), "hair": _report(seen["hair"]),
                    "size": _size_report(seen["size"]), "caption": _report(seen["caption"]),
                    "black": _report(seen["black"])} for label, seen in found.items()}


def _mean(alike: Sequence[dict]) -> dict:
    """What several runs have of the same thing, as its mean; names are alike."""
    return {key: value if isinstance(value, str) else float(np.mean([each[key] for each in alike]))
            for key, value in alike[0].items()}


def _report(found: list[dict]) -> dict | None:
    """The means of all figures over what was seen, with their intervals over shots."""
    if not found:
        return None
    resampling = Resampling([each["shot"] for each in found])
    report = {"seen": len(found), "shots": resampling.groups}
    for name in found[0].keys() - {"shot", "name"}:
        values = np.array([each[name] for each in found])
        report |= {name: float(values.mean()), f"{name}_ci": resampling.interval(values)}
    return report


def _shown(data: Dataset, drawn: np.ndarray) -> dict[str, np.ndarray]:
    return pixels.example(drawn, data.size, data.manifest.values.get("zoom") or "spline")


def _fitted(data: Dataset, mask: np.ndarray) -> np.ndarray:
    """A mask of the episode's frame, bool, as it lies in the dataset's pictures."""
    height, width = data.size
    double = pixels.cover(mask.astype(np.uint8) * 255, (2 * height, 2 * width))
    return pixels.scale(double, data.size) > 127


def _hair(picture: np.ndarray, masks: dict[str, np.ndarray]) -> list[dict]:
    """Of each twin seen, the shares of the hair's pixels in its own colour, the other's, neither's.

    A pixel is of that colour whose chroma is nearer to its own, and no further than half of what
    lies between the two.
    """
    chroma, found = pixels.chroma(picture), []
    paints = {name: pixels.chroma(np.uint8([[episode.PALETTES[name]["hair"]]]))[0, 0]
              for name in TWINS}
    apart = np.linalg.norm(paints[TWINS[0]] - paints[TWINS[1]])
    for name, other in (TWINS, TWINS[::-1]):
        hair = masks.get(f"{name}.hair")
        if hair is None or np.count_nonzero(hair) < LEAST:
            continue
        own, others = (np.linalg.norm(chroma[hair] - paints[each], axis=1)
                       for each in (name, other))
        near = np.minimum(own, others) <= apart / 2
        found.append({"name": name, "own": float(np.mean(near & (own <= others))),
                      "other": float(np.mean(near & (own > others))),
                      "neither": float(np.mean(~near))})
    return found


def _sizes(picture: np.ndarray, truth: np.ndarray, characters: dict[str, np.ndarray]) -> list[dict]:
    """Of each character seen, its share of the frame and the mean chroma error on it."""
    error = metrics.chroma_error(picture[np.newaxis], truth[np.newaxis])[0]
    return [{"name": name, "share": float(mask.mean()), "error": float(error[mask].mean())}
            for name, mask in characters.items() if np.count_nonzero(mask) >= LEAST]


def _size_report(found: list[dict]) -> dict | None:
    """The mean chroma error of each class of size (None where empty), and rank correlations.

    `correlation` is that of share and error over all characters; `correlation_within` that of by
    how much either is above the character's own mean: some characters are both larger and easier.
    """
    if len(found) < 3:
        return None
    shares, errors = (np.array([each[key] for each in found]) for key in ("share", "error"))
    names = np.unique([each["name"] for each in found], return_inverse=True)[1]
    counts = np.bincount(names)
    above = [values - (np.bincount(names, values) / counts)[names] for values in (shares, errors)]
    resampling = Resampling([each["shot"] for each in found])
    classes = np.digitize(shares, SIZES[1:-1])
    report = {"upto": list(SIZES[1:]), "shots": resampling.groups,
              "seen": np.bincount(classes, minlength=len(SIZES) - 1).tolist(),
              "chroma_l1": [float(errors[classes == each].mean()) if (classes == each).any()
                            else None for each in range(len(SIZES) - 1)]}
    for name, (one, other) in (("correlation", (shares, errors)), ("correlation_within", above)):
        report |= {name: _rank_correlation(one, other), f"{name}_ci": resampling.interval_of(
            lambda numbers, one=one, other=other: _rank_correlation(one[numbers], other[numbers]))}
    return report


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; 0 where all of either are alike."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1])


def _letters(data: Dataset) -> np.ndarray:
    """The pixels that a caption writes on, bool [h, w], and those that it touches."""
    return _fitted(data, cv2.dilate(episode.caption_mask(CAPTION).astype(np.uint8),
                                    np.ones((3, 3), np.uint8)) > 0)


def _caption(pictures: np.ndarray, truth: np.ndarray, letters: np.ndarray) -> dict[str, float]:
    """L1 beside the letters of a caption, and far from them, with it and without it.

    The pixels compared are the same, and so is the truth there: what differs is the caption alone.

    Args:
        pictures, truth: uint8 [2, h, w, 3], of a frame with the caption and without.
    """
    reach = 2 * AROUND_CAPTION + 1
    near = cv2.dilate(letters.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    having, without = np.abs(pictures.astype(float) - truth).mean(axis=3)
    beside = near & ~letters
    found = {"beside_without": float(without[beside].mean()),
             "beside_with": float(having[beside].mean()),
             "elsewhere_without": float(without[~near].mean()),
             "elsewhere_with": float(having[~near].mean()),
             "letters_with": float(having[letters].mean())}
    return found | {f"{place}_more": found[f"{place}_with"] - found[f"{place}_without"]
                    for place in ("beside", "elsewhere")}


def _darkened(pictures: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """L1 of a frame at each of `BRIGHTNESS`, uint8 [brightness, h, w, 3] each."""
    errors = metrics.l1(pictures, truth).tolist()
    return {f"{brightness:g}": error for brightness, error in zip(BRIGHTNESS, errors, strict=True)}


def sizes(path: Path, failures: dict[str, dict]) -> None:
    """Draws the chroma error on characters against their size, a line each group of runs.

    Args:
        failures: by label, as `failures.measure` gives them.
    """
    figure = Figure(figsize=(5, 3.6), dpi=160, layout="constrained")
    axes = figure.subplots()
    for label, found in failures.items():
        if found["size"]:
            errors, upto = np.array(found["size"]["chroma_l1"], float), found["size"]["upto"]
            axes.plot(range(len(errors)), errors, marker="o", label=label)
            axes.set_xticks(range(len(errors)), [f"to {share:.0%}" for share in upto])
    axes.set(xlabel="share of the frame that a character covers", ylabel="chroma L1, 0..255",
             ylim=(0, None), title="Colour error against size")
    if axes.lines:
        axes.legend(fontsize=8)
    figures.write(figure, path)
