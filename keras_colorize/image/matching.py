"""Matching: finds in coloured pictures what a gray one shows, and takes its colours from there.

Pictures are compared cell by cell. A cell takes the mean chroma of those cells of the coloured
pictures that are most like it, as in Welsh et al. (2002), who compared luminance and its deviation.
Here cells are also compared by where they lie, by what a network sees there, and by what it would
paint there itself. A picture that fits badly as a whole counts less. What is one surface on the
page gets one colour.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy import ndimage
from skimage.segmentation import felzenszwalb

CELL = 5  # pixels of a side, at the size that a network sees
MOST_CELLS = 2000  # of a picture; those of a larger one are larger
NEAREST = 64  # cells whose chroma a cell takes the mean of
SHARPNESS = 10.0  # by which the weight of a cell falls with its distance
# The distance of two cells is a sum. Each part has a weight, and some do not grow beyond a span.
LEVEL, LEVEL_SPAN = 6.0, 0.3  # how their luminance differs
DEVIATION, DEVIATION_SPAN = 1.0, 50.0  # how its deviation differs
PLACE = 0.3  # how their height in the picture differs
SEEN = 1.0  # the cosine of what a network sees there, which counts the other way
PAINTED, PAINTED_SPAN = 0.4, 60.0  # how the chroma that it would paint differs from the reference's
PICTURE = 1.0  # how much worse the reference fits as a whole than the best one
ROWS = 256  # cells that are sorted at once, which bounds memory
# What is one surface: the larger the first, the larger surfaces are; the second is in pixels.
SURFACE_SCALE, LEAST_SURFACE = 40, 20


@dataclass(frozen=True)
class Cells:
    """The cells of a picture, row by row."""

    shape: tuple[int, int]
    """The number of rows, and of cells in a row."""
    level: np.ndarray
    """The mean luminance of each, 0..1, float32 [cells]."""
    deviation: np.ndarray
    """Its standard deviation, 0..255, float32 [cells]."""
    place: np.ndarray
    """How far down each lies, 0..1, float32 [cells]."""
    seen: np.ndarray
    """What a network sees there, float32 [cells, n]."""
    chroma: np.ndarray
    """The picture's, or what a network paints there, as `pixels.chroma`, float32 [cells, 2]."""

    @classmethod
    def of(cls, luminance: np.ndarray, chroma: np.ndarray, seen: np.ndarray) -> "Cells":
        """Divides a picture into cells.

        Args:
            luminance: uint8 [h, w], as a network sees it.
            chroma: float32 [h, w, 2].
            seen: the network's features of the picture, float32 [rows, columns, n].
        """
        side = max(CELL, (luminance.size / MOST_CELLS) ** 0.5)
        rows, columns = (max(1, round(length / side)) for length in luminance.shape)

        def mean(plane: np.ndarray) -> np.ndarray:
            return cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA).ravel()

        light = luminance.astype(np.float32)
        level = mean(light)
        deviation = np.sqrt(np.maximum(0, mean(light * light) - level * level))
        place = np.repeat(np.linspace(0, 1, rows, dtype=np.float32), columns)
        return cls((rows, columns), level / 255, deviation, place,
                   np.stack([cv2.resize(plane, (columns, rows)).ravel()
                             for plane in cv2.split(seen)], -1),
                   np.stack([mean(plane) for plane in cv2.split(chroma)], -1))


def match(picture: Cells, references: list[Cells]) -> np.ndarray:
    """Gives each cell of a picture the chroma of the cells of references that it is most like.

    Args:
        references: at least one.

    Returns:
        float32 [rows, columns, 2], as `pixels.chroma`.
    """
    own = np.concatenate([np.full(len(each.level), number)
                          for number, each in enumerate(references)])
    every = {name: np.concatenate([getattr(each, name) for each in references])
             for name in ("level", "deviation", "place", "seen", "chroma")}
    middle, spread = every["seen"].mean(axis=0), every["seen"].std(axis=0) + 1e-4
    every["seen"] = _unit((every["seen"] - middle) / spread)
    picture = replace(picture, seen=_unit((picture.seen - middle) / spread))
    distance = np.empty((len(picture.level), len(own)), np.float32)
    blocks = [slice(first, first + ROWS) for first in range(0, len(distance), ROWS)]
    for some in blocks:
        distance[some] = _distance(picture, some, every)
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    fit = np.minimum.reduceat(distance, starts, axis=1).mean(axis=0)
    distance += PICTURE * (fit - fit.min()).astype(np.float32)[own]
    return np.concatenate([_mean_of_nearest(distance[some], every["chroma"])
                           for some in blocks]).reshape(*picture.shape, 2)


def even_out(chroma: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """Gives each surface of a picture the median of the chroma that its pixels have.

    Surfaces are found by Felzenszwalb and Huttenlocher's method (2004).

    Args:
        chroma: float32 [h, w, 2].
        luminance: of the picture, as a network sees it, uint8 [h, w].

    Returns:
        float32 [h, w, 2].
    """
    surfaces = felzenszwalb(luminance, scale=SURFACE_SCALE, sigma=0.5, min_size=LEAST_SURFACE,
                            channel_axis=None)
    every = np.arange(surfaces.max() + 1)
    return np.float32(np.stack([ndimage.median(plane, surfaces, every)
                                for plane in cv2.split(chroma)], -1))[surfaces]


def _mean_of_nearest(distance: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Computes the mean chroma of the cells that are nearest, float32 [cells, 2]."""
    count = min(NEAREST, len(chroma))
    nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
    far = np.take_along_axis(distance, nearest, axis=1)
    weight = np.exp(SHARPNESS * (far.min(axis=1, keepdims=True) - far))
    weight /= weight.sum(axis=1, keepdims=True)
    return np.einsum("cn,cnp->cp", weight, chroma[nearest])


def _distance(picture: Cells, some: slice, every: dict[str, np.ndarray]) -> np.ndarray:
    """Computes how unlike some cells of a picture are to all cells of references."""
    def apart(name: str) -> np.ndarray:
        return np.abs(getattr(picture, name)[some, None] - every[name])

    unlike = LEVEL * np.minimum(apart("level"), LEVEL_SPAN)
    unlike += DEVIATION * np.minimum(apart("deviation") / DEVIATION_SPAN, 1)
    unlike += PLACE * apart("place")
    unlike -= SEEN * (picture.seen[some] @ every["seen"].T)
    painted = sum(np.abs(picture.chroma[some, None, part] - every["chroma"][:, part])
                  for part in (0, 1))
    unlike += PAINTED * np.minimum(painted / PAINTED_SPAN, 1)
    return unlike


def _unit(features: np.ndarray) -> np.ndarray:
    """Brings features, float32 [cells, n], to length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-6)
