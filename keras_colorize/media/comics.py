"""Comic archives: their pages in reading order, never unpacked to disk."""

import copy
import io
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from keras_colorize.errors import SourceError, one_line
from keras_colorize.files import whole_file
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


BOOK_SUFFIXES = COMIC_SUFFIXES | {".pdf"}
WITHOUT_PICTURE = 200  # dots an inch at which a PDF page is drawn that holds no picture
FINEST = 1200  # dots an inch, above which no page is drawn
MOST_PIXELS = 100_000_000  # that a page of a PDF is drawn in

Read = Callable[[], bytes]
"""Reads the file of a page; raises SourceError where it is damaged."""


def is_book(path: Path) -> bool:
    """Whether a file's suffix is that of a comic archive or a PDF, read or refused."""
    return path.suffix.lower() in BOOK_SUFFIXES


def open_book(path: Path) -> "Book | PdfBook":
    """A book by its suffix; what is in it shows on reading.

    Raises:
        SourceError: it is of a kind that is not read, damaged, encrypted or hostile, or has no
            page.
    """
    return PdfBook(path) if path.suffix.lower() == ".pdf" else Book(path)


class Book:
    """A comic archive (CBZ)."""

    def __init__(self, path: Path):
        self.path = path
        with opened(path) as archive:
            entries = archive.infolist()
            check_harmless(archive, path, entries)
            self.names = [entry.filename for entry in entries if is_page(entry)]
        if not self.names:
            raise SourceError(path, "holds no picture", "give a CBZ of pictures")
        if len(set(self.names)) < len(self.names):
            raise SourceError(path, "holds two pages of one name", "rename one of them")

    def pages(self) -> Iterator[tuple[str, Read]]:
        """Each page in the order of the archive: its name, and what reads its file."""
        with opened(self.path) as archive:
            for name in self.names:
                yield name, partial(entry_bytes, archive, archive.getinfo(name),
                                    self.path / name)

    def write(self, target: Path, colored: Mapping[str, tuple[str, Path]]) -> list[str]:
        """Writes the archive anew, whole or not at all, with the pages that were coloured.

        Args:
            colored: for the name of a page its new name and the file that replaces it; all other
                entries stay as they are, in their order.

        Returns:
            A line on each entry that is damaged: its bytes are copied where they are found.
        """
        damaged = []
        with opened(self.path) as archive, whole_file(target) as temporary, \
                zipfile.ZipFile(temporary, "w") as out:
            out.comment = archive.comment
            for entry in archive.infolist():
                kept = copy.copy(entry)
                kept.extra = b""  # sizes of the old file, written anew where they are needed
                where = self.path / entry.filename
                try:
                    if entry.filename in colored:
                        kept.filename, place = colored[entry.filename]
                        file = place.read_bytes()
                    else:
                        file = entry_bytes(archive, entry, where)
                except SourceError as error:
                    stored = stored_bytes(archive, entry)
                    if stored is not None:
                        store(out, kept, stored)
                    kept_or_not = "was left out" if stored is None else "stays as it is"
                    damaged.append(one_line(f"{where}: {error.what}, and {kept_or_not}"))
                    continue
                if kept.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    kept.compress_type = zipfile.ZIP_DEFLATED
                out.writestr(kept, file, kept.compress_type)
        return damaged


class PdfBook:
    """A PDF, each of whose pages is given at the resolution of its own picture."""

    def __init__(self, path: Path):
        self.path = path
        with _opened(path) as document:
            count = len(document)
        if not count:
            raise SourceError(path, "has no page", "give a PDF of pages")
        digits = max(3, len(str(count)))
        self.names = [f"page{number:0{digits}}.png" for number in range(1, count + 1)]

    def pages(self) -> Iterator[tuple[str, Read]]:
        """Each page in order: its name, and what draws it as a file."""
        with _opened(self.path) as document:
            for number, name in enumerate(self.names):
                yield name, partial(_file, document, number, self.path / name)

    def write(self, target: Path, colored: Mapping[str, tuple[str, Path]]) -> list[str]:
        """Writes a comic archive of the pages, as `Book.write`; those not coloured as they are."""
        damaged = []
        with whole_file(target) as temporary, zipfile.ZipFile(temporary, "w") as out:
            for name, read in self.pages():
                new_name, place = colored.get(name, (name, None))
                entry = zipfile.ZipInfo(new_name)  # of 1980, so that it is the same each time
                try:
                    out.writestr(entry, place.read_bytes() if place else read())
                except SourceError as error:
                    damaged.append(one_line(f"{error.where}: {error.what}, and was left out"))
        return damaged


def _opened(path: Path) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(path)
    except FileNotFoundError as error:
        raise SourceError(path, "does not exist", "check the name") from error
    except pdfium.PdfiumError as error:
        locked = getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD
        raise SourceError(path, "is encrypted" if locked else "is no PDF, or a damaged one",
                          "save it again without a password" if locked else
                          "export it again") from error


def _file(document: pdfium.PdfDocument, number: int, where: Path) -> bytes:
    """A page of a PDF as a PNG file."""
    try:
        picture = _drawn(document[number])
    except pdfium.PdfiumError as error:
        raise SourceError(where, f"cannot be drawn ({error})",
                          "export the pages as pictures") from error
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _drawn(page: pdfium.PdfPage) -> Image.Image:
    """A page at the resolution of the largest picture on it."""
    objects = list(page.get_objects(max_depth=2))
    pictures = [item for item in objects if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE]
    width, height = page.get_size()
    scale = WITHOUT_PICTURE / 72
    if pictures:
        largest = max(pictures, key=lambda item: item.get_px_size()[0] * item.get_px_size()[1])
        left, bottom, right, top = largest.get_bounds()
        across = largest.get_px_size()[0]
        if page.get_rotation() % 180 == 0 and right > left:
            scale = across / (right - left)
        elif top > bottom:
            scale = max(largest.get_px_size()) / max(right - left, top - bottom)
    scale = min(scale, FINEST / 72, (MOST_PIXELS / max(1, width * height)) ** 0.5)
    scale *= 1 - 1e-6  # or a size that is whole but for its last digit is rounded up
    return page.render(scale=scale, draw_annots=False).to_pil().convert("RGB")
