"""Pixel maths: gray, edges, resizing, cropping, and the value ranges of files and networks.

Pictures are uint8 0..255, RGB [height, width, 3] or one channel [height, width]; networks see
float32 in [-1, 1]. The two ranges meet here and nowhere else.
"""

import functools
import math

import cv2
import numpy as np
from scipy import ndimage

CANNY = (100, 200)  # low and high threshold of the edge detector
ZOOMS = ("spline", "area")
LUMINANCE_WEIGHTS, LUMINANCE_UNIT = (9798, 19235, 3735), 1 << 15  # OpenCV's own, bit for bit
RED, GREEN, BLUE = (weight / LUMINANCE_UNIT for weight in LUMINANCE_WEIGHTS)  # their sum is 1
PAGE_HEIGHT = 1.5  # a picture this many times as tall as its window is a comic page
BAND = 40  # rows or columns that are zoomed together
LONGEST = 4  # a picture is cut to so many lengths of its window before it is scaled
STILL = 2  # levels of luminance that codec noise changes in a picture that stands still
AROUND = np.ones((5, 5), np.uint8)  # a pixel stands still where all of these around it do
JUDGED_WIDTH = 256  # pictures are judged at this width: grain and small print average out
GRAY = 6.0  # levels of chroma: a picture that has nowhere more has no colour
THUMBNAIL = (9, 16)  # height and width of the pictures that near-duplicates are found by


def to_signed(picture):
    """Maps 0..255 to [-1, 1], for floating-point arrays and tensors of any library and shape."""
    return picture / 127.5 - 1.0


def from_signed(values):
    """Maps [-1, 1] to 0..255, unrounded, for arrays and tensors of any library and shape."""
    return (values + 1.0) * 127.5


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Converts a network's output, float in [-1, 1], to uint8 0..255 of the same shape."""
    return np.clip(np.rint(from_signed(values)), 0, 255).astype(np.uint8)


def gray(picture: np.ndarray) -> np.ndarray:
    """Returns the luminance of uint8 [h, w, 3], as uint8 [h, w]; one channel stays as it is."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture


def chroma(picture: np.ndarray) -> np.ndarray:
    """Returns red and blue less the luminance: uint8 RGB [h, w, 3] to float32 [h, w, 2]."""
    return picture[..., ::2] - gray(picture)[..., np.newaxis].astype(np.float32)


def is_gray(color: np.ndarray) -> bool:
    """Tells whether uint8 RGB [h, w, 3] has no colour anywhere, as it is judged when small."""
    return bool(np.abs(chroma(shrunk(color, JUDGED_WIDTH))).max() < GRAY)


def still(luminance: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Marks the pixels around which two frames have one luminance: uint8 [h, w] to bool [h, w]."""
    moved = cv2.absdiff(luminance, other) > STILL
    return cv2.dilate(moved.astype(np.uint8), AROUND) == 0


def hint_channels(chroma: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Puts the chroma of some pixels in the form that a guided network takes.

    Args:
        chroma: float32 [h, w, 2], as `chroma` gives it.
        told: bool [h, w], the pixels whose chroma is a hint.

    Returns:
        float32 [h, w, 3]: chroma in units of the largest there can be, and 1 for each hint; 0 where
        there is none.
    """
    largest = np.float32([255 * (1 - RED), 255 * (1 - BLUE)])
    return np.dstack([chroma / largest * told[..., None], told]).astype(np.float32)


def eight_bits(picture: np.ndarray) -> np.ndarray:
    """Converts a picture of any channels, uint8 or uint16, to uint8."""
    return picture if picture.dtype == np.uint8 else cv2.convertScaleAbs(picture, alpha=255 / 65535)


def edges(picture: np.ndarray, size: tuple[int, int], zoom_by: str = "spline") -> np.ndarray:
    """Draws white Canny lines on black, found at twice the final size (section 4 of the paper).

    Args:
        picture: uint8 [h, w, 3] or [h, w], any size of the same shape as `size`.
        size: height and width of the result.
        zoom_by: how the lines are brought to the final size, as in `zoom`.

    Returns:
        uint8 [size], lines softened by the zoom, as in training.
    """
    double = scale(gray(picture), (2 * size[0], 2 * size[1]))
    return zoom(cv2.Canny(double, *CANNY), size, zoom_by)


def shrunk(picture: np.ndarray, longest: int) -> np.ndarray:
    """Averages a picture so that its longer side is at most `longest` pixels."""
    share = min(1.0, longest / max(picture.shape[:2]))
    height, width = (max(1, round(length * share)) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def scale(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes without aliasing: averaged when it shrinks, cubic when it grows."""
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height < picture.shape[0]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks
                      else cv2.INTER_CUBIC)


def halved(picture: np.ndarray) -> np.ndarray:
    """Averages each four pixels, far faster than `scale`; an odd last line is left out."""
    height, width = (length // 2 for length in picture.shape[:2])
    return cv2.resize(picture[:2 * height, :2 * width], (width, height),
                      interpolation=cv2.INTER_AREA)


def zoom(picture: np.ndarray, size: tuple[int, int], by: str = "spline") -> np.ndarray:
    """Resizes as the paper does (section 4), uint8 in and out.

    Args:
        by: "spline" is a cubic spline through the pixels, channel by channel, which keeps lines
            crisp and aliases; "area" is the mean of the covered pixels, which does neither.
    """
    if by == "area":
        return scale(picture, size)
    if picture.ndim == 3:
        return np.dstack([zoom(channel, size) for channel in np.moveaxis(picture, 2, 0)])
    (height, width), (new_height, new_width) = picture.shape, size
    rows = np.concatenate([band @ picture[span] for span, band in _spline(height, new_height)])
    both = np.hstack([rows[:, span] @ band.T for span, band in _spline(width, new_width)])
    return np.clip(np.floor(both + 0.5), 0, 255).astype(np.uint8)


@functools.cache
def _spline(old: int, new: int) -> list[tuple[slice, np.ndarray]]:
    """Returns what `scipy.ndimage.zoom` does along one axis, as the bands of a matrix [new, old].

    Spline zooming is linear and separable: two products with such matrices give the same bits. They
    leave out what is too far away to count, and so are six times faster.

    Returns:
        For some consecutive new places each, the span of old places that they are made of, and
        the weights [those new places, those old places].
    """
    matrix = ndimage.zoom(np.eye(old), (new / old, 1), order=3, mode="nearest", grid_mode=True)
    bands = []
    for band in np.array_split(matrix, max(1, new // BAND)):
        used = np.flatnonzero(np.abs(band).max(axis=0) > 1e-9)
        span = slice(used[0], used[-1] + 1)
        bands.append((span, band[:, span]))
    return bands


def cover(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scales a picture until it covers `size` and crops it there about its centre."""
    height, width = size
    factor = max(height / picture.shape[0], width / picture.shape[1])
    picture = _centre(picture, tuple(math.ceil(LONGEST * side / factor) for side in size))
    scaled = scale(picture, (max(height, round(picture.shape[0] * factor)),
                             max(width, round(picture.shape[1] * factor))))
    return _centre(scaled, size)


def _centre(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Crops a picture about its centre to at most so many lines and columns."""
    top, left = (max(0, old - new) // 2 for old, new in zip(picture.shape, size, strict=False))
    return picture[top:top + size[0], left:left + size[1]]


def example(picture: np.ndarray, size: tuple[int, int], zoom_by: str = "spline",
            ) -> dict[str, np.ndarray]:
    """Makes of a frame what the networks learn (section 4): its colour, gray and edge pictures.

    The frame is brought to twice the final size, where edges are found, and zoomed by one half.

    Returns:
        `color` uint8 [h, w, 3], `gray` and `edge` uint8 [h, w].
    """
    double = cover(picture, (2 * size[0], 2 * size[1]))
    color = zoom(double, size, zoom_by)
    return {"color": color, "gray": gray(color), "edge": edges(double, size, zoom_by)}


def narrowed(picture: np.ndarray, most: int = JUDGED_WIDTH) -> np.ndarray:
    """Averages a picture, uint8 [h, w, 3] or [h, w], so that it is at most `most` pixels wide."""
    height, width = picture.shape[:2]
    if width <= most:
        return picture
    return cv2.resize(picture, (most, max(1, round(height * most / width))),
                      interpolation=cv2.INTER_AREA)


def thumbnail(color: np.ndarray) -> np.ndarray:
    """Returns area means of a picture: uint8 [h, w, 3] or [h, w] to uint8 [9, 16, 3] or [9, 16]."""
    return cv2.resize(color, THUMBNAIL[::-1], interpolation=cv2.INTER_AREA)
