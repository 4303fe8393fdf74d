"""Palettes: colour from a reference picture to a gray one (Welsh, Ashikhmin and Mueller 2002)."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from keras_colorize.image import line_lock, pixels

NEIGHBOURHOOD = (5, 5)  # pixels over which texture is judged
GRID = (16, 16)  # one sample of the reference in each cell, about the authors' 200


@dataclass(frozen=True)
class Swatch:
    """A sample of the pixels of a reference picture, jittered on a grid."""

    level: np.ndarray
    """The pixels in the condition, 0..255, float32 [samples]."""
    deviation: np.ndarray
    """The standard deviation around them, float32 [samples]."""
    values: np.ndarray
    """Their colour, float32 [samples, channels]."""
    mean: float
    """The mean of the levels of the whole picture."""
    spread: float
    """Their standard deviation."""

    @classmethod
    def of(cls, condition: np.ndarray, values: np.ndarray, generator: np.random.Generator,
           ) -> "Swatch":
        """Samples a picture.

        Args:
            condition: uint8 [h, w].
            values: the colour that will be transferred, [h, w, channels].
            generator: draws the pixel of each cell.
        """
        cells = np.indices(GRID)
        share = (cells + generator.random(cells.shape)) / np.reshape(GRID, (2, 1, 1))
        rows, columns = (share * np.reshape(condition.shape, (2, 1, 1))).astype(int)
        level, deviation = _features(condition)
        return cls(level[rows, columns].ravel(), deviation[rows, columns].ravel(),
                   np.float32(values[rows, columns]).reshape(-1, values.shape[-1]),
                   float(level.mean()), float(level.std()))


def transfer(condition: np.ndarray, swatch: Swatch) -> np.ndarray:
    """Gives each pixel the values of the sample of the reference that it is most like.

    Two pixels are alike when their levels, and the standard deviations around them, are. Both weigh
    the same, after the levels of the reference are shifted and scaled to the picture's mean and
    standard deviation (section 3 of the paper). Takes uint8 [h, w], and returns float32 [h, w,
    channels].
    """
    level, deviation = _features(condition)
    scale = level.std() / max(swatch.spread, 1e-6)
    samples = np.stack([(swatch.level - swatch.mean) * scale + level.mean(),
                        swatch.deviation * scale], axis=1)
    wanted = np.stack([level.ravel(), deviation.ravel()], axis=1)
    # Equal pixels have equal answers, and drawings have many.
    distinct, place = np.unique(wanted.round(1), axis=0, return_inverse=True)
    _, nearest = cKDTree(samples).query(distinct)
    return swatch.values[nearest[place.ravel()]].reshape(*condition.shape, -1)


def colorize(luminance: np.ndarray, swatch: Swatch) -> np.ndarray:
    """Colours a gray picture, uint8 [h, w], as RGB [h, w, 3], by a swatch of chroma."""
    return line_lock.join(luminance, transfer(luminance, swatch))


class References:
    """Pictures to choose a reference from: the one whose thumbnail is most like a picture's."""

    def __init__(self):
        self._thumbnails: list[np.ndarray] = []
        self._swatches: list[Swatch] = []

    def add(self, condition: np.ndarray, swatch: Swatch) -> None:
        """Adds a picture, uint8 [h, w], and its swatch."""
        self._thumbnails.append(pixels.thumbnail(condition).ravel())
        self._swatches.append(swatch)

    def nearest(self, condition: np.ndarray) -> Swatch:
        """Returns the swatch of the picture that is most like another, uint8 [h, w].

        The least mean square difference of thumbnails decides. Without pictures: ValueError.
        """
        if not self._swatches:
            raise ValueError("there is no reference picture")
        away = np.stack(self._thumbnails).astype(np.float32) - pixels.thumbnail(condition).ravel()
        return self._swatches[int(np.square(away).sum(axis=1).argmin())]


def _features(condition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the level of each pixel and the standard deviation around it, float32 [h, w] each."""
    level = condition.astype(np.float32)
    mean = cv2.blur(level, NEIGHBOURHOOD)
    variance = cv2.sqrBoxFilter(level, cv2.CV_32F, NEIGHBOURHOOD) - mean * mean
    return level, np.sqrt(np.maximum(variance, 0))
