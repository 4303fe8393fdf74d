"""The paper's failures (figures 12 to 14) as figures, on the drawn episode, which knows its parts.

Everything is measured on frames of the split, drawn anew: as they are, with a caption written over
them, and darkened to black.
"""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from tqdm import tqdm

from keras_colorize.cartoon import episode
from keras_colorize.cartoon.drawing import caption_mask
from keras_colorize.data.dataset import Dataset
from keras_colorize.evaluation.measure import Candidate, Examples
from keras_colorize.evaluation.statistics import Resampling
from keras_colorize.image import figures, metrics, pixels, sheets

TWINS = ("rosa", "indigo")  # they differ in the colour of their hair alone
CAPTION = "To be continued"
AROUND_CAPTION = 4  # pixels beside its letters, at the size of the dataset
SIZES = (0, 0.05, 0.1, 0.15, 0.2, 0.4, 1)  # edges of the classes of size, as shares of the frame
BRIGHTNESS = (1.0, 0.5, 0.25, 0.0)
FRAMES = 120  # that are drawn, at the most
LEAST = 12  # pixels: a smaller part says nothing
SAME = 8.0  # mean difference between a drawn frame and its record, from coding and decoding


def is_drawn(examples: Examples) -> bool:
    """Tells whether a dataset was built from the drawn episode, by the pictures of some frames."""
    where, numbers = examples.places(), figures.evenly(len(examples), 3)
    if any(where[number].frame >= episode.length() for number in numbers):
        return False
    return all(np.abs(_example(examples.data, episode.draw_frame(where[number].frame))["color"]
                      - truth.astype(float)).mean() < SAME
               for number, (_, truth) in examples.pick(numbers).items())


def measure(examples: Examples, groups: dict[str, list[Candidate]]) -> dict[str, dict]:
    """Measures the failures of groups of runs, on the frames of examples of the drawn episode.

    Args:
        groups: the runs of each, by label.

    Returns:
        For each group `hair`, the shares of `_hair`; `size`, as `_size_report`; `caption`, L1 as of
        `_caption`; `black`, L1 at each of `BRIGHTNESS`; and the number of `frames`. Each failure
        holds the means over runs and frames, with 95 % intervals over shots as `NAME_ci`, `seen`
        and `shots`, or is None where no frame shows it.
    """
    data, where = examples.data, examples.places()
    frames = [where[number].frame for number in figures.evenly(len(where), FRAMES)]
    frames = [frame for frame in frames if episode.brightness_of(frame) == 1]
    seen = {label: {"hair": [], "size": [], "caption": [], "black": []} for label in groups}
    written = cv2.dilate(caption_mask(CAPTION).astype(np.uint8), np.ones((3, 3), np.uint8))
    letters = _fit(data, written > 0)  # what a caption writes on or touches
    for frame in tqdm(frames, "failures", unit="frame", delay=2):
        scene = _Scene(data, frame)
        for label, runs in groups.items():
            of_runs = [scene.failures(run, letters) for run in runs]
            for failure, sightings in seen[label].items():
                sightings += [{"shot": episode.shot_of(frame), **_mean(alike)} for alike
                              in zip(*(each[failure] for each in of_runs), strict=True)]
    return {label: {"frames": len(frames), "hair": _report(each["hair"]),
                    "size": _size_report(each["size"]), "caption": _report(each["caption"]),
                    "black": _report(each["black"])} for label, each in seen.items()}


class _Scene:
    """A frame with a caption, then at each of `BRIGHTNESS`, with the masks of what is in it."""

    def __init__(self, data: Dataset, frame: int):
        self.staged = [_example(data, episode.restage(frame, CAPTION)),
                       *(_example(data, episode.restage(frame, brightness=each))
                         for each in BRIGHTNESS)]
        self.truth = np.stack([each["color"] for each in self.staged])
        self.parts, self.characters = (
            {name: _fit(data, mask) for name, mask in masks.items()}
            for masks in (episode.part_masks(frame), episode.character_masks(frame)))

    def failures(self, run: Candidate, letters: np.ndarray) -> dict[str, list]:
        """Measures every failure in what a run makes of the scene."""
        conditions = np.stack([each[run.input] for each in self.staged])[..., np.newaxis]
        pictures = run.colorize(conditions, self.truth)
        return {"hair": _hair(pictures[1], self.parts),
                "size": _sizes(pictures[1], self.truth[1], self.characters),
                "caption": [_caption(pictures[:2], self.truth[:2], letters)],
                "black": [dict(zip((f"{each:g}" for each in BRIGHTNESS),
                                   metrics.l1(pictures[1:], self.truth[1:]).tolist(),
                                   strict=True))]}


def _mean(alike: tuple[dict, ...]) -> dict:
    """Returns the mean of what several runs have of the same thing; its name is the same."""
    return {key: value if isinstance(value, str) else float(np.mean([each[key] for each in alike]))
            for key, value in alike[0].items()}


def _report(sightings: list[dict]) -> dict | None:
    """Returns the means of all figures over what was seen, with their intervals over shots."""
    if not sightings:
        return None
    resampling = Resampling([each["shot"] for each in sightings])
    return {"seen": len(sightings), "shots": resampling.groups, **resampling.means({
        name: np.array([each[name] for each in sightings])
        for name in sightings[0].keys() - {"shot", "name"}})}


def _example(data: Dataset, drawing: np.ndarray) -> dict[str, np.ndarray]:
    example = pixels.example(drawing, data.size, data.manifest.values.get("zoom") or "spline")
    return example | {"manga": sheets.draw_alike(example["color"])[0]}


def _fit(data: Dataset, mask: np.ndarray) -> np.ndarray:
    """Brings a mask of the episode's frame, bool, to where it lies in the dataset's pictures."""
    height, width = data.size
    double = pixels.cover(mask.astype(np.uint8) * 255, (2 * height, 2 * width))
    return pixels.scale(double, data.size) > 127


def _hair(picture: np.ndarray, masks: dict[str, np.ndarray]) -> list[dict]:
    """Measures which shares of each twin's hair are in its own colour, the other's, and neither's.

    A pixel is of that colour whose chroma is nearer to its own, and no further than half of what
    lies between the two.
    """
    chroma, sightings = pixels.chroma(picture), []
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
        sightings.append({"name": name, "own": float(np.mean(near & (own <= others))),
                          "other": float(np.mean(near & (own > others))),
                          "neither": float(np.mean(~near))})
    return sightings


def _sizes(picture: np.ndarray, truth: np.ndarray, characters: dict[str, np.ndarray]) -> list[dict]:
    """Measures, of each character seen, its share of the frame and the mean chroma error on it."""
    error = metrics.chroma_error(picture[np.newaxis], truth[np.newaxis])[0]
    return [{"name": name, "share": float(mask.mean()), "error": float(error[mask].mean())}
            for name, mask in characters.items() if np.count_nonzero(mask) >= LEAST]


def _size_report(sightings: list[dict]) -> dict | None:
    """Returns the mean chroma error of each class of size (None where empty), and correlations.

    `correlation` is the rank correlation of share and error over all characters;
    `correlation_within` that of by how much either is above the character's own mean: some
    characters are both larger and easier.
    """
    if len(sightings) < 3:
        return None
    shares, errors = (np.array([each[key] for each in sightings]) for key in ("share", "error"))
    names = np.unique([each["name"] for each in sightings], return_inverse=True)[1]
    counts = np.bincount(names)
    above = [values - (np.bincount(names, values) / counts)[names] for values in (shares, errors)]
    resampling = Resampling([each["shot"] for each in sightings])
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
    """Returns Spearman's rank correlation; 0 where all values of either are alike."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1])


def _caption(pictures: np.ndarray, truth: np.ndarray, letters: np.ndarray) -> dict[str, float]:
    """Measures L1 beside the letters of a caption, and far from them, with it and without it.

    The pixels compared are the same, and so is the truth there: what differs is the caption alone.

    Args:
        pictures, truth: uint8 [2, h, w, 3], of a frame with the caption and without.
    """
    reach = 2 * AROUND_CAPTION + 1
    near = cv2.dilate(letters.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    captioned, plain = np.abs(pictures.astype(float) - truth).mean(axis=3)
    errors = {"letters_with": float(captioned[letters].mean())}
    for place, mask in (("beside", near & ~letters), ("elsewhere", ~near)):
        without, having = float(plain[mask].mean()), float(captioned[mask].mean())
        errors |= {f"{place}_without": without, f"{place}_with": having,
                   f"{place}_more": having - without}
    return errors


def plot_sizes(path: Path, failures: dict[str, dict]) -> None:
    """Draws chroma error against size of characters, from `measure`, a line for each group."""
    figure = Figure(figsize=(5, 3.6), dpi=160, layout="constrained")
    axes = figure.subplots()
    for label, each in failures.items():
        if each["size"]:
            errors, upto = np.array(each["size"]["chroma_l1"], float), each["size"]["upto"]
            axes.plot(range(len(errors)), errors, marker="o", label=label)
            axes.set_xticks(range(len(errors)), [f"to {share:.0%}" for share in upto])
    axes.set(xlabel="share of the frame that a character covers", ylabel="chroma L1, 0..255",
             ylim=(0, None), title="Colour error against size")
    if axes.lines:
        axes.legend(fontsize=8)
    figures.write(figure, path)
