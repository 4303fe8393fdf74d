"""Which sources there are in the files and folders that a user names."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from keras_colorize import media
from keras_colorize.data.sources import ArchiveSource, FolderSource, Source, VideoSource
from keras_colorize.errors import SourceError, UsageError, one_line
from keras_colorize.files import is_unicode


def find(places: list[Path], skip_bad: bool = False) -> tuple[list[Source], dict[str, str]]:
    """The sources in files and, recursively, folders, in the order of their names.

    A source is named by its path below the folder that was given.

    Args:
        skip_bad: leaves out folders that cannot be read, and names that are not UTF-8.

    Returns:
        The sources, and for what was left out the reason, by name.

    Raises:
        SourceError: a place does not exist, cannot be read, or holds no source; a name is not
            UTF-8.
        UsageError: two sources have one name, or are one file or folder.
    """
    found: list[Source] = []
    failed: list[tuple[str, SourceError]] = []
    for place in places:
        sources, errors = _sources_in(Path(place))
        if errors and not skip_bad:
            raise errors[0][1]
        found += sources
        failed += errors
    _check_given_once(found)
    names = Counter([source.name for source in found] + [name for name, _ in failed])
    for name, count in names.most_common(1):
        if count > 1:
            raise UsageError(name, f"is the name of {count} sources",
                             "rename one, or give the folder above both")
    return (sorted(found, key=lambda source: source.name),
            {name: str(error) for name, error in failed})


def _check_given_once(found: list[Source]) -> None:
    seen: dict[str, Source] = {}
    for source in found:
        first = seen.setdefault(os.path.realpath(source.path), source)
        if first is not source:
            raise UsageError(source.path, f"is given twice, as {first.name} and {source.name}",
                             "give it once, without the folder above it or a link to it")


def _sources_in(place: Path) -> tuple[list[Source], list[tuple[str, SourceError]]]:
    """The sources of a place, and the names and errors of what cannot be one."""
    if place.is_file():
        return _nameable([_source_of(place, place.name)])
    if not place.is_dir():
        what = "is neither a file nor a folder" if os.path.lexists(place) else "does not exist"
        raise SourceError(place, what, "give videos, comic archives, or folders")
    found, errors = [], []
    for folder, names in walk(place, errors.append):
        files = [folder / name for name in names]
        relative = folder.relative_to(place)
        found += [_source_of(path, (relative / path.name).as_posix())
                  for path in files if media.is_video(path) or media.is_book(path)]
        pictures = tuple(path for path in files if media.is_picture(path))
        if pictures:
            found.append(FolderSource(_folder_name(folder, place), folder, pictures))
    if not found and not errors:
        raise SourceError(place, "holds no video and no picture",
                          f"known suffixes: {' '.join(sorted(media.VIDEO_SUFFIXES))} "
                          f"{' '.join(sorted(media.PICTURE_SUFFIXES))} .cbz")
    sources, unnameable = _nameable(found)
    unreadable = [(one_line(_folder_name(Path(error.where), place)), error) for error in errors]
    return sources, unreadable + unnameable


def _folder_name(folder: Path, place: Path) -> str:
    return folder.relative_to(place).as_posix() if folder != place else \
        os.path.basename(os.path.realpath(place))


def _nameable(found: list[Source]) -> tuple[list[Source], list[tuple[str, SourceError]]]:
    """The sources whose paths are Unicode, and the names and errors of the others."""
    sources, errors = [], []
    for source in found:
        paths = source.pictures if isinstance(source, FolderSource) else (source.path,)
        bad = next((path for path in paths if not is_unicode(path)), None)
        if bad is None:
            sources.append(source)
        else:
            errors.append((one_line(source.name),
                           SourceError(bad, "has a name that is not UTF-8", "rename it")))
    return sources, errors


def _source_of(path: Path, name: str) -> Source:
    if media.is_video(path):
        return VideoSource(name, path)
    if path.suffix.lower() in media.ARCHIVE_SUFFIXES:
        return ArchiveSource(name, path)
    raise SourceError(path, "is neither a video nor a comic archive (by its suffix)",
                      "give videos, comic archives, or the folder that holds the pictures")


def walk(place: Path, refuse: Callable[[SourceError], None] | None = None,
         ) -> Iterator[tuple[Path, list[str]]]:
    """Each folder in and below `place` with the names of its files, sorted, hidden ones left out.

    Links are followed, those to nowhere given as files; each folder is gone into once. What is
    neither a file nor a folder, as a pipe, is passed over.

    Args:
        refuse: takes the error of a folder that cannot be read, in place of raising it.

    Raises:
        SourceError: a folder cannot be read.
    """
    def unreadable(error: OSError):
        told = SourceError(error.filename, f"cannot be read ({error.strerror})",
                           "check its permissions")
        if refuse is None:
            raise told from error
        refuse(told)

    seen = set()
    for folder, below, names in os.walk(place, onerror=unreadable, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield Path(folder), sorted(name for name in names
                                   if not name.startswith(".") and _is_file(Path(folder, name)))


def _is_file(path: Path) -> bool:
    return os.path.isfile(path) or not os.path.exists(path)
