"""Inputs of a job: the files that are coloured, what each becomes, and those that are left out."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from keras_colorize import media
from keras_colorize.data.sources import walk
from keras_colorize.errors import ColorizeError, SourceError, UsageError, one_line
from keras_colorize.files import check_apart, is_unicode
from keras_colorize.media import film_writer

COLORED = "_colored"  # follows the name of an input
KNOWN = (f"known are {' '.join(sorted(media.PICTURE_SUFFIXES))} "
         f"{' '.join(sorted(media.VIDEO_SUFFIXES))} .cbz .epub .pdf")


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


@dataclass
class Plan:
    """What a call does with every file of its inputs."""

    works: list[Work] = field(default_factory=list)
    failed: dict[str, ColorizeError] = field(default_factory=dict)
    """By name why a file cannot be coloured, though it is a picture, a comic or a film."""
    passed_over: list[str] = field(default_factory=list)
    """The names of files that are none of these."""


def is_file_output(out: Path) -> bool:
    """Whether `out` names a video, a comic archive or a picture rather than a folder."""
    return out.suffix.lower() in media.VIDEO_SUFFIXES | media.PICTURE_SUFFIXES | {".cbz"}


def beside(place: Path, suffix: str | None) -> Path:
    """Names what an input becomes where nobody says: `page_colored.png` for `page.png`.

    A folder becomes a folder. `suffix` is as of `plan`. It raises UsageError for a whole disk.
    """
    place = Path(os.path.realpath(place)) if place.name in ("", "..") else place
    if not place.name:
        raise UsageError(place, "is a whole disk, which has nothing beside it", "name --out")
    target = Path(place.name)
    if not place.is_dir():
        target = _renamed(place, target, suffix)
        if media.is_video(place):
            target = film_writer.container_for(place, target, is_named=False)
    return place.with_name(f"{target.stem}{COLORED}{target.suffix}")


def plan(inputs: list[Path], out: Path, suffix: str | None) -> Plan:
    """Finds the files to colour, in order, each with the file that it becomes.

    Args:
        suffix: of all coloured pictures; None where each keeps its own.

    Raises:
        ColorizeError: there is nothing that could be coloured; it is the first reason why.
        SourceError: an input does not exist or cannot be read.
        UsageError: an input would be overwritten, or several are to become the one file `out`.
    """
    check_apart(out, inputs)
    if is_file_output(out):
        return Plan([_single(inputs, out, suffix)])
    made, found = Plan(), {}
    for place in inputs:
        for source, relative in _files(place, made):
            target = out / _renamed(source, relative, suffix)
            if os.path.realpath(target) == os.path.realpath(source):
                raise UsageError(out, f"would overwrite the input {source}", "name another --out")
            work = Work(source, target, target.relative_to(out).as_posix())
            found.setdefault(target, {}).setdefault(source, work)
    for same in found.values():
        if len(same) == 1:
            made.works += same.values()
            continue
        for source, work in same.items():
            other = next(each for each in same if each != source)
            made.failed[one_line(str(source))] = UsageError(
                source, f"and {other} are both to be {work.target}",
                "colour them one after the other into folders of their own")
    if not made.works:
        raise next(iter(made.failed.values()), None) or _nothing_in(inputs)
    return made


def _single(inputs: list[Path], out: Path, suffix: str | None) -> Work:
    if len(inputs) > 1 or inputs[0].is_dir():
        raise UsageError(out, "names a file, and there is more than one input for it",
                         "name a folder")
    made = Plan()
    source = next((source for source, _ in _files(inputs[0], made)), None)
    if source is None:
        raise next(iter(made.failed.values()))
    work, given = Work(source, out, out.name), out.suffix.lower()
    if (work.kind == "video") != (given in media.VIDEO_SUFFIXES) \
            or (work.kind == "book") != (given == ".cbz"):
        raise UsageError(out, f"cannot be made of {source}", "give a video for a video, a comic "
                         "for a CBZ, and a picture for a picture")
    wanted = _renamed(source, Path(source.name), suffix).suffix.lower()
    if work.kind == "picture" and media.SAME_SUFFIX.get(given, given) \
            != media.SAME_SUFFIX.get(wanted, wanted):
        raise UsageError(out, f"would be of the format {wanted or 'of its input'}",
                         "name it so, give --format, or name a folder")
    return work


def _renamed(source: Path, relative: Path, suffix: str | None) -> Path:
    if media.is_book(source):
        return relative.with_suffix(".cbz")
    if media.is_video(source):
        # An animated picture becomes a film: pictures of 256 colours hold no luminance.
        return relative if source.suffix.lower() in media.VIDEO_SUFFIXES \
            else relative.with_suffix(".mkv")
    return relative.with_suffix(suffix) if suffix else relative


def _files(place: Path, made: Plan) -> Iterator[tuple[Path, Path]]:
    """Gives the files of an input, each with its path within the input; notes the others."""
    if place.is_dir():
        files = [folder / name for folder, names in walk(place) for name in names]
    elif place.is_file():
        files = [place]
    else:
        raise SourceError(place, "does not exist", "give pictures, comics, videos or folders")
    for path in files:
        relative = path.relative_to(place) if path != place else Path(place.name)
        name = one_line(relative.as_posix())
        refused = media.refused_archive(path)
        if refused is not None:
            made.failed[name] = refused
        elif not (media.is_picture(path) or media.is_video(path) or media.is_book(path)):
            if path == place:
                made.failed[name] = SourceError(place, "is no picture, comic or video", KNOWN)
            else:
                made.passed_over.append(name)
        elif not is_unicode(path):
            made.failed[name] = SourceError(path, "has a name that is not UTF-8", "rename it")
        else:
            yield path, relative


def _nothing_in(inputs: list[Path]) -> SourceError:
    return SourceError(", ".join(map(str, inputs)), "holds no picture, comic or video", KNOWN)
