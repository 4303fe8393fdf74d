"""Books of pages: comic archives and PDFs in, comic archives out with all that they held."""

import copy
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from keras_colorize.errors import SourceError, one_line
from keras_colorize.files import whole_file
from keras_colorize.media import archives

BOOK_SUFFIXES = archives.COMIC_SUFFIXES | {".pdf"}
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
        with archives.opened(path) as archive:
            entries = archive.infolist()
            archives.check_harmless(archive, path, entries)
            self.names = [entry.filename for entry in entries if archives.is_page(entry)]
        if not self.names:
            raise SourceError(path, "holds no picture", "give a CBZ of pictures")
        if len(set(self.names)) < len(self.names):
            raise SourceError(path, "holds two pages of one name", "rename one of them")

    def pages(self) -> Iterator[tuple[str, Read]]:
        """Each page in the order of the archive: its name, and what reads its file."""
        with archives.opened(self.path) as archive:
            for name in self.names:
                yield name, partial(archives.entry_bytes, archive, archive.getinfo(name),
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
        with archives.opened(self.path) as archive, whole_file(target) as temporary, \
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
                        file = archives.entry_bytes(archive, entry, where)
                except SourceError as error:
                    stored = archives.stored_bytes(archive, entry)
                    if stored is not None:
                        archives.store(out, kept, stored)
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
