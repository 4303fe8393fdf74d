"""Which files a user's inputs are, and what file each becomes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from keras_colorize import media
from keras_colorize.data.sources import walk
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.files import check_apart, is_unicode

KNOWN = (f"known are {' '.join(sorted(media.PICTURE_SUFFIXES))} "
         f"{' '.join(sorted(media.VIDEO_SUFFIXES))} .cbz .pdf")


@dataclass(frozen=True)
class Work:
    """One file to colour."""

    source: Path
    target: Path
    name: str
    """Of the target within the output, with slashes."""

    @property
    def kind(self) -> str:
        """`video`, `book` or `picture`."""
        if media.is_video(self.source):
            return "video"
        return "book" if media.is_book(self.source) else "picture"


def is_file_output(out: Path) -> bool:
    """Whether `out` names a video or a comic archive rather than a folder."""
    return out.suffix.lower() in media.VIDEO_SUFFIXES | {".cbz"}


def works(inputs: list[Path], out: Path, suffix: str | None) -> list[Work]:
    """The files to colour, in order, each with the file that it becomes.

    Args:
        suffix: of all coloured pictures; None where each keeps its own.

    Raises:
        SourceError: an input does not exist, holds nothing that can be coloured, or has a name that
            is not UTF-8.
        UsageError: an input would be overwritten, two would be one file, or several are to become
            the one file `out`.
    """
    check_apart(out, inputs)
    if is_file_output(out):
        return [_single(inputs, out)]
    found: dict[Path, Work] = {}
    for place in inputs:
        for source, relative in _files(place):
            target = out / _renamed(source, relative, suffix)
            work = Work(source, target, target.relative_to(out).as_posix())
            if found.setdefault(target, work).source != source:
                raise UsageError(source, f"and {found[target].source} are both to be {target}",
                                 "colour them one after the other into folders of their own")
            if target.resolve() == source.resolve():
                raise UsageError(out, f"would overwrite the input {source}", "name another --out")
    return list(found.values())


def _single(inputs: list[Path], out: Path) -> Work:
    if len(inputs) > 1 or inputs[0].is_dir():
        raise UsageError(out, "names a file, and there is more than one input for it",
                         "name a folder")
    source, _ = next(_files(inputs[0]))
    work = Work(source, out, out.name)
    if (work.kind == "video") != (out.suffix.lower() in media.VIDEO_SUFFIXES):
        raise UsageError(out, f"cannot be made of {source}",
                         "give a video for a video, and a CBZ or PDF for a CBZ")
    if work.kind == "picture":
        raise UsageError(out, "names a file, and pictures are coloured into a folder",
                         "name a folder")
    return work


def _renamed(source: Path, relative: Path, suffix: str | None) -> Path:
    if media.is_book(source):
        return relative.with_suffix(".cbz")
    if media.is_video(source):
        # An animated picture becomes a film: pictures of 256 colours hold no luminance.
        return relative if source.suffix.lower() in media.VIDEO_SUFFIXES \
            else relative.with_suffix(".mkv")
    return relative.with_suffix(suffix) if suffix else relative


def with_suffix(names: Iterable[str], suffix: str) -> dict[str, str]:
    """Each name, with slashes, with another suffix; names that would become one keep their own too.

    `1.png` and `1.jpg` become `1.png.webp` and `1.jpg.webp`.
    """
    short = {name: str(PurePosixPath(name).with_suffix(suffix)) for name in names}
    counts, taken = Counter(short.values()), set()
    for name, new in short.items():
        new = name + suffix if counts[new] > 1 and new != name else new
        while new in taken:
            new += suffix
        taken.add(new)
        short[name] = new
    return short


def _files(place: Path) -> Iterator[tuple[Path, Path]]:
    for path, relative in _found(place):
        if not is_unicode(path):
            raise SourceError(path, "has a name that is not UTF-8", "rename it")
        yield path, relative


def _found(place: Path) -> Iterator[tuple[Path, Path]]:
    if place.is_dir():
        found = [folder / name for folder, names in walk(place) for name in names
                 if _is_known(folder / name)]
        if not found:
            raise SourceError(place, "holds no picture, comic or video", KNOWN)
        yield from ((path, path.relative_to(place)) for path in found)
    elif not place.is_file():
        raise SourceError(place, "does not exist", "give pictures, comics, videos or folders")
    elif not _is_known(place):
        raise SourceError(place, "is no picture, comic or video (by its suffix)", KNOWN)
    else:
        yield place, Path(place.name)


def _is_known(path: Path) -> bool:
    return media.is_picture(path) or media.is_video(path) or media.is_book(path)
