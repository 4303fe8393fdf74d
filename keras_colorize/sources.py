"""What datasets are made from: videos and folders of pictures, as sampled frames with shots."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

from keras_colorize import media, pixels
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.files import sha256_of


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


@dataclass(frozen=True)
class VideoSource:
    """A video, of which one frame in `every` is kept, from frame 0 on (section 4)."""

    name: str
    path: Path

    def fingerprint(self) -> str:
        """The SHA-256 of the file."""
        return sha256_of(self.path)

    def expected(self, every: int) -> int:
        """How many samples to expect, for progress; 0 where the video does not say."""
        return -(-media.frame_count(self.path) // every)

    def samples(self, size: tuple[int, int], every: int, counts: Counts) -> Iterator[Sample]:
        """Decodes each frame once, for its shot and, one in `every`, for the dataset.

        A cut is where the content changes by more than PySceneDetect's default.

        Raises:
            SourceError: as `media.read_video`.
        """
        detector = ContentDetector(min_scene_len=0)
        shot = 0
        for frame in media.read_video(self.path):
            # The detector asks for a clock; frame numbers are clock enough.
            cuts = detector.process_frame(FrameTimecode(frame.number, 25.0), frame.thumbnail())
            shot += bool(cuts)
            counts.decoded += 1
            if frame.number % every == 0:
                counts.kept += 1
                yield Sample(frame.picture(), frame.number, frame.time, shot)
        counts.skipped["between samples"] = counts.decoded - counts.kept


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

    def expected(self, every: int) -> int:
        """How many samples to expect at the least, for progress."""
        return len(self.pictures)

    def samples(self, size: tuple[int, int], every: int, counts: Counts) -> Iterator[Sample]:
        """Every picture in the order of names; `every` is for videos.

        Raises:
            SourceError: as `media.read_picture`.
        """
        for shot, path in enumerate(self.pictures):
            counts.decoded += 1
            for window in pixels.windows(media.read_picture(path), size):
                yield Sample(window, counts.kept, 0.0, shot)
                counts.kept += 1


Source = VideoSource | FolderSource


def find(places: list[Path]) -> list[Source]:
    """The sources in files and, recursively, folders, in the order of their names.

    A source is named by its path below the folder that was given.

    Raises:
        SourceError: a place does not exist, cannot be read, or holds no video and no picture.
        UsageError: two sources have one name.
    """
    found = [source for place in places for source in _sources_in(Path(place))]
    names = Counter(source.name for source in found)
    name, count = names.most_common(1)[0]
    if count > 1:
        raise UsageError(name, f"is the name of {count} sources",
                         "rename one, or give the folder above both")
    return sorted(found, key=lambda source: source.name)


def _sources_in(place: Path) -> list[Source]:
    if place.is_file():
        if not media.is_video(place):
            raise SourceError(place, "is no video (by its suffix)",
                              "give videos, or folders of videos and pictures")
        return [VideoSource(place.name, place)]
    if not place.is_dir():
        raise SourceError(place, "does not exist", "give videos, or folders of them")
    found = []
    for folder, names in walk(place):
        files = [folder / name for name in names]
        relative = folder.relative_to(place)
        found += [VideoSource((relative / path.name).as_posix(), path)
                  for path in files if media.is_video(path)]
        pictures = tuple(path for path in files if media.is_picture(path))
        if pictures:
            name = relative.as_posix() if folder != place else place.resolve().name
            found.append(FolderSource(name, folder, pictures))
    if not found:
        raise SourceError(place, "holds no video and no picture",
                          f"known suffixes: {' '.join(sorted(media.VIDEO_SUFFIXES))} "
                          f"{' '.join(sorted(media.PICTURE_SUFFIXES))}")
    return found


def walk(place: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder in and below `place` with the names of its files, sorted, hidden ones left out.

    Raises:
        SourceError: a folder cannot be read.
    """
    def refuse(error: OSError):
        raise SourceError(error.filename, f"cannot be read ({error.strerror})",
                          "check its permissions") from error

    for folder, below, names in os.walk(place, onerror=refuse):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield Path(folder), sorted(name for name in names if not name.startswith("."))
