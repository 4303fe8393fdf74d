"""Which sources there are in the files and folders that a user names."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from keras_colorize import media
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.sources import ArchiveSource, FolderSource, Source, VideoSource


def find(places: list[Path]) -> list[Source]:
    """The sources in files and, recursively, folders, in the order of their names.

    A source is named by its path below the folder that was given.

    Raises:
        SourceError: a place does not exist, cannot be read, or holds no source.
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
        return [_source_of(place, place.name)]
    if not place.is_dir():
        raise SourceError(place, "does not exist", "give videos, comic archives, or folders")
    found = []
    for folder, names in walk(place):
        files = [folder / name for name in names]
        relative = folder.relative_to(place)
        found += [_source_of(path, (relative / path.name).as_posix())
                  for path in files if media.is_video(path) or media.is_archive(path)]
        pictures = tuple(path for path in files if media.is_picture(path))
        if pictures:
            name = relative.as_posix() if folder != place else place.resolve().name
            found.append(FolderSource(name, folder, pictures))
    if not found:
        raise SourceError(place, "holds no video and no picture",
                          f"known suffixes: {' '.join(sorted(media.VIDEO_SUFFIXES))} "
                          f"{' '.join(sorted(media.PICTURE_SUFFIXES))} .cbz")
    return found


def _source_of(path: Path, name: str) -> Source:
    if media.is_video(path):
        return VideoSource(name, path)
    if path.suffix.lower() in media.ARCHIVE_SUFFIXES:
        return ArchiveSource(name, path)
    raise SourceError(path, "is neither a video nor a comic archive (by its suffix)",
                      "give videos, comic archives, or the folder that holds the pictures")


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
