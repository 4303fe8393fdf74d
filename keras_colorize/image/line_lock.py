"""The line lock: a page keeps its own luminance, and so every line, under the network's colour.

Luminance is OpenCV's RGB2GRAY. Colour is carried by chroma alone: red and blue less luminance, in
units of 1/255, from which green follows. A network's chroma is small; it is enlarged to the page
along the page's own edges, and joined with the page's own luminance at its own bit depth.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from keras_colorize.image.pixels import BLUE, GREEN, RED, eight_bits

BAND = 1 << 16  # pixels that are worked on together, so that they stay in the processor's cache
FEW = 8  # so many bands are not worth threads
SAME_SURFACE = 10.0  # levels of luminance (1/255) by which a surface varies within itself

# Falls off slowly: where all samples lie on lines, the one that does least so counts most.
_SIMILARITY = ((1 + (np.arange(256) / SAME_SURFACE) ** 2) ** -2).astype(np.float32)


def enlarge(values: np.ndarray, guide: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """Enlarges small values to a page's size within its lines (joint bilateral upsampling).

    Each pixel is a mean of the 4 small values around it, weighted as in bilinear interpolation and
    by their likeness to the pixel in luminance (Kopf et al. 2007). What lies on a line thus counts
    next to nothing on the surface beside it.

    Args:
        values: float32 [h, w, n].
        guide: the luminance that the values are of, uint8 [h, w].
        luminance: the page's, uint8 [H, W].

    Returns:
        float32 [H, W, n].
    """
    def merge(level: np.ndarray, planes: list[np.ndarray]) -> np.ndarray:
        return cv2.merge(planes).reshape(*level.shape, -1)

    out = np.empty((*luminance.shape, values.shape[2]), np.float32)
    return _banded(luminance, values, guide, luminance, merge, out)


def join(luminance: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Joins a page's luminance with a chroma of its size; what is out of gamut loses chroma alone.

    Args:
        luminance: uint8 or uint16 [h, w].
        chroma: float32 [h, w, 2] in units of 1/255, as of `pixels.chroma`.

    Returns:
        RGB [h, w, 3] of the luminance's type. Its luminance is that of the page, or off by one of
        its levels where a channel is at its end.
    """
    return _joined(luminance, [chroma[..., channel].copy() for channel in (0, 1)])


def _joined(luminance: np.ndarray, chroma: list[np.ndarray]) -> np.ndarray:
    """Joins as `join` does, from planes of chroma, float32 [h, w], which it overwrites."""
    most = np.iinfo(luminance.dtype).max
    level = luminance.astype(np.float32)
    red, blue = chroma if most == 255 else (plane * np.float32(most / 255) for plane in chroma)
    green = cv2.addWeighted(red, -RED / GREEN, blue, -BLUE / GREEN, 0)
    kept = _within(level, most, red, green, blue)
    for plane in (red, blue):
        plane *= kept
        plane += level
        np.rint(plane, out=plane)
    # Green has the largest weight: rounded last, it takes up what the other two were rounded by.
    green = cv2.addWeighted(red, -RED / GREEN, blue, -BLUE / GREEN, 0, green)
    green = np.rint(cv2.scaleAdd(level, 1 / GREEN, green, green), out=green)
    return cv2.merge([np.clip(plane, 0, most, out=plane).astype(luminance.dtype)
                      for plane in (red, green, blue)])


def _within(level: np.ndarray, most: int, red: np.ndarray, green: np.ndarray, blue: np.ndarray,
            ) -> np.ndarray:
    """Returns the share of a chroma, 0..1, that leaves all three channels within 0..most."""
    above, below = (extreme(extreme(red, green), blue) for extreme in (cv2.max, cv2.min))
    tiny = np.float32(1e-6)
    room_above = np.divide(most - level, np.maximum(above, tiny, out=above), out=above)
    room_below = np.divide(level, np.maximum(np.negative(below, out=below), tiny, out=below),
                           out=below)
    return np.minimum(cv2.min(room_above, room_below, room_above), 1, out=room_above)


def lock(luminance: np.ndarray, chroma: np.ndarray, guide: np.ndarray,
         surface: np.ndarray | None = None) -> np.ndarray:
    """Takes the colour from the network's small picture, and everything else from the page.

    Args:
        luminance: of the page, uint8 or uint16 [H, W].
        chroma: of the network's picture, float32 [h, w, 2], as of `pixels.chroma`.
        guide: the luminance at the network's size, uint8 [h, w].
        surface: a picture that tells the page's surfaces apart, uint8 [H, W], where that is not
            its luminance: the page without the dots of its screentone, say.

    Returns:
        RGB [H, W, 3] of the luminance's type.
    """
    return _banded(luminance, chroma, guide, surface, _joined)


def ink(luminance: np.ndarray, flats: np.ndarray, guide: np.ndarray,
        surface: np.ndarray | None = None) -> np.ndarray:
    """Multiplies colours by the page's ink, as printing does, so that paper takes colour.

    Lines stay where they are and as dark as they are; white paper becomes as light as its colour.
    `flats` are the colours without ink, RGB 0..255 [h, w, 3]; all else is as of `lock`.
    """
    def multiply(level: np.ndarray, colours: list[np.ndarray]) -> np.ndarray:
        shade = level.astype(np.float32) / 255
        return cv2.merge([np.rint(np.clip(colour, 0, 255) * shade).astype(level.dtype)
                          for colour in colours])

    return _banded(luminance, flats.astype(np.float32), guide, surface, multiply)


def largest_change(before: np.ndarray, picture: np.ndarray) -> float:
    """Returns the largest change of luminance from a page to its coloured picture, in 255 levels.

    The page's luminance is uint8 or uint16 [h, w], and the picture RGB [h, w, 3] of its type.
    """
    worst = 0
    for rows in _bands(before.shape):
        after = cv2.cvtColor(np.ascontiguousarray(picture[rows]), cv2.COLOR_RGB2GRAY)
        worst = max(worst, int(cv2.absdiff(before[rows], after).max()))
    return worst * 255 / np.iinfo(before.dtype).max


def _banded(luminance: np.ndarray, values: np.ndarray, guide: np.ndarray,
            surface: np.ndarray | None,
            combine: Callable[[np.ndarray, list[np.ndarray]], np.ndarray],
            out: np.ndarray | None = None) -> np.ndarray:
    """Enlarges values to a page; fills `out` (RGB by default) with `combine(luminance, values)`."""
    out = np.empty((*luminance.shape, 3), luminance.dtype) if out is None else out
    enlarger, bands = _Enlarger(values, guide, luminance.shape), _bands(luminance.shape)

    def work(rows: slice) -> None:
        along = eight_bits(luminance[rows]) if surface is None else surface[rows]
        out[rows] = combine(luminance[rows], enlarger.band(rows, along))

    if len(bands) <= FEW:  # such as a frame of a film, many of which are worked on at once
        for rows in bands:
            work(rows)
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(work, bands))
    return out


def _bands(size: tuple[int, int]) -> list[slice]:
    """Cuts the rows of a page into bands of about `BAND` pixels."""
    height, step = size[0], max(4, BAND // size[1])
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


class _Enlarger:
    """Joint bilateral upsampling of one small array, band by band.

    Its rows are brought to the page's width once, for all the lines of the page near them.
    """

    def __init__(self, values: np.ndarray, guide: np.ndarray, size: tuple[int, int]):
        layers = [np.ascontiguousarray(values[..., n]) for n in range(values.shape[2])]
        self.same = layers if guide.shape == tuple(size) else None
        (self.rows, self.row_weights), (columns, self.column_weights) = (
            _taps(*lengths) for lengths in zip(guide.shape, size, strict=True))
        self.across = [(guide.take(places, axis=1),
                        [layer.take(places, axis=1) for layer in layers]) for places in columns]

    def band(self, rows: slice, luminance: np.ndarray) -> list[np.ndarray]:
        """Enlarges the values of some rows of the page, a plane of float32 [rows, W] for each."""
        if self.same is not None:
            return [layer[rows].copy() for layer in self.same]
        total = np.zeros(luminance.shape, np.float32)
        sums = [np.zeros(luminance.shape, np.float32) for _ in self.across[0][1]]
        weight, value = (np.empty(luminance.shape, np.float32) for _ in range(2))
        unlike = np.empty(luminance.shape, np.uint8)
        for down, down_weight in zip(self.rows[:, rows], self.row_weights[:, rows], strict=True):
            for (guide, layers), across_weight in zip(self.across, self.column_weights,
                                                      strict=True):
                np.take(guide, down, axis=0, out=unlike, mode="clip")
                cv2.absdiff(unlike, luminance, unlike)
                cv2.LUT(unlike, _SIMILARITY, weight)
                weight *= across_weight
                weight *= down_weight[:, None]
                total += weight
                for summed, layer in zip(sums, layers, strict=True):
                    np.take(layer, down, axis=0, out=value, mode="clip")
                    cv2.accumulateProduct(value, weight, summed)
        return [np.divide(summed, total, out=summed) for summed in sums]


def _taps(small: int, large: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds along one axis the 2 small places around each large one, and how near they are.

    Returns:
        Indices, int [2, large], and weights, float32 [2, large].
    """
    place = (np.arange(large) + 0.5) * small / large - 0.5
    first = np.floor(place)
    indices = np.clip(np.stack([first, first + 1]), 0, small - 1).astype(np.intp)
    weights = np.stack([first + 1 - place, place - first])
    return indices, weights.astype(np.float32)
