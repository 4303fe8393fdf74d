"""The page's own luminance under the network's colour, so that every line stays as it is drawn.

Luminance is OpenCV's RGB2GRAY. Colour is carried by chroma alone: red and blue less luminance, in
units of 1/255, from which green follows. A network's chroma is small; it is enlarged to the page
along the page's own edges, and joined with the page's own luminance at its own bit depth.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from keras_colorize.pixels import BLUE, GREEN, RED, eight_bits

BAND = 64  # rows that are worked on together, so that they stay in the processor's cache
SAME_SURFACE = 10.0  # levels of luminance (1/255) by which a surface varies within itself

# Falls off slowly: where all samples lie on lines, the one that does so the least counts most.
_SIMILARITY = ((1 + (np.arange(256) / SAME_SURFACE) ** 2) ** -2).astype(np.float32)


def enlarge(values: np.ndarray, guide: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """Brings small values to a page's size without crossing its lines (joint bilateral upsampling).

    Each pixel is a mean of the 4 small values around it, weighted as in bilinear interpolation and
    by their likeness to the pixel in luminance (Kopf et al. 2007). What lies on a line thus counts
    next to nothing on the surface beside it.

    Args:
        values: float32 [h, w, n].
        guide: the luminance that the values are of, uint8 [h, w].
        luminance: of the page, uint8 [H, W].

    Returns:
        float32 [H, W, n].
    """
    out = np.empty((*luminance.shape, values.shape[2]), np.float32)
    enlarger = _Enlarger(values, guide, luminance.shape)

    def work(rows: slice) -> None:
        out[rows] = enlarger.band(rows, luminance[rows])

    _in_bands(work, luminance.shape[0])
    return out


def join(luminance: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """A page's luminance with a chroma of its size; what is out of gamut loses chroma alone.

    Args:
        luminance: uint8 or uint16 [h, w].
        chroma: float32 [h, w, 2] in units of 1/255, as of `pixels.chroma`.

    Returns:
        RGB [h, w, 3] of the luminance's type. Its luminance is that of the page, or off by one of
        its levels where a channel is at its end.
    """
    most = np.iinfo(luminance.dtype).max
    level = luminance.astype(np.float32)
    red, blue = (most / 255 * chroma[..., channel] for channel in (0, 1))
    green = (red * RED + blue * BLUE) * np.float32(-1 / GREEN)
    kept = _within(level, most, red, green, blue)
    red, blue = np.rint(level + kept * red), np.rint(level + kept * blue)
    # Green has the largest weight: rounded last, it takes up what the other two were rounded by.
    green = np.rint((level - red * np.float32(RED) - blue * np.float32(BLUE)) / np.float32(GREEN))
    return np.clip(np.stack([red, green, blue], axis=-1), 0, most).astype(luminance.dtype)


def _within(level: np.ndarray, most: int, *channels: np.ndarray) -> np.ndarray:
    """The share of a chroma, 0..1, that leaves all three channels within 0..most."""
    above, below = np.maximum.reduce(channels), -np.minimum.reduce(channels)
    tiny = np.float32(1e-6)
    share = np.minimum((most - level) / np.maximum(above, tiny), level / np.maximum(below, tiny))
    return np.minimum(share, 1)


def lock(luminance: np.ndarray, chroma: np.ndarray, guide: np.ndarray,
         surface: np.ndarray | None = None) -> np.ndarray:
    """The network's small picture in colour alone, the page in everything else.

    Args:
        luminance: of the page, uint8 or uint16 [H, W].
        chroma: of the network's picture, float32 [h, w, 2], as of `pixels.chroma`.
        guide: the luminance at the network's size, uint8 [h, w].
        surface: what tells the page's surfaces apart, uint8 [H, W], where that is not its
            luminance: without the dots of its screentone, say.

    Returns:
        RGB [H, W, 3] of the luminance's type.
    """
    return _banded(luminance, chroma, guide, surface, join)


def ink(luminance: np.ndarray, flats: np.ndarray, guide: np.ndarray,
        surface: np.ndarray | None = None) -> np.ndarray:
    """The page's ink laid over colours: multiplied, as printing does, so that paper takes colour.

    Lines stay where they are and as dark as they are; white paper becomes as light as its colour.

    Args:
        luminance: of the page, uint8 or uint16 [H, W].
        flats: the colours without ink, RGB 0..255 [h, w, 3].
        guide: the luminance at their size, uint8 [h, w].
        surface: as for `lock`.

    Returns:
        RGB [H, W, 3] of the luminance's type.
    """
    def multiply(level: np.ndarray, colour: np.ndarray) -> np.ndarray:
        laid = level[..., None].astype(np.float32) * np.clip(colour, 0, 255) / 255
        return np.rint(laid).astype(level.dtype)

    return _banded(luminance, flats.astype(np.float32), guide, surface, multiply)


def largest_change(before: np.ndarray, picture: np.ndarray) -> float:
    """The largest change of luminance between a page and its coloured picture, of 255 levels.

    Args:
        before: the page's luminance, uint8 or uint16 [h, w].
        picture: RGB [h, w, 3] of the same type.
    """
    worst = 0
    for top in range(0, before.shape[0], 4 * BAND):
        rows = slice(top, top + 4 * BAND)
        after = cv2.cvtColor(np.ascontiguousarray(picture[rows]), cv2.COLOR_RGB2GRAY)
        worst = max(worst, int(cv2.absdiff(before[rows], after).max()))
    return worst * 255 / np.iinfo(before.dtype).max


def _banded(luminance: np.ndarray, values: np.ndarray, guide: np.ndarray,
            surface: np.ndarray | None,
            laid: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """`laid(luminance, values)` for a whole page with the values enlarged, band by band."""
    out = np.empty((*luminance.shape, 3), luminance.dtype)
    enlarger = _Enlarger(values, guide, luminance.shape)

    def work(rows: slice) -> None:
        along = eight_bits(luminance[rows]) if surface is None else surface[rows]
        out[rows] = laid(luminance[rows], enlarger.band(rows, along))

    _in_bands(work, luminance.shape[0])
    return out


def _in_bands(work: Callable[[slice], None], height: int) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(work, (slice(top, min(top + BAND, height))
                                for top in range(0, height, BAND))))


class _Enlarger:
    """Joint bilateral upsampling of one small array, band by band."""

    def __init__(self, values: np.ndarray, guide: np.ndarray, size: tuple[int, int]):
        self.same_size = guide.shape == tuple(size)
        self.layers = [guide, *(np.ascontiguousarray(values[..., n])
                                for n in range(values.shape[2]))]
        (self.rows, self.row_weights), (self.columns, self.column_weights) = (
            _taps(*lengths) for lengths in zip(guide.shape, size, strict=True))

    def band(self, rows: slice, luminance: np.ndarray) -> np.ndarray:
        """The enlarged values of some rows of the page, float32 [rows, W, n]."""
        if self.same_size:
            return np.stack([layer[rows] for layer in self.layers[1:]], axis=-1)
        total = np.zeros(luminance.shape, np.float32)
        sums = [np.zeros(luminance.shape, np.float32) for _ in self.layers[1:]]
        for down, down_weight in zip(self.rows[:, rows], self.row_weights[:, rows], strict=True):
            lines = [layer[down] for layer in self.layers]
            for across, across_weight in zip(self.columns, self.column_weights, strict=True):
                guide, *values = (line.take(across, axis=1) for line in lines)
                weight = _SIMILARITY.take(cv2.absdiff(guide, luminance))
                weight *= across_weight
                weight *= down_weight[:, None]
                total += weight
                for summed, value in zip(sums, values, strict=True):
                    value *= weight
                    summed += value
        return np.stack([summed / total for summed in sums], axis=-1)


def _taps(small: int, large: int) -> tuple[np.ndarray, np.ndarray]:
    """Along one axis, for each large place the 2 small ones around it and how near they are.

    Returns:
        Indices, int [2, large], and weights, float32 [2, large].
    """
    place = (np.arange(large) + 0.5) * small / large - 0.5
    first = np.floor(place)
    indices = np.clip(np.stack([first, first + 1]), 0, small - 1).astype(np.intp)
    weights = np.stack([first + 1 - place, place - first])
    return indices, weights.astype(np.float32)
