"""The paper's failures (figures 12 to 14) as figures, on the drawn episode, which knows its parts.

Everything is measured on frames of the split, drawn anew: as they are, with a caption written over
them, and darkened to black.
"""

from collections.abc import Callable

import cv2
import numpy as np
from scipy import stats
from tqdm import tqdm

from keras_colorize import episode, metrics, pixels
from keras_colorize.dataset import Dataset
from keras_colorize.evaluation import Examples
from keras_colorize.figures import evenly
from keras_colorize.metrics.distances import chroma_error

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


def measure(examples: Examples, runs: dict[str, tuple[str, Colorize]]) -> dict[str, dict]:
    """The failures of runs, on the frames of examples of the drawn episode.

    Args:
        runs: by name the input, "gray" or "edge", and how it is coloured.

    Returns:
        For each run `hair`, as `_hair_report`; `size`, as `_size_report`; `caption` and `black`,
        as `_caption` and `_darkened` give them, means over the frames; `frames`, how many; each
        None where no frame shows it.
    """
    data, where = examples.data, examples.places()
    frames = [where[number].frame for number in evenly(len(where), FRAMES)]
    frames = [frame for frame in frames if episode.brightness_of(frame) == 1]
    found = {name: {"hair": [], "size": [], "caption": [], "black": []} for name in runs}
    letters = _letters(data)
    for frame in tqdm(frames, "failures", unit="frame", delay=2):
        shot = episode.shot_of(frame)
        staged = [_shown(data, episode.restaged(frame, CAPTION)),
                  *(_shown(data, episode.restaged(frame, brightness=each)) for each in BRIGHTNESS)]
        truth = np.stack([each["color"] for each in staged])
        parts, characters = ({name: _fitted(data, mask) for name, mask in masks.items()}
                             for masks in (episode.part_masks(frame),
                                           episode.character_masks(frame)))
        for name, (condition, colorize) in runs.items():
            pictures = colorize(np.stack([each[condition] for each in staged])[..., np.newaxis])
            seen = found[name]
            seen["hair"] += [{"shot": shot, **each} for each in _hair(pictures[1], parts)]
            seen["size"] += _sizes(pictures[1], truth[1], characters)
            seen["caption"].append(_caption(pictures[:2], truth[:2], letters))
            seen["black"].append(_darkened(pictures[1:], truth[1:]))
    return {name: {"frames": len(frames), "hair": _hair_report(seen["hair"]),
                   "size": _size_report(seen["size"]), "caption": _means(seen["caption"]),
                   "black": _means(seen["black"])} for name, seen in found.items()}


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
        found.append({"name": name, "pixels": int(np.count_nonzero(hair)),
                      "own": float(np.mean(near & (own <= others))),
                      "other": float(np.mean(near & (own > others))),
                      "neither": float(np.mean(~near))})
    return found


def _hair_report(found: list[dict]) -> dict | None:
    """The mean shares over all hair seen, the interval of the other's over shots, and counts."""
    if not found:
        return None
    resampling = metrics.Resampling([each["shot"] for each in found])
    return {"seen": len(found), "shots": resampling.groups,
            **{name: float(np.mean([each[name] for each in found]))
               for name in ("own", "other", "neither")},
            "other_ci": resampling.interval(np.array([each["other"] for each in found]))}


def _sizes(picture: np.ndarray, truth: np.ndarray, characters: dict[str, np.ndarray],
           ) -> list[tuple[float, float]]:
    """Of each character seen, its share of the frame and the mean chroma error on it."""
    error = chroma_error(picture[np.newaxis], truth[np.newaxis])[0]
    return [(float(mask.mean()), float(error[mask].mean())) for mask in characters.values()
            if np.count_nonzero(mask) >= LEAST]


def _size_report(found: list[tuple[float, float]]) -> dict | None:
    """The mean chroma error of each class of size (None where empty), and the rank correlation."""
    if len(found) < 3:
        return None
    shares, errors = np.array(found).T
    classes = np.digitize(shares, SIZES[1:-1])
    correlation = stats.spearmanr(shares, errors)
    seen = np.bincount(classes, minlength=len(SIZES) - 1)
    return {"upto": list(SIZES[1:]), "seen": seen.tolist(),
            "chroma_l1": [float(errors[classes == each].mean()) if (classes == each).any() else None
                          for each in range(len(SIZES) - 1)],
            "rank_correlation": float(np.nan_to_num(correlation.statistic))}


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
    return {"beside_without": float(without[beside].mean()),
            "beside_with": float(having[beside].mean()),
            "elsewhere_without": float(without[~near].mean()),
            "elsewhere_with": float(having[~near].mean()),
            "letters_with": float(having[letters].mean())}


def _darkened(pictures: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """L1 of a frame at each of `BRIGHTNESS`, uint8 [brightness, h, w, 3] each."""
    errors = metrics.l1(pictures, truth).tolist()
    return {f"{brightness:g}": error for brightness, error in zip(BRIGHTNESS, errors, strict=True)}


def _means(found: list[dict[str, float]]) -> dict[str, float] | None:
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]} \
        if found else None
