"""The colours that a point of a page is likely to have, for a person to choose one."""

from collections.abc import Iterator

import cv2
import numpy as np
import tensorflow as tf

from keras_colorize.colorize import mood_previews
from keras_colorize.colorize.page import KnownPage, read_page
from keras_colorize.colorize.predictor import Models, Settings
from keras_colorize.image import line_lock, moods, pixels

COUNT = 5
ALIKE = 12.0  # levels of chroma: who is offered one colour needs none that is nearer to it
LIKE = 8  # levels of luminance by which pixels are as light as another
SAMPLES = 64  # pixels of a page, about, that tell what its network has for a gray
WINDOW = 384  # pixels of the network: of a region so much is looked at around a point

Color = tuple[int, int, int]


def at(point: tuple[int, int], file: bytes, where: object, models: Models, settings: Settings,
       ) -> list[Color]:
    """Finds the likely colours of a point of a page, the likeliest first.

    Args:
        point: row and column.
        file: of the page.
        where: its name, for errors.
        settings: that the page was coloured with.

    Returns:
        At most `COUNT` colours, RGB: of the luminance that a gray page has there, or to fill the
        region of a printed page with. None where there is nothing to choose: of a page in colour,
        and of a printed page whose network does not say how likely colours are.

    Raises:
        SourceError: the page cannot be read.
    """
    known = read_page(file, where, models, settings)
    if known.printed is not None:
        return list(_of_region(known, point))
    if known.view is None:
        return []
    level = pixels.gray(known.plain.shown)[point]
    small = mood_previews.paint(file, where, models, settings)
    chosen = _cover(*candidates(small, models.pages.moods, level, np.divide(
        point, known.plain.luminance.shape)))
    colors = line_lock.join(np.full((1, len(chosen)), level), np.float32([chosen]))[0]
    return list(dict.fromkeys(map(tuple, colors.tolist())))


def candidates(small: mood_previews.Preview, moods_of: list, level: int, place: np.ndarray,
               ) -> tuple[np.ndarray, np.ndarray]:
    """Gathers what a point's chroma may be.

    Args:
        moods_of: the moods that the network knows.
        level: of luminance there.
        place: the point's row and column, as shares of the page.

    Returns:
        Chromas, float32 [n, 2], and how much each counts, [n]: what the network paints there, first
        untold and then in each mood; what each mood has for such a level; gray; and what the
        network paints, untold, elsewhere on the page where it is as light. The last count as much
        together as all before.
    """
    row, column = (place * small.luminance.shape).astype(int)
    painted = [pixels.chroma(picture) for picture in small.pictures]
    told = [picture[row, column] for picture in painted]
    told += [moods.paint(np.float32(mood), np.uint8([[level]]))[0, 0] for mood in moods_of]
    alike = painted[0][np.abs(small.luminance.astype(int) - level) <= LIKE]
    alike = alike[::max(1, len(alike) // SAMPLES)]
    told.append(np.zeros(2))
    counts = np.r_[np.ones(len(told)), np.full(len(alike), len(told) / max(1, len(alike)))]
    return np.float32([*told, *alike]), counts


def _cover(chromas: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """Chooses chromas: the first, then each time the one that most of what is left is like."""
    near = np.linalg.norm(chromas[:, None] - chromas, axis=2) <= ALIKE
    chosen, left = [0], counts * ~near[0]
    while len(chosen) < COUNT and left.any():
        chosen.append(int((near @ left).argmax()))
        left = left * ~near[chosen[-1]]
    return [chromas[each] for each in chosen]


def _of_region(known: KnownPage, point: tuple[int, int]) -> Iterator[Color]:
    """Gives the colours that the network finds likeliest for the region of a point."""
    view, regions = known.view, known.printed.regions
    if view.model.class_shares is None:
        return
    inside = (regions.labels == regions.page_labels[point]).astype(np.float32)
    inside = cv2.resize(inside, view.condition.shape[::-1], interpolation=cv2.INTER_AREA)
    window = tuple(_around(part * length // whole, length) for part, length, whole in zip(
        point, inside.shape, regions.page_labels.shape, strict=True))
    shares = view.model.class_shares(tf.constant(view.condition[window][None, ..., None]))[0]
    yield from _likeliest(np.tensordot(inside[window], shares.numpy(), 2))


def _around(place: int, length: int) -> slice:
    """Takes a window of an axis around a place, from where the network halves evenly."""
    start = max(0, min(place - WINDOW // 2, length - WINDOW)) // 64 * 64
    return slice(start, start + WINDOW)


def _likeliest(votes: np.ndarray) -> Iterator[Color]:
    """Gives colours, the likeliest first: each the mean of eight neighbours among the classes.

    A colour between classes has its votes in those around it, and in no others.

    Args:
        votes: of the classes, float32 [side ** 3], as `models.blocks.classes_of` orders them.
    """
    side = round(len(votes) ** (1 / 3))
    levels, votes = np.linspace(0, 255, side), votes.reshape(side, side, side).copy()
    for _ in range(COUNT):
        cubes = np.lib.stride_tricks.sliding_window_view(votes, (2, 2, 2)).sum((3, 4, 5))
        if not cubes.any():
            return
        cube = tuple(slice(first, first + 2)
                     for first in np.unravel_index(cubes.argmax(), cubes.shape))
        inside = votes[cube] / votes[cube].sum()
        yield tuple(round(float((inside.sum(others) * levels[cube[axis]]).sum()))
                    for axis, others in enumerate(((1, 2), (0, 2), (0, 1))))
        votes[cube] = 0
