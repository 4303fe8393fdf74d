"""Files that visitors bring: what they are called, which are taken, and how they are shown."""

import io
from pathlib import PurePosixPath

from keras_colorize import media
from keras_colorize.errors import ColorizeError, SourceError, one_line
from keras_colorize.serving.pictures import SCANS

ARCHIVES = media.ARCHIVE_SUFFIXES | media.BOOK_SUFFIXES  # read, or refused with a remedy
MOST_PIXELS = 40_000_000  # of a page, which takes some 32 bytes of memory for each
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


def check(file: bytes, name: str) -> str:
    """The format of a picture file that the server takes, from its header alone.

    Raises:
        SourceError: it is no picture, or takes more time or memory than a page should.
    """
    with media.pictures.open_picture(io.BytesIO(file), name) as image:
        if image.width * image.height > MOST_PIXELS:
            raise SourceError(name, f"has {image.height}x{image.width} pixels, more than the "
                                    f"{MOST_PIXELS:,} that this server takes", "scale it down")
        if image.format == "JPEG" and file.count(b"\xff\xda") > SCANS:
            raise SourceError(name, f"has more than {SCANS} scans", "save it again")
        return image.format


def viewable(file: bytes, name: str) -> tuple[bytes, str]:
    """A picture file as a browser shows it, and its media type; PNG where it shows no such file.

    Raises:
        SourceError: as `check`.
    """
    kind = TYPES.get(check(file, name))
    if kind:
        return file, kind
    return media.encode_picture(media.read_page(file, name).shown), TYPES["PNG"]
