"""Files that visitors bring: what they are called, which are taken, and how they are shown."""

import io
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from keras_colorize import media
from keras_colorize.errors import ColorizeError, SourceError, one_line
from keras_colorize.serving.scans import SCANS

ARCHIVES = media.ARCHIVE_SUFFIXES | media.BOOK_SUFFIXES  # read, or refused with a remedy
MOST_PIXELS = 40_000_000  # of a page, which takes some 32 bytes of memory for each
MOST_PAGES = 2000  # of a book
MOST_ENTRIES = 10_000  # of an archive, each of which takes time and memory whenever it is opened
LARGEST_BOOK = 512 * 2**20  # bytes of an archive
LARGEST_PICTURE = 128 * 2**20
LONGEST_NAME = 150  # characters
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif",
         "BMP": "image/bmp"}  # what browsers show; TIFF is none of it


def label(name: str) -> str:
    """A name that an upload gives itself, as the last step of a path and one line."""
    name = one_line(PurePosixPath(name.replace("\\", "/")).name).strip()
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    name = f"{stem[:LONGEST_NAME - len(suffix)]}{suffix}"
    return "page.png" if name in ("", ".", "..") else name


def told(error: ColorizeError, name: str) -> str:
    """An error of a visitor's file in one line, with its own name in place of the server's."""
    return one_line(f"{name}: {error.what}; {error.remedy}")


def check(file: Path | bytes, name: str) -> str:
    """The format of a picture file that the server takes, from its header alone.

    Raises:
        SourceError: it is no picture, or takes more time or memory than a page should.
    """
    with file.open("rb") if isinstance(file, Path) else io.BytesIO(file) as stream:
        with media.pictures.open_picture(stream, name) as image:
            if image.width * image.height > MOST_PIXELS:
                raise SourceError(name, f"has {image.height}x{image.width} pixels, more than the "
                                        f"{MOST_PIXELS:,} that this server takes", "scale it down")
            form = image.format
        if form == "JPEG" and _occurrences(stream, b"\xff\xda") > SCANS:
            raise SourceError(name, f"has more than {SCANS} scans", "save it again")
        return form


def _occurrences(stream: BinaryIO, mark: bytes) -> int:
    """How often a few bytes occur in a file, of which little is in memory at a time."""
    count, end = 0, b""
    stream.seek(0)
    while part := stream.read(2**20):
        part = end + part
        count += part.count(mark)
        end = part[1 - len(mark):]
    return count


def is_archive(name: str) -> bool:
    """Whether a file is a book of pages by its name, read or refused."""
    return PurePosixPath(name).suffix.lower() in ARCHIVES


def largest(name: str) -> int:
    """The bytes that a file may have."""
    return LARGEST_BOOK if is_archive(name) else LARGEST_PICTURE


def open_book(place: Path, name: str) -> media.Book | media.PdfBook:
    """An archive that the server takes.

    Raises:
        SourceError: as `media.open_book`, and where it holds more than a book should.
    """
    if place.suffix == ".cbz":
        with place.open("rb") as stream:  # its directory would all be read into memory
            if _occurrences(stream, b"PK\1\2") > MOST_ENTRIES:
                raise SourceError(name, f"holds more than the {MOST_ENTRIES:,} files that this "
                                        "server takes", "split it")
    book = media.open_book(place)
    if len(book.names) > MOST_PAGES:
        raise SourceError(name, f"has {len(book.names):,} pages, more than the {MOST_PAGES:,} that "
                                "this server takes", "split it")
    return book


def type_of(place: Path, name: str) -> str | None:
    """The media type of a picture file; None where browsers show no such file.

    Raises:
        SourceError: as `check`.
    """
    return TYPES.get(check(place, name))


def write_png(place: Path, target: Path, name: str) -> None:
    """Writes a picture file as PNG, as it is shown.

    Raises:
        SourceError: it is damaged.
    """
    shown = media.read_stored_picture(place.read_bytes(), name).shown
    target.write_bytes(media.encode_picture(shown))
