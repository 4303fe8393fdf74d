"""Hints: a user's strokes of colour, spread over the surfaces that they lie on."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from keras_colorize import media
from keras_colorize.data.sources import walk
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.export.graph import OPAQUE, THINNEST
from keras_colorize.files import read_bytes
from keras_colorize.image import line_lock, pixels, scribbles

LARGEST = 700_000  # pixels that colour is spread at; finer than that, edges are found by line lock
LIKE = 10  # levels of luminance by which a surface may change from pixel to pixel


def find(place: Path | None, *names: str) -> Path | None:
    """Finds the strokes for a page, if there are any: the one file, or that in a folder.

    There it is named as the page, by any of `names` with slashes and folders, whatever the suffix.
    """
    if place is None or not place.is_dir():
        return place
    files = (place / PurePosixPath(name).with_suffix(".png") for name in names)
    # `Path.is_file` would raise where a name is too long.
    return next((file for file in files if os.path.isfile(file)), None)


def unused(place: Path, pages: list[tuple[str, ...]]) -> list[str]:
    """Lists the pictures in a folder of hints that belong to no page.

    Args:
        pages: the names that `find` takes, for each of the pages, of which there is at least one.

    Raises:
        UsageError: none of them belongs to a page, or there is none.
    """
    used = {find(place, *names) for names in pages} - {None}
    if not used:
        example = place / PurePosixPath(pages[0][-1]).with_suffix(".png")
        raise UsageError(place, "holds no hints of these pages",
                         f"name them as the pages, such as {example}")
    files = [folder / name for folder, names in walk(place) for name in names]
    return [path.relative_to(place).as_posix() for path in files
            if media.is_picture(path) and path not in used]


def read(path: Path) -> np.ndarray:
    """Reads strokes, uint8 RGBA [h, w, 4]; raises SourceError if it is no transparent picture."""
    file = read_bytes(path, remedy="check --hints")
    drawn = media.stored_layer(file, path)
    if drawn is None:
        raise SourceError(path, "has no transparency, so it would hide the whole page",
                          "draw the strokes on a transparent layer and save it as PNG")
    return drawn


def scale(strokes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scales strokes to the size that a network sees: each pixel the mean colour of its strokes.

    Args:
        strokes: uint8 RGBA [h, w, 4].
        size: height and width.

    Returns:
        uint8 RGBA [*size, 4], opaque where strokes cover at least a tenth of a pixel, else clear.
    """
    def shrunk(plane: np.ndarray) -> np.ndarray:
        return cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA)

    *colors, alpha = cv2.split(strokes)
    opacity = shrunk(alpha.astype(np.float32)) / 255
    told = opacity > THINNEST
    planes = [shrunk(cv2.multiply(color, alpha, scale=1 / 255, dtype=cv2.CV_32F))
              / np.maximum(opacity, 1e-6) for color in colors]
    return np.rint(np.dstack([*planes, 255 * told])).astype(np.uint8)


def correct(values: np.ndarray, strokes: np.ndarray, values_of: Callable[[np.ndarray], np.ndarray],
            ) -> np.ndarray:
    """Moves what a network has painted from lines towards the strokes near it.

    Args and result are as of `scribbles.correct` and `apply`; colours stay from 0 to 255.
    """
    small = scale(strokes, values.shape[:2])
    told = values_of(small[..., :3].copy()).astype(np.float32)
    corrected = scribbles.correct(values, small[..., 3] >= OPAQUE, told)
    return corrected if values.shape[2] == 2 else np.clip(corrected, 0, 255)


def apply(values: np.ndarray, strokes: np.ndarray, values_of: Callable[[np.ndarray], np.ndarray],
          guide: np.ndarray, surface: np.ndarray, spread: bool = True,
          ) -> tuple[np.ndarray, np.ndarray]:
    """Gives surfaces that strokes touch the colour of the strokes; the rest keeps the network's.

    A surface is all that can be reached from a stroke without crossing a line, which is a step of
    luminance. Colour spreads over it by `scribbles.propagate`. Where the network has spread the
    strokes, `scribbles.fill_flats` gives their colour to what is flat around them, and no more.

    Args:
        values: the network's chroma or colours, float32 [h, w, n].
        strokes: uint8 RGBA of any size.
        values_of: computes such values of colours, uint8 RGB [., ., 3].
        guide: the luminance at the size of `values`, uint8 [h, w].
        surface: the page's, uint8 [H, W], without dots.
        spread: False where the network has spread the strokes.

    Returns:
        Values, float32 [., ., n], and the luminance at their size, finer than before.
    """
    share = min(1.0, (LARGEST / surface.size) ** 0.5)
    size = [max(1, round(length * share)) for length in surface.shape]
    fine = pixels.scale(surface, size)
    strokes = cv2.resize(strokes, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    drawn = strokes[..., 3] >= OPAQUE
    large = line_lock.enlarge(values, guide, fine)
    if not drawn.any():
        return large, fine
    seeds = np.zeros_like(large)
    seeds[drawn] = values_of(strokes[drawn][np.newaxis, :, :3].copy())[0]
    if not spread:
        return scribbles.fill_flats(large, fine, drawn, seeds), fine
    reached = _surfaces(fine, drawn)
    left, top, width, height = cv2.boundingRect(reached.astype(np.uint8))
    box = (slice(max(0, top - 4), top + height + 4), slice(max(0, left - 4), left + width + 4))
    # The strokes alone decide within a surface: the network's colour around it would seep in.
    from_strokes = scribbles.propagate(fine[box], drawn[box], seeds[box])
    large[box][reached[box]] = from_strokes[reached[box]]
    return large, fine


def _surfaces(luminance: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Finds all that is reached from the strokes without crossing a line, bool [h, w]."""
    calm = cv2.medianBlur(luminance, 3)
    height, width = luminance.shape
    mask = np.zeros((height + 2, width + 2), np.uint8)
    inside = mask[1:-1, 1:-1]
    for y, x in zip(*np.nonzero(drawn), strict=True):
        if not inside[y, x]:
            cv2.floodFill(calm, mask, (int(x), int(y)), 0, LIKE, LIKE,
                          4 | cv2.FLOODFILL_MASK_ONLY | 1 << 8)
    # Half a line is coloured with its surface; the softened rim of a line is no step of its own.
    return (cv2.dilate(inside, np.ones((3, 3), np.uint8)) > 0) | drawn
