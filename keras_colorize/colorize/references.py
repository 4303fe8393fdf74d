"""References: coloured pictures of a series that tell its gray pages what colour things have."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_colorize import media
from keras_colorize.colorize.predictor import Model
from keras_colorize.data.sources import walk
from keras_colorize.errors import UsageError
from keras_colorize.image import matching, moods, page_kind, pixels
from keras_colorize.image.matching import Cells

MOST_READ = 64  # pictures, evenly spread over all that are given
MOST_MATCHED = 8  # those of them that are compared with a page: whose grays are most like its own
SPACING = 4  # pixels of the network between the places that it is told a colour at
COLORED = "give coloured pages, or frames, of the series"
_READING = threading.Lock()


@dataclass(frozen=True)
class Reference:
    """A coloured picture, as a network sees it."""

    cells: Cells
    grays: np.ndarray
    """The share of its pixels that is as dark as each gray level, or darker, [256]."""
    mood: np.ndarray
    """As of `moods.of_picture`."""


def check(model: Model, places: tuple[Path, ...]) -> str | None:
    """Reads references, before anything is coloured; returns a note if some tell no colour.

    Raises:
        UsageError: the network takes none, one does not exist, or none is in colour.
        SourceError: one cannot be read.
    """
    if not places:
        return None
    if model.input != "manga" and (model.network_guided is None or model.features is None):
        raise UsageError(model.name, "takes no hints, and so no reference",
                         "leave out --reference, or train cpu/guided_gray, or export it again")
    known, count = read(model, places)
    if not known:
        raise UsageError("--reference", f"{places[0]} holds nothing in colour", COLORED)
    return None if len(known) == count else \
        f"of {count} references {count - len(known)} have no colour, and tell none"


def read(model: Model, places: tuple[Path, ...]) -> tuple[list[Reference], int]:
    """Reads the references that are in colour, and how many pictures were read for it.

    Those that were read last for a model are kept, until a file changes. Raises as `check`.
    """
    with _READING:  # of two pages at a time, the second waits for the first
        return _read(model, stamped(places))


def stamped(places: tuple[Path, ...]) -> tuple[tuple[Path, int], ...]:
    """Lists the pictures, comics and films among references, and when each last changed.

    Raises UsageError where one does not exist, or there is none.
    """
    for place in places:
        if not place.exists():
            raise UsageError("--reference", f"{place} does not exist", COLORED)
    every = [path for place in places for path in (
        [folder / name for folder, names in walk(place) for name in names
         if _is_taken(folder / name)] if place.is_dir() else [place])]
    if not every:
        raise UsageError("--reference", f"{places[0]} holds no picture, comic or film", COLORED)
    return tuple((path, path.stat().st_mtime_ns) for path in every)


def dots(model: Model, places: tuple[Path, ...], luminance: np.ndarray, painted: np.ndarray,
         ) -> np.ndarray | None:
    """Tells a page the colours of the references that it is most like, as `moods.tell` does.

    Args:
        luminance: of the page, as the network sees it, uint8 [h, w].
        painted: what the network paints there untold, uint8 RGB [h, w, 3].

    Returns:
        uint8 RGBA [h, w, 4]; None where no reference is in colour.
    """
    known, _ = read(model, places)
    if not known:
        return None
    own = _grays(luminance)
    known = sorted(known, key=lambda each: float(np.abs(each.grays - own).sum()))[:MOST_MATCHED]
    cells = Cells.of(luminance, pixels.chroma(painted), _features(model, luminance))
    chroma = matching.match(cells, [each.cells for each in known])
    return moods.tell(cv2.resize(chroma, luminance.shape[::-1]), luminance, SPACING)


def mood(model: Model, places: tuple[Path, ...]) -> np.ndarray | None:
    """Computes the mean mood of references, for a page that is coloured by its regions.

    It is None where no reference is in colour.
    """
    known, _ = read(model, places)
    return np.mean([each.mood for each in known], axis=0) if known else None


def _is_taken(path: Path) -> bool:
    return media.is_picture(path) or media.is_book(path) or media.is_video(path)


@lru_cache(maxsize=2)
def _read(model: Model, found: tuple[tuple[Path, int], ...]) -> tuple[list[Reference], int]:
    every = [path for path, _ in found]
    step = -(-sum(map(_count, every)) // MOST_READ)
    known, count = [], 0
    for number, read_one in enumerate(each for path in every for each in _pictures(path)):
        if number % step == 0:
            picture, count = read_one(), count + 1
            if page_kind.colors(picture)[0] >= page_kind.COLORED:
                known.append(_known(model, picture))
    return known, count


def _count(path: Path) -> int:
    return len(media.open_book(path, only_pages=True).names) if media.is_book(path) else \
        MOST_READ if media.is_video(path) else 1


def _pictures(path: Path) -> Iterator[Callable[[], np.ndarray]]:
    """Gives what reads each picture of a file, uint8 RGB, to be called at once if at all."""
    if media.is_book(path):
        for name, read in media.open_book(path, only_pages=True).pages():
            yield lambda name=name, read=read: media.picture_of(read(), path / name)
    elif media.is_video(path):
        for picture in media.peek(path, MOST_READ):
            yield lambda picture=picture: picture
    else:
        yield lambda: media.read_picture(path)


def _known(model: Model, picture: np.ndarray) -> Reference:
    scale = model.page_scale(pixels.gray(picture))
    small = pixels.scale(picture, [max(1, round(scale * each)) for each in picture.shape[:2]])
    luminance = pixels.gray(small)
    seen = np.zeros((1, 1, 1), np.float32) if model.features is None else \
        _features(model, luminance)
    return Reference(Cells.of(luminance, pixels.chroma(small), seen), _grays(luminance),
                     moods.of_picture(small))


def _features(model: Model, luminance: np.ndarray) -> np.ndarray:
    return model.features(tf.constant(luminance[None, ..., None])).numpy()[0]


def _grays(luminance: np.ndarray) -> np.ndarray:
    return np.cumsum(np.bincount(luminance.ravel(), minlength=256)) / luminance.size
