"""Moods: the chroma that a light gives each gray level, as by night, in a wood or at a fire."""

from collections.abc import Iterable
from itertools import compress

import cv2
import numpy as np

from keras_colorize.image import line_lock, pixels

LEVELS = 16  # of gray, each of which has one chroma
COUNT = 8  # moods of a series
JUDGED = 400  # pictures that they are chosen from, about
SAMPLES = 1000  # pixels of each, about
ROUNDS = 3  # of bringing moods nearer to their pictures; more suit new pictures no better
SPACING = 32  # pixels of the network between the places that it is told a mood at


def of_picture(color: np.ndarray) -> np.ndarray:
    """Computes the mood of uint8 RGB [h, w, 3]: the mean chroma of each level.

    Returns:
        float32 [LEVELS, 2], in the units of `pixels.chroma`. A level that the picture does not show
        is between its neighbours.
    """
    level, chroma = pixels.gray(color).ravel() // (256 // LEVELS), pixels.chroma(color)
    counts = np.bincount(level, minlength=LEVELS)
    known = np.flatnonzero(counts)
    sums = np.stack([np.bincount(level, chroma[..., part].ravel(), LEVELS) for part in (0, 1)], -1)
    return _between(known, sums[known] / counts[known, None])


def paint(mood: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """Looks up the chroma of each pixel of uint8 [h, w] in a mood: float32 [h, w, 2]."""
    width = 256 / LEVELS
    place = np.arange(256) / width - 0.5 + 0.5 / width  # of each gray level among the moods' own
    table = [np.interp(place, range(LEVELS), mood[:, part]) for part in (0, 1)]
    return np.float32(table).T[luminance]


def choose(pictures: Iterable[np.ndarray], count: int = COUNT) -> np.ndarray:
    """Chooses moods that bring all pictures near to one of them.

    At first greedily among the pictures' own moods. Then each mood becomes the median chroma of
    the pictures that are nearest to it, a few times (Lloyd's method, for absolute differences).

    Args:
        pictures: uint8 RGB [h, w, 3], at least one; some are kept, evenly spaced.

    Returns:
        float32 [count, LEVELS, 2]; less where there are fewer pictures.
    """
    kept, every = [], 1
    for number, picture in enumerate(pictures):
        if number % every == 0:
            kept.append(_Sample(picture))
        if len(kept) > 2 * JUDGED:
            kept, every = kept[::2], 2 * every
    moods = np.stack([each.mood for each in kept])
    errors = _errors(moods, kept)
    chosen, least = [], np.full(len(kept), np.inf)
    for _ in range(min(count, len(kept))):
        chosen.append(int(np.minimum(errors, least).mean(axis=1).argmin()))
        least = np.minimum(least, errors[chosen[-1]])
    moods = moods[chosen]
    for _ in range(ROUNDS):
        nearest = _errors(moods, kept).argmin(axis=0)
        moods = np.stack([_middle(list(compress(kept, nearest == number)), mood)
                          for number, mood in enumerate(moods)])
    return moods


def _errors(moods: np.ndarray, samples: list["_Sample"]) -> np.ndarray:
    """Computes the mean absolute error in chroma of each mood on each picture."""
    return np.stack([np.abs(moods[:, each.level] - each.chroma).mean(axis=(1, 2))
                     for each in samples], axis=1)


def _middle(samples: list["_Sample"], mood: np.ndarray) -> np.ndarray:
    """Computes the median chroma of each level in some pictures; `mood` if there are none."""
    if not samples:
        return mood
    level = np.concatenate([each.level for each in samples])
    chroma = np.concatenate([each.chroma for each in samples])
    known = np.unique(level)
    return _between(known, np.stack([np.median(chroma[level == each], axis=0) for each in known]))


def _between(known: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Completes a mood where levels are not known: float32 [LEVELS, 2]."""
    return np.float32([np.interp(range(LEVELS), known, part) for part in chroma.T]).T


class _Sample:
    """The mood of a picture, and the level and chroma of some of its pixels."""

    def __init__(self, picture: np.ndarray):
        self.mood = of_picture(picture)
        step = max(1, round((picture[..., 0].size / SAMPLES) ** 0.5))
        self.level = pixels.gray(picture)[::step, ::step].ravel() // (256 // LEVELS)
        self.chroma = pixels.chroma(picture)[::step, ::step].reshape(-1, 2)


def tell(chroma: np.ndarray, luminance: np.ndarray, spacing: int = SPACING) -> np.ndarray:
    """Puts the chroma that a picture is supposed to have in the form of strokes, for a network.

    Args:
        chroma: float32 [h, w, 2], as of `paint`.
        luminance: as the network sees it, uint8 [h, w].
        spacing: pixels between the dots.

    Returns:
        uint8 RGBA [h, w, 4], opaque at the dots.
    """
    told = np.zeros(luminance.shape, np.uint8)
    first = [min(spacing, length) // 2 for length in luminance.shape]
    told[first[0]::spacing, first[1]::spacing] = 255
    return np.dstack([line_lock.join(luminance, chroma), told])


def with_strokes(dots: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """Adds a person's own strokes to what `tell` gave, which says nothing near them.

    All are uint8 RGBA [h, w, 4].
    """
    drawn = strokes[..., 3] > 0
    near = cv2.dilate(drawn.astype(np.uint8), np.ones((SPACING, SPACING), np.uint8)) > 0
    both = dots.copy()
    both[near, 3] = 0
    both[drawn] = strokes[drawn]
    return both
