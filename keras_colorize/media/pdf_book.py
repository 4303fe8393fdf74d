"""Books in PDF: their pages as files, drawn, or as the JPEG that they are stored as."""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import ExifTags, Image

from keras_colorize.errors import SourceError, one_line
from keras_colorize.files import reading, whole_file

WITHOUT_PICTURE = 200  # dots an inch at which a PDF page is drawn that holds no picture
FINEST = 1200  # dots an inch, above which no page is drawn
MOST_DRAWN = 100_000_000  # pixels of a page of a PDF
LOSSY = (["DCTDecode"], ["JPXDecode"])  # what PDF calls JPEG and JPEG 2000
MAINLY = 0.5  # of a page is its largest picture, if it decides the form of the page
QUALITY = 92  # of JPEG, for a page that is drawn from one
ALIKE = 4  # levels, by which a JPEG and the page drawn from it differ at most on average

Read = Callable[[], bytes]
"""Reads the file of a page; raises SourceError where the page is damaged."""


class PdfBook:
    """A PDF, each of whose pages is drawn at the resolution of its own largest picture.

    A page that is one JPEG and nothing else is that very file.
    """

    def __init__(self, path: Path):
        self.path = path
        with _opened_pdf(path) as document:
            forms = [_form(document, number) for number in range(len(document))]
        if not forms:
            raise SourceError(path, "has no page", "give a PDF of pages")
        self.names = numbered(forms)
        self.notes: list[str] = []

    def pages(self) -> Iterator[tuple[str, Read]]:
        """Gives each page in order: its name, and what makes its file, PNG or JPEG."""
        with _opened_pdf(self.path) as document:
            for number, name in enumerate(self.names):
                yield name, partial(_page_file, document, number, self.path / name)

    def pictures(self) -> Iterator[tuple[str, np.ndarray]]:
        """Gives each page as `Book.pictures`; raises SourceError where it cannot be drawn."""
        with _opened_pdf(self.path) as document:
            for number, name in enumerate(self.names):
                yield name, np.array(_drawn(document, number, self.path / name))

    def write(self, target: Path, colored: Mapping[str, tuple[str, Path]]) -> list[str]:
        """Writes a CBZ of all pages, as `Book.write`; those not coloured as they are drawn."""
        return write_pages(self.pages(), target, colored)


def numbered(suffixes: Iterable[str]) -> list[str]:
    """Names pages that have no names of their own by their numbers, with these suffixes."""
    suffixes = list(suffixes)
    digits = max(3, len(str(len(suffixes))))
    return [f"page{number:0{digits}}{suffix}" for number, suffix in enumerate(suffixes, 1)]


def write_pages(pages: Iterable[tuple[str, Read]], target: Path,
                colored: Mapping[str, tuple[str, Path]]) -> list[str]:
    """Writes a CBZ of nothing but pages, whole or not at all.

    Args:
        pages: the name of each, and what reads its file.
        colored: as of `Book.write`.

    Returns:
        A line on each page that is damaged, and left out.
    """
    damaged = []
    with whole_file(target) as temporary, zipfile.ZipFile(temporary, "w") as out:
        for name, read in pages:
            new_name, place = colored.get(name, (name, None))
            entry = zipfile.ZipInfo(new_name)  # of 1980, so that it is the same each time
            try:
                out.writestr(entry, place.read_bytes() if place else read())
            except SourceError as error:
                damaged.append(one_line(f"{error.where}: {error.what}, and was left out"))
    return damaged


def _opened_pdf(path: Path) -> pdfium.PdfDocument:
    try:
        with reading(path):
            return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise SourceError(path, "is encrypted", "save it again without a password") from error
        raise SourceError(path, "is no PDF, or a damaged one", "export it again") from error


def _form(document: pdfium.PdfDocument, number: int) -> str:
    """Chooses the suffix of a page: `.jpg` where it is mainly a picture that was stored with loss.

    All else, such as scans of one bit a pixel, is drawn without loss.
    """
    try:
        page = document[number]
        picture = _largest_picture(page)
        if picture is None or picture.get_filters(skip_simple=True) not in LOSSY:
            return ".png"
        left, bottom, right, top = picture.get_bounds()
        width, height = page.get_size()
    except pdfium.PdfiumError:  # `_drawn` says so
        return ".png"
    return ".jpg" if (right - left) * (top - bottom) >= MAINLY * width * height else ".png"


def _page_file(document: pdfium.PdfDocument, number: int, where: Path) -> bytes:
    """Makes the file of a page, in the form of its suffix."""
    file = io.BytesIO()
    if where.suffix == ".png":
        _drawn(document, number, where).save(file, "PNG", compress_level=1)
        return file.getvalue()
    stored = _stored_jpeg(document, number, where)
    if stored is None:
        _drawn(document, number, where).save(file, "JPEG", quality=QUALITY, subsampling=0)
    return stored or file.getvalue()


def _stored_jpeg(document: pdfium.PdfDocument, number: int, where: Path) -> bytes | None:
    """Returns the JPEG that is all of a page, as it is stored; None where it is shown otherwise."""
    try:
        objects = list(document[number].get_objects(max_depth=2))
        if len(objects) != 1 or objects[0].get_filters() != ["DCTDecode"]:
            return None
        stored = bytes(objects[0].get_data())
        with Image.open(io.BytesIO(stored), formats=("JPEG",)) as image:
            is_turned = ExifTags.Base.Orientation in image.getexif()
            drawn = _drawn(document, number, where)
            if image.mode not in ("L", "RGB") or is_turned or drawn.size != image.size:
                return None
            pair = [np.asarray(each.convert("RGB").reduce(8), np.int16) for each in (image, drawn)]
    except (pdfium.PdfiumError, OSError, ValueError, SyntaxError):
        return None
    return stored if np.abs(pair[0] - pair[1]).mean() < ALIKE else None


def _drawn(document: pdfium.PdfDocument, number: int, where: Path) -> Image.Image:
    """Draws a page of a PDF, RGB; raises SourceError where that cannot be done."""
    try:
        page = document[number]
        return page.render(scale=_scale(page), draw_annots=False).to_pil().convert("RGB")
    except pdfium.PdfiumError as error:
        raise SourceError(where, f"cannot be drawn ({error})",
                          "export the pages as pictures") from error


def _largest_picture(page: pdfium.PdfPage) -> pdfium.PdfImage | None:
    pictures = [item for item in page.get_objects(max_depth=2)
                if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE]
    return max(pictures, key=lambda item: item.get_px_size()[0] * item.get_px_size()[1],
               default=None)


def _scale(page: pdfium.PdfPage) -> float:
    """Finds the pixels a point (1/72 inch) at which the largest picture of a page has its own."""
    largest = _largest_picture(page)
    width, height = page.get_size()
    scale = WITHOUT_PICTURE / 72
    if largest is not None:
        left, bottom, right, top = largest.get_bounds()
        across = largest.get_px_size()[0]
        if page.get_rotation() % 180 == 0 and right > left:
            scale = across / (right - left)
        elif top > bottom:
            scale = max(largest.get_px_size()) / max(right - left, top - bottom)
    scale = min(scale, FINEST / 72, (MOST_DRAWN / max(1, width * height)) ** 0.5)
    return scale * (1 - 1e-6)  # or a size that is whole but for its last digit is rounded up
