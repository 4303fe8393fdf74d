"""References: coloured pictures of a series that tell its gray pages what colour things have."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_colorize import media
from keras_colorize.colorize.predictor import Model
from keras_colorize.data.sources import walk
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.export.graph import WHOLE
from keras_colorize.files import sha256_of_all
from keras_colorize.image import matching, moods, page_kind, pixels
from keras_colorize.image.matching import Cells

MOST_READ = 64  # pictures, evenly spaced among all that are given
MOST_MATCHED = 6  # those of them that are compared with a page: whose grays are most like its own
SPACING = 4  # pixels of the network between the places that it is told a colour at
WIDTH = 640  # pixels of a film's frame: no network sees it larger
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


def check(model: Model, places: tuple[Path, ...], scale: float | None, out: Path) -> str | None:
    """Reads references, before anything is coloured; returns a note if some tell no colour.

    Args:
        scale: as of `Settings`.
        out: where coloured files are written.

    Raises:
        UsageError: the network takes none, one does not exist, `out` lies among them, or none is in
            colour.
        SourceError: one cannot be read.
    """
    if not model.takes_references:
        raise UsageError(model.name, "takes no hints, and so no reference", "leave out --reference,"
                         " or train cpu/guided_gray; a model that was exported before must be "
                         "exported again")
    for place in places:
        if place.is_dir() and out.resolve().is_relative_to(place.resolve()):
            raise UsageError(out, f"lies in {place}, whose pictures are the references",
                             "name another --out")
    known, count = read(model, places, scale)
    if not known:
        raise UsageError("--reference", f"{places[0]} holds nothing in colour", COLORED)
    return None if len(known) == count else \
        f"of {count} references {count - len(known)} have no colour, and tell none"


def files(places: tuple[Path, ...]) -> tuple[Path, ...]:
    """Lists the pictures, comics and films among references, and in folders of them.

    Raises UsageError where one does not exist, or there is none.
    """
    for place in places:
        if not place.exists():
            raise UsageError("--reference", f"{place} does not exist", COLORED)
    every = tuple(path for place in places for path in (
        [folder / name for folder, names in walk(place) for name in names
         if _is_taken(folder / name)] if place.is_dir() else [place]))
    if not every:
        raise UsageError("--reference", f"{places[0]} holds no picture, comic or film", COLORED)
    return every


def digest(places: tuple[Path, ...]) -> str | None:
    """Computes a SHA-256 of the names and bytes of all files of references; None without any."""
    return _digest(stamped(places)) if places else None


@lru_cache(maxsize=1)
def _digest(found: tuple[tuple[Path, int], ...]) -> str:
    return sha256_of_all(path for path, _ in found)


def stamped(places: tuple[Path, ...]) -> tuple[tuple[Path, int], ...]:
    """Lists `files`, and when each last changed."""
    return tuple((path, path.stat().st_mtime_ns) for path in files(places))


def read(model: Model, places: tuple[Path, ...], scale: float | None,
         ) -> tuple[list[Reference], int]:
    """Reads the references that are in colour, and how many pictures were read for it.

    Those that were read last are kept, until a file changes. Raises as `check`.
    """
    with _READING:  # of two pages at a time, the second waits for the first
        return _read(model, stamped(places), scale)


def dots(model: Model, places: tuple[Path, ...], scale: float | None, luminance: np.ndarray,
         painted: np.ndarray) -> np.ndarray | None:
    """Tells a page the colours of the references that it is most like, as `moods.tell` does.

    Args:
        model: one that `matches_references`.
        luminance: of the page, as the network sees it, uint8 [h, w].
        painted: what the network paints there untold, uint8 RGB [h, w, 3].

    Returns:
        uint8 RGBA [h, w, 4]; None where no reference is in colour.
    """
    known, _ = read(model, places, scale)
    if not known:
        return None
    own = _grays(luminance)
    known = sorted(known, key=lambda each: float(np.abs(each.grays - own).sum()))[:MOST_MATCHED]
    cells = Cells.of(luminance, pixels.chroma(painted), _features(model, luminance))
    chroma = matching.match(cells, [each.cells for each in known])
    chroma = matching.even_out(cv2.resize(chroma, luminance.shape[::-1]), luminance)
    return moods.tell(chroma, luminance, SPACING)


def mood(model: Model, places: tuple[Path, ...], scale: float | None) -> np.ndarray | None:
    """Computes the mean mood of references, for a page that is coloured by its regions.

    It is None where no reference is in colour.
    """
    known, _ = read(model, places, scale)
    return np.mean([each.mood for each in known], axis=0) if known else None


def _is_taken(path: Path) -> bool:
    return media.is_picture(path) or media.is_book(path) or media.is_video(path)


@lru_cache(maxsize=8)
def _read(model: Model, found: tuple[tuple[Path, int], ...], scale: float | None,
          ) -> tuple[list[Reference], int]:
    known, count = [], 0
    for picture in _chosen([path for path, _ in found]):
        count += 1
        if page_kind.colors(picture)[0] >= page_kind.COLORED:
            known.append(_known(model, picture, scale))
    return known, count


def _chosen(every: list[Path]) -> Iterator[np.ndarray]:
    """Reads at most `MOST_READ` pictures of files, evenly spaced, uint8 RGB."""
    films = sum(map(media.is_video, every))
    counts = [len(media.open_book(path, only_pages=True).names) if media.is_book(path) else
              max(1, MOST_READ // films) if media.is_video(path) else 1 for path in every]
    total = sum(counts)
    wanted = np.unique(np.linspace(0, total - 1, min(total, MOST_READ)).round().astype(int))
    ends = np.cumsum(counts)
    for path, first, end in zip(every, ends - counts, ends, strict=True):
        own = wanted[(wanted >= first) & (wanted < end)] - first
        if own.size:
            yield from _pictures(path, set(own.tolist()))


def _pictures(path: Path, numbers: set[int]) -> Iterator[np.ndarray]:
    """Reads some pictures of a file; of a film so many of its frames."""
    if media.is_book(path):
        for number, (name, read_one) in enumerate(
                media.open_book(path, only_pages=True).pages()):
            if number in numbers:
                yield media.picture_of(read_one(), path / name)
    elif media.is_video(path):
        frames = media.peek(path, len(numbers), WIDTH)
        if not frames:
            raise SourceError(path, "holds no frame that can be read", "give another film")
        yield from frames
    else:
        yield media.read_picture(path)


def _known(model: Model, picture: np.ndarray, scale: float | None) -> Reference:
    scale = scale or model.page_scale(pixels.gray(picture))
    small = pixels.scale(picture, [max(1, round(scale * each)) for each in picture.shape[:2]])
    luminance = pixels.gray(small)
    seen = _features(model, luminance) if model.matches_references else \
        np.zeros((1, 1, 1), np.float32)
    return Reference(Cells.of(luminance, pixels.chroma(small), seen), _grays(luminance),
                     moods.of_picture(small))


def _features(model: Model, luminance: np.ndarray) -> np.ndarray:
    """Computes what a network sees in a picture, or in a smaller copy of a very large one."""
    share = min(1.0, (WHOLE / luminance.size) ** 0.5)
    small = pixels.scale(luminance, [max(1, round(share * each)) for each in luminance.shape])
    return model.features(tf.constant(small[None, ..., None])).numpy()[0]


def _grays(luminance: np.ndarray) -> np.ndarray:
    return np.cumsum(np.bincount(luminance.ravel(), minlength=256)) / luminance.size
