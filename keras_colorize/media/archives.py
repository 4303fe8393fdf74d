"""Comic archives: their pages in reading order, never unpacked to disk."""

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from keras_colorize.errors import SourceError
from keras_colorize.media.pictures import PICTURE_SUFFIXES, picture_of

COMIC_SUFFIXES = frozenset((".cbz", ".cbr", ".cb7", ".cbt", ".epub"))
ARCHIVE_SUFFIXES = COMIC_SUFFIXES | {".zip", ".pdf", ".rar"}

LARGEST_ENTRY = 256 * 2**20
LARGEST_ARCHIVE = 2**30
MOST_SWOLLEN = 1000

_AS_CBZ = "unpack it and zip its pictures as CBZ"
_REFUSED = {
    ".cbr": ("is a RAR archive, which is not read", _AS_CBZ),
    ".rar": ("is a RAR archive, which is not read", _AS_CBZ),
    ".cb7": ("is a 7z archive, which is not read", _AS_CBZ),
    ".cbt": ("is a tar archive, which is not read", _AS_CBZ),
    ".epub": ("is an EPUB book, which is not read", _AS_CBZ),
    ".pdf": ("is a PDF, which is not read", "export its pages as pictures, or as CBZ"),
    ".zip": ("is a ZIP archive, read only as a comic", "rename it .cbz"),
}
_BEGINNINGS = {b"Rar!": ".rar", b"7z\xbc\xaf": ".cb7", b"%PDF": ".pdf"}


def is_archive(path: Path) -> bool:
    """Whether a file's suffix is that of a comic archive, read or refused by `read_archive`."""
    return path.suffix.lower() in COMIC_SUFFIXES


def archive_pages(path: Path) -> list[str]:
    """The names of a comic's pictures within its archive, in reading order.

    Raises:
        SourceError: as `read_archive`, except for what only shows in a picture.
    """
    with opened(path) as archive:
        return [entry.filename for entry in _pages(archive, path)]


def read_archive(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """A comic's pictures in natural order: the name of each and uint8 RGB [height, width, 3].

    Hidden entries and those that are no pictures are passed over; folders are gone into.

    Raises:
        SourceError: no CBZ, damaged, encrypted, without a picture, with an entry that points
            outside or unpacks to more than memory is for, or a picture as in `picture_of`.
    """
    with opened(path) as archive:
        for entry in _pages(archive, path):
            where = path / entry.filename
            yield entry.filename, picture_of(entry_bytes(archive, entry, where), where)


def entry_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: object) -> bytes:
    """What an entry holds; SourceError where it is damaged."""
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError,
            NotImplementedError) as error:  # and what a method unknown to Python raises
        raise SourceError(where, "is damaged in its archive", "copy the archive again") from error


def stored_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | None:
    """What an entry holds as it is stored, damaged or not; None where it is not to be found."""
    archive.fp.seek(entry.header_offset)
    header = archive.fp.read(30)
    if header[:4] != b"PK\3\4" or len(header) < 30:
        return None
    archive.fp.seek(sum(struct.unpack("<HH", header[26:])), 1)
    stored = archive.fp.read(entry.compress_size)
    return stored if len(stored) == entry.compress_size else None


def store(out: zipfile.ZipFile, entry: zipfile.ZipInfo, stored: bytes) -> None:
    """Adds an entry as `stored_bytes` gave it, which `ZipFile` has no method for."""
    entry.flag_bits &= ~8  # its sizes stand before it
    entry.header_offset = out.fp.tell()
    out.fp.write(entry.FileHeader(zip64=False) + stored)
    out.filelist.append(entry)
    out.NameToInfo[entry.filename] = entry
    out.start_dir = out.fp.tell()


def natural_order(name: str) -> list[list]:
    """A key that sorts paths as readers count: page2 before page10, folder by folder."""
    return [[_counted(part) if part.isdecimal() else part
             for part in re.split(r"(\d+)", step.casefold())] for step in _steps(name)]


def _counted(digits: str) -> tuple[int, str]:
    """A key that sorts digits by their number, of however many; Python counts to 4,300 of them."""
    plain = "".join(str(unicodedata.decimal(digit)) for digit in digits).lstrip("0")
    return len(plain), plain


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A CBZ, opened; SourceError where it is none, or cannot be read."""
    suffix = path.suffix.lower()
    try:
        with open(path, "rb") as file:
            beginning = file.read(4)
        if suffix != ".cbz":
            if beginning == b"PK\3\4" and suffix != ".epub":
                suffix = ".zip"
            raise SourceError(path, *_REFUSED[suffix])
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise SourceError(path, f"cannot be read ({error.strerror})", "check it") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        if beginning in _BEGINNINGS:
            raise SourceError(path, *_REFUSED[_BEGINNINGS[beginning]]) from error
        what = "is damaged or cut short" if beginning == b"PK\3\4" else "is no ZIP archive"
        raise SourceError(path, what, "is it a whole CBZ? copy it again") from error
    with archive:
        yield archive


def _pages(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """The entries that are pictures, in natural order, once the whole archive is found harmless."""
    pages = [entry for entry in archive.infolist() if is_page(entry)]
    check_harmless(archive, path, pages)
    if not pages:
        raise SourceError(path, "holds no picture", "give a CBZ of pictures")
    return sorted(pages, key=lambda entry: natural_order(entry.filename))


def check_harmless(archive: zipfile.ZipFile, path: Path, used: list[zipfile.ZipInfo]) -> None:
    """Raises SourceError for names that point outside, and for used entries that are encrypted or
    unpack to more than memory is for."""
    for entry in archive.infolist():
        if re.match(r"[/\\]|[a-zA-Z]:", entry.filename) or ".." in _steps(entry.filename):
            raise SourceError(path, f"holds {entry.filename!r}, which points outside of it",
                              "do not trust it; get it elsewhere")
    for entry in used:
        if entry.flag_bits & 1:
            raise SourceError(path, "is encrypted", "save it again without a password")
        if entry.file_size > LARGEST_ENTRY:
            raise SourceError(path / entry.filename, f"unpacks to {entry.file_size >> 20} MiB, "
                              f"more than {LARGEST_ENTRY >> 20}", "do not trust it, or scale it "
                              "down")
    unpacked = sum(entry.file_size for entry in used)
    if unpacked > max(LARGEST_ARCHIVE, MOST_SWOLLEN * path.stat().st_size):
        raise SourceError(path, f"unpacks to {unpacked >> 20} MiB, over {MOST_SWOLLEN} times its "
                                "size", "do not trust it; get it elsewhere")


def is_page(entry: zipfile.ZipInfo) -> bool:
    steps = _steps(entry.filename)
    hidden = any(step.startswith(".") or step == "__MACOSX" for step in steps)
    return not entry.is_dir() and not hidden and \
        Path(steps[-1]).suffix.lower() in PICTURE_SUFFIXES


def _steps(name: str) -> list[str]:
    return re.split(r"[/\\]", name)  # old Windows tools wrote backslashes
