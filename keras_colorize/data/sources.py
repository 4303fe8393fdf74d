"""What datasets are made from: videos, folders and archives of pictures, as sampled frames."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from keras_colorize import media
from keras_colorize.data import screening, shots
from keras_colorize.errors import SourceError
from keras_colorize.files import sha256_of
from keras_colorize.image import pixels

DROPPABLE = ("held", "black", "gray")


@dataclass(frozen=True)
class Sampling:
    """Which frames of a source become examples, and how."""

    every: int = 50
    """One frame in so many of a video; every picture is kept."""
    size: tuple[int, int] = (180, 320)
    zoom: str = "spline"
    """How frames are brought to their size, as in `pixels.zoom`."""
    drop: tuple[str, ...] = ()
    """What of `DROPPABLE` is left out: repeated drawings, near-black frames, near-gray frames."""
    uncompressed: bool = False
    """Whether PNGs are stored without compression: larger, and read twice as fast."""


@dataclass(frozen=True)
class Sample:
    """A frame that a dataset keeps: uint8 RGB [h, w, 3], its number, seconds and shot."""

    picture: np.ndarray
    frame: int
    time: float
    shot: int


@dataclass
class Counts:
    """What became of a source's frames while it was read."""

    decoded: int = 0
    kept: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    """How many were left out for each reason."""
    noted: dict[str, int] = field(default_factory=dict)
    """How many samples were held, black or gray, kept or not."""
    crop: tuple[int, int, int, int] | None = None
    """Top, left, height and width of what is within a video's black bars; None without bars."""

    def skip(self, reason: str) -> None:
        """Counts a frame, or a window of a page, that is left out."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def keeps(self, traits: Iterable[str], drop: tuple[str, ...]) -> bool:
        """Counts a sample and its traits, and says whether it is kept."""
        traits = list(traits)
        for trait in traits:
            self.noted[trait] = self.noted.get(trait, 0) + 1
        reason = next((trait for trait in traits if trait in drop), None)
        if reason:
            self.skip(reason)
        else:
            self.kept += 1
        return not reason


@dataclass(frozen=True)
class VideoSource:
    """A video, of which one frame in `every` is kept, from frame 0 on (section 4)."""

    name: str
    path: Path

    def fingerprint(self) -> str:
        """The SHA-256 of the file."""
        return sha256_of(self.path)

    def length(self) -> int:
        """How many frames to expect, for progress; 0 where the video does not say."""
        return media.frame_count(self.path)

    def samples(self, sampling: Sampling, counts: Counts, threads: int = 0) -> Iterator[Sample]:
        """Decodes each frame once, for its shot and, one in `every`, for the dataset.

        Black bars are looked for beforehand, in a few frames from all over the video, and cropped
        from all frames of their size.

        Args:
            threads: of the decoder; 0 leaves it the choice.

        Raises:
            SourceError: as `media.read_video`.
        """
        peeked = media.peek(self.path)
        counts.crop = pixels.content_box(peeked)
        cuts, held, last_drawing = shots.ShotDetector(), screening.HeldDetector(), None
        for frame in media.read_video(self.path, threads):
            shot = cuts.shot(frame.thumbnail(shots.WIDTH, exact=False))
            counts.decoded += 1
            if frame.number % sampling.every:
                counts.skip("between samples")
                continue
            picture, drawing = frame.picture(), held.drawing(frame.thumbnail())
            if counts.crop and picture.shape == peeked[0].shape:
                picture = pixels.crop(picture, counts.crop)
            traits = ["held"] * (drawing == last_drawing) + _traits(picture)
            last_drawing = drawing
            if counts.keeps(traits, sampling.drop):
                yield Sample(picture, frame.number, frame.time, shot)


@dataclass(frozen=True)
class FolderSource:
    """A folder's own pictures; comic pages among them are cut into windows that share a shot."""

    name: str
    path: Path
    pictures: tuple[Path, ...]

    def fingerprint(self) -> str:
        """A SHA-256 over the names and bytes of the pictures."""
        listing = "".join(f"{path.name} {sha256_of(path)}\n" for path in self.pictures)
        return hashlib.sha256(listing.encode()).hexdigest()

    def length(self) -> int:
        """The number of pictures."""
        return len(self.pictures)

    def samples(self, sampling: Sampling, counts: Counts, threads: int = 0) -> Iterator[Sample]:
        """Every picture in the order of names; `every` is for videos.

        Raises:
            SourceError: as `media.read_picture`.
        """
        return _pages(map(media.read_picture, self.pictures), sampling, counts)


@dataclass(frozen=True)
class ArchiveSource:
    """A comic archive; its pages are treated as those of a folder."""

    name: str
    path: Path

    def fingerprint(self) -> str:
        """The SHA-256 of the file."""
        return sha256_of(self.path)

    def length(self) -> int:
        """How many pages to expect, for progress; 0 where the archive cannot be read."""
        try:
            return len(media.open_book(self.path, only_pages=True).names)
        except SourceError:  # which the reading itself will tell
            return 0

    def samples(self, sampling: Sampling, counts: Counts, threads: int = 0) -> Iterator[Sample]:
        """Every page in its order.

        Raises:
            SourceError: as `media.open_book`, or a page is damaged.
        """
        book = media.open_book(self.path, only_pages=True)
        return _pages((page for _, page in book.pictures()), sampling, counts)


Source = VideoSource | FolderSource | ArchiveSource


def _pages(pictures: Iterable[np.ndarray], sampling: Sampling, counts: Counts) -> Iterator[Sample]:
    for shot, picture in enumerate(pictures):
        counts.decoded += 1
        windows = pixels.windows(picture, sampling.size)
        for window in windows:
            if len(windows) > 1 and screening.is_near_blank(window):
                counts.skip("blank window")
            elif len(windows) > 1 and screening.is_near_gray(window):
                counts.skip("colourless window")
            elif counts.keeps(_traits(window), sampling.drop):
                yield Sample(window, counts.kept - 1, 0.0, shot)


def _traits(picture: np.ndarray) -> list[str]:
    small = pixels.narrowed(picture)
    return ["black"] * screening.is_near_black(small) + ["gray"] * screening.is_near_gray(small)
