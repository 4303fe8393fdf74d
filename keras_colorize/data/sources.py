"""Sources of a dataset: the videos, comics and folders of pictures below what a user names.

A source gives samples: frames of a video, pictures, and windows of comic pages.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from keras_colorize import media
from keras_colorize.data import screening
from keras_colorize.errors import SourceError, UsageError, one_line
from keras_colorize.files import is_unicode, sha256_of
from keras_colorize.image import page_kind, page_windows, pixels

DROPPABLE = ("held", "black", "gray")
NARROW = 0.25  # share of an example's width or height that a strip stays below
STRIP = 4  # times as long, for its other side, as an example is
MOST_WINDOWS = 100  # of a page, so that no page makes up a dataset; more are passed over evenly


@dataclass(frozen=True)
class Sampling:
    """Which frames of a source become examples, and how."""

    every: int = 50
    """Keep one frame of so many in a video; pictures are all kept."""
    size: tuple[int, int] = (180, 320)
    zoom: str = "spline"
    """How frames are brought to their size, as in `pixels.zoom`."""
    drop: tuple[str, ...] = ()
    """Which of `DROPPABLE` to leave out: repeated drawings, near-black or near-gray frames."""
    uncompressed: bool = False
    """Whether to store PNGs without compression: larger, and read twice as fast."""


@dataclass(frozen=True)
class Sample:
    """A frame that a dataset keeps: uint8 RGB [h, w, 3], its number, seconds and shot."""

    picture: np.ndarray
    frame: int
    time: float
    shot: int


@dataclass
class Counts:
    """What became of the frames of a source while it was read."""

    decoded: int = 0
    kept: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    """How many were left out for each reason."""
    noted: dict[str, int] = field(default_factory=dict)
    """How many samples were held, black or gray, whether kept or not."""
    bad: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """By name why pictures and pages could not be read: where, what, and what to do."""
    notes: list[str] = field(default_factory=list)
    """A line on each page that is seen under another name than its archive gives it."""
    empty: list[str] = field(default_factory=list)
    """The names of the pictures and pages of which nothing was kept, though they could be read."""
    crop: tuple[int, int, int, int] | None = None
    """Top, left, height and width of the picture within a video's black bars, if it has bars."""

    ended = None  # a `threading.Event` of whoever waits for the source, and no count

    def count_decoded(self) -> None:
        """Counts a frame or page; raises CancelledError once `ended` is set."""
        if self.ended is not None and self.ended.is_set():
            raise CancelledError
        self.decoded += 1

    def skip(self, reason: str) -> None:
        """Counts a frame, or a window of a page, that is left out."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def read(self, name: str, read: Callable[[], np.ndarray]) -> np.ndarray | None:
        """Reads a picture; notes the reason and returns None where that cannot be done."""
        try:
            return read()
        except SourceError as error:
            self.bad[name] = error.where, error.what, error.remedy
            return None

    def keeps(self, traits: list[str], drop: tuple[str, ...]) -> bool:
        """Counts a sample and its traits, and returns whether the dataset keeps it."""
        for trait in traits:
            self.noted[trait] = self.noted.get(trait, 0) + 1
        reason = next((trait for trait in traits if trait in drop), None)
        if reason:
            self.skip(reason)
        else:
            self.kept += 1
        return not reason


@dataclass(frozen=True)
class FileSource:
    """A source in one file."""

    name: str
    path: Path

    def fingerprint(self) -> str:
        """Computes the SHA-256 of the file."""
        return sha256_of(self.path)


class VideoSource(FileSource):
    """A video, of which one frame in `every` is kept, from frame 0 on (section 4)."""

    def length(self) -> int:
        """Returns how many frames to expect, for progress; 0 where the video does not say."""
        return media.frame_count(self.path)

    def samples(self, sampling: Sampling, counts: Counts, threads: int = 0) -> Iterator[Sample]:
        """Decodes each frame once, for its shot and, one in `every`, for the dataset.

        It first looks for black bars in a few frames from all over the video, and crops them from
        all frames of that size. `threads`, and errors, are as of `media.read_video`.
        """
        peeked = media.peek(self.path)
        counts.crop = page_windows.content_box(peeked)
        cuts, held, last_drawing = screening.ShotDetector(), screening.HeldDetector(), None
        for frame in media.read_video(self.path, threads):
            shot = cuts.shot(frame.thumbnail(screening.SHOT_WIDTH, exact=False))
            counts.count_decoded()
            if frame.number % sampling.every:
                counts.skip("between samples")
                continue
            picture, drawing = frame.picture(), held.drawing(frame.thumbnail())
            if counts.crop and picture.shape == peeked[0].shape:
                picture = page_windows.crop(picture, counts.crop)
            traits = ["held"] * (drawing == last_drawing) + _traits(picture)
            last_drawing = drawing
            if counts.keeps(traits, sampling.drop):
                yield Sample(picture, frame.number, frame.time, shot)


@dataclass(frozen=True)
class FolderSource:
    """The pictures in one folder; comic pages among them are cut into windows of one shot."""

    name: str
    path: Path
    pictures: tuple[Path, ...]

    def fingerprint(self) -> str:
        """Computes a SHA-256 over the names and bytes of the pictures that can be read."""
        listing = "".join(f"{path.name} {_sha256_if_there(path)}\n" for path in self.pictures)
        return hashlib.sha256(listing.encode()).hexdigest()

    def length(self) -> int:
        """Returns the number of pictures."""
        return len(self.pictures)

    def samples(self, sampling: Sampling, counts: Counts, threads: int = 0) -> Iterator[Sample]:
        """Reads every picture in the order of names; `every` is for videos.

        What cannot be read is noted in `counts.bad`.
        """
        return _windows(((path.name, counts.read(path.name, partial(media.read_picture, path)))
                         for path in self.pictures), sampling, counts)


class BookSource(FileSource):
    """A comic in one file (CBZ, EPUB or PDF); its pages are treated as those of a folder."""

    def length(self) -> int:
        """Returns how many pages to expect, for progress; 0 where the file cannot be read."""
        try:
            return len(media.open_book(self.path, only_pages=True).names)
        except SourceError:  # `samples` will raise it
            return 0

    def samples(self, sampling: Sampling, counts: Counts, threads: int = 0) -> Iterator[Sample]:
        """Reads every page in its order. What cannot be read is noted in `counts.bad`.

        Raises:
            SourceError: as `media.open_book`.
        """
        book = media.open_book(self.path, only_pages=True)
        counts.notes += [line.removeprefix(f"{self.path}/") for line in book.notes]
        return _windows(((name, counts.read(name, partial(_page, read, self.path / name)))
                         for name, read in book.pages()), sampling, counts)


def _page(read: Callable[[], bytes], where: Path) -> np.ndarray:
    return media.picture_of(read(), where)


def _sha256_if_there(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:  # the reading of its picture says why
        return "unreadable"


Source = VideoSource | FolderSource | BookSource


def _windows(pictures: Iterable[tuple[str, np.ndarray | None]], sampling: Sampling,
             counts: Counts) -> Iterator[Sample]:
    """Cuts comic pages into windows; a window must not be blank or gray, a whole picture may be.

    The pictures come with their names, and are None where they cannot be read. Ornaments that are
    strips far narrower than an example are passed over, and of a very long page `MOST_WINDOWS`
    windows are taken from all over it.
    """
    for shot, (name, picture) in enumerate(pictures):
        counts.count_decoded()
        if picture is None:
            continue
        before = counts.kept
        windows = _windows_of(picture, sampling.size, counts)
        for window in windows:
            if len(windows) > 1 and screening.is_near_blank(window):
                counts.skip("blank window")
            elif len(windows) > 1 and screening.is_near_gray(window):
                counts.skip("colourless window")
            elif counts.keeps(_traits(window), sampling.drop):
                yield Sample(window, counts.kept - 1, 0.0, shot)
        if counts.kept == before:
            counts.empty.append(name)


def _windows_of(picture: np.ndarray, size: tuple[int, int], counts: Counts) -> list[np.ndarray]:
    """Cuts a picture into the windows that are looked at; counts those that are passed over."""
    if _is_strip(picture, size):
        counts.skip("narrow strip")
        return []
    pages = np.array_split(picture, 2, axis=1) if page_kind.is_spread(pixels.gray(picture)) \
        else [picture]
    windows = [window for page in pages for window in page_windows.windows(page, size)]
    if len(windows) > MOST_WINDOWS:
        chosen = np.linspace(0, len(windows) - 1, MOST_WINDOWS).round().astype(int)
        for _ in range(len(windows) - MOST_WINDOWS):
            counts.skip(f"windows beyond {MOST_WINDOWS} of a page")
        windows = [windows[number] for number in chosen]
    return windows


def _is_strip(picture: np.ndarray, size: tuple[int, int]) -> bool:
    """Tells whether a picture is a strip along which no example of a size could be cut well."""
    height, width = (have / wanted for have, wanted in zip(picture.shape, size, strict=False))
    return min(height, width) < NARROW and max(height, width) > STRIP * min(height, width)


def _traits(picture: np.ndarray) -> list[str]:
    small = pixels.narrowed(picture)
    return ["black"] * screening.is_near_black(small) + ["gray"] * screening.is_near_gray(small)


def find(places: list[Path], skip_bad: bool = False) -> tuple[list[Source], dict[str, str]]:
    """Finds the sources in files and, recursively, folders, in the order of their names.

    The name of a source is its path below the folder that the user gave.

    Args:
        skip_bad: whether to leave out folders that cannot be read, and names that are not UTF-8.
            Without it, all of a place are named at once.

    Returns:
        The sources, and by name why others were left out.

    Raises:
        SourceError: a place does not exist, cannot be read, or holds no source; a name is not
            UTF-8.
        UsageError: two sources have one name, or are one file or folder.
    """
    sources: list[Source] = []
    failed: list[tuple[str, SourceError]] = []
    for place in places:
        here, errors = _sources_in(Path(place))
        if errors and not skip_bad:
            raise all_of([error for _, error in errors])
        sources += here
        failed += errors
    _check_distinct(sources, [name for name, _ in failed])
    return (sorted(sources, key=lambda source: source.name),
            {name: str(error) for name, error in failed})


def passed_over(places: list[Path]) -> list[str]:
    """Names the files below the folders of `places` that are no picture, comic or video.

    Folders that cannot be read are passed over; `find` raises for them.
    """
    return [one_line((folder / name).relative_to(place).as_posix())
            for place in places if place.is_dir()
            for folder, names in walk(place, lambda error: None) for name in names
            if not _is_taken(folder / name)]


def left_out(names: Sequence[str]) -> str:
    """Says which files were left out that are no picture, comic or film."""
    what = "1 file is" if len(names) == 1 else f"{len(names)} files are"
    return f"{what} no picture, comic or film, and left out: {', '.join(names)}"


def _is_taken(path: Path) -> bool:
    """Tells whether `find` takes a file for a source, or says why it does not."""
    return media.is_video(path) or media.is_book(path) or media.is_picture(path) \
        or media.refused_archive(path) is not None


def all_of(errors: Sequence[SourceError]) -> SourceError:
    """Returns the one error, or one that names the places of several."""
    if len(errors) == 1:
        return errors[0]
    each = ", ".join(f"{error.where} ({error.what})" for error in errors)
    return SourceError(each, f"are {len(errors)} that cannot be read",
                       f"{errors[0].remedy}, or go on without them by --skip-bad")


def _check_distinct(sources: list[Source], failed: list[str]) -> None:
    """Raises UsageError where sources, those that `failed` included, are one or have one name."""
    seen: dict[str, Source] = {}
    for source in sources:
        first = seen.setdefault(os.path.realpath(source.path), source)
        if first is not source:
            raise UsageError(source.path, f"is given twice, as {first.name} and {source.name}",
                             "give it once, without the folder above it or a link to it")
    for name, count in Counter([*(source.name for source in sources), *failed]).most_common(1):
        if count > 1:
            raise UsageError(name, f"is the name of {count} sources",
                             "rename one, or give the folder above both")


def _sources_in(place: Path) -> tuple[list[Source], list[tuple[str, SourceError]]]:
    """Finds the sources of a place, and the names and errors of what cannot be one."""
    if place.is_file():
        return _with_unicode_paths([_source_of(place, place.name)])
    if not place.is_dir():
        what = "is neither a file nor a folder" if os.path.lexists(place) else "does not exist"
        raise SourceError(place, what, "give videos, comics, or folders")
    sources, errors = [], []
    for folder, names in walk(place, errors.append):
        relative, pictures = folder.relative_to(place), []
        for path in (folder / name for name in names):
            refused = media.refused_archive(path)
            if refused is not None:
                errors.append(refused)
            elif media.is_video(path) or media.is_book(path):
                sources.append(_source_of(path, (relative / path.name).as_posix()))
            elif media.is_picture(path):
                pictures.append(path)
        if pictures:
            sources.append(FolderSource(_folder_name(folder, place), folder, tuple(pictures)))
    if not sources and not errors:
        raise SourceError(place, "holds no video and no picture",
                          f"known suffixes: {' '.join(sorted(media.VIDEO_SUFFIXES))} "
                          f"{' '.join(sorted(media.PICTURE_SUFFIXES))} .cbz .epub .pdf")
    sources, unnameable = _with_unicode_paths(sources)
    unreadable = [(one_line(_folder_name(Path(error.where), place)), error) for error in errors]
    return sources, unreadable + unnameable


def _folder_name(folder: Path, place: Path) -> str:
    return folder.relative_to(place).as_posix() if folder != place else \
        os.path.basename(os.path.realpath(place))


def _with_unicode_paths(sources: list[Source],
                        ) -> tuple[list[Source], list[tuple[str, SourceError]]]:
    """Divides sources into those with Unicode paths, and the names and errors of the others."""
    good, errors = [], []
    for source in sources:
        paths = source.pictures if isinstance(source, FolderSource) else (source.path,)
        bad = [path for path in paths if not is_unicode(path)]
        for path in bad:
            name = f"{source.name}/{path.name}" if path != source.path else source.name
            errors.append((one_line(name),
                           SourceError(path, "has a name that is not UTF-8", "rename it")))
        if not bad:
            good.append(source)
        elif len(bad) < len(paths):
            good.append(replace(source, pictures=tuple(
                path for path in paths if path not in bad)))
    return good, errors


def _source_of(path: Path, name: str) -> Source:
    if media.is_video(path):
        return VideoSource(name, path)
    if path.suffix.lower() in media.ARCHIVE_SUFFIXES:
        return BookSource(name, path)
    raise SourceError(path, "is neither a video nor a comic (by its suffix)",
                      "give videos, comics, or the folder that holds the pictures")


def walk(place: Path, refuse: Callable[[SourceError], None] | None = None,
         ) -> Iterator[tuple[Path, list[str]]]:
    """Gives each folder in and below `place` with the names of its files, sorted, none hidden.

    It follows links, gives those to nowhere as files, and enters each folder once. It passes over
    what is neither a file nor a folder, such as a pipe.

    The SourceError of a folder that cannot be read goes to `refuse`, or else is raised.
    """
    def unreadable(reason: OSError):
        error = SourceError(reason.filename, f"cannot be read ({reason.strerror})",
                            "check its permissions")
        if refuse is None:
            raise error from reason
        refuse(error)

    seen = set()
    for folder, below, names in os.walk(place, onerror=unreadable, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        paths = (Path(folder, name) for name in names if not name.startswith("."))
        yield Path(folder), sorted(path.name for path in paths
                                   if os.path.isfile(path) or not os.path.exists(path))
