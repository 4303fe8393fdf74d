"""What visitors send: options and files, and which of them the server takes."""

import io
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from starlette.requests import Request

from keras_colorize import media
from keras_colorize.colorize import LOCKS, PAPERS, TONES, Models, Settings
from keras_colorize.colorize.series import MOST_SATURATION, TASTE
from keras_colorize.errors import ColorizeError, SourceError, one_line
from keras_colorize.image import page_kind
from keras_colorize.media import picture_kinds
from keras_colorize.media.picture_kinds import TYPES
from keras_colorize.serving.limits import Busy, Refused

ARCHIVES = media.ARCHIVE_SUFFIXES | media.BOOK_SUFFIXES  # read, or refused with a remedy
MOST_PIXELS = 40_000_000  # of a page, which takes some 32 bytes of memory for each
MOST_PAGES = 2000  # of a book
MOST_ENTRIES = 10_000  # of an archive, each of which takes time and memory whenever it is opened
LARGEST_BOOK = 512 * 2**20  # bytes of an archive
LARGEST_PICTURE = 128 * 2**20
LONGEST_NAME = 150  # characters
FULL_SECONDS = 60  # after which there may be room again
SCANS = 100  # the most of a progressive JPEG: each costs as much as the whole picture, and is small

BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
"""Of pictures, however damaged; `picture_kinds` wants more of a file to know its kind."""
OPTIONS = {"lock": LOCKS, "tones": TONES, "paper": PAPERS, "treat_as": page_kind.KINDS,
           "format": ("png", "jpeg", "webp")}


def settings_of(request: Request, models: Models) -> Settings:
    """Reads how `models` are to colour pages: the options of the command `colorize`, by name.

    They are those of `TASTE`, and `treat_as`. What is absent is as the series has it; what is
    empty, as the command has it without one. Raises Refused (400) where a value is not known, the
    model does not have it, or where two do not go together.
    """
    readers = {"saturation": _saturation, "mood": _mood}
    said = {name: (readers[name](request.query_params[name], models) if name in readers
                   else option(request, name)) or getattr(Settings, name)
            for name in (*TASTE, "treat_as") if name in request.query_params}
    if said.get("lock") and said.get("tones", "keep") != "keep":
        raise Refused(400, "tones: is for flat colour, and lock chooses another rule; leave out "
                           "one of them")
    return models.settings(said)


def _mood(text: str, models: Models) -> str | None:
    if not text:
        return None
    count = models.pages.mood_count
    if text not in map(str, range(1, count + 1)):
        raise Refused(400, f"mood: is {text[:40]!r}; " + (
            f"give a number from 1 to {count}" if count else
            "this model has none to choose; leave it out"))
    return text


def _saturation(text: str, models: Models) -> float | None:
    if not text:
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= MOST_SATURATION:
        raise Refused(400, f"saturation: is {text[:40]!r}; give a number above 0, up to "
                           f"{MOST_SATURATION}")
    if models.pages.saturation is None:
        raise Refused(400, "saturation: this model has none to set; leave it out")
    return factor


def option(request: Request, name: str) -> str | None:
    """Reads one of `OPTIONS` from the address, None where absent; refuses other values (400)."""
    value = request.query_params.get(name) or None
    if value is not None and value not in OPTIONS[name]:
        raise Refused(400, f"{name}: is {value[:40]!r}; choose {', '.join(OPTIONS[name])}")
    return value


def number(request: Request, name: str) -> int | None:
    """Reads a count from the path or query of the address, None where absent; or refuses (400)."""
    value = request.path_params.get(name, request.query_params.get(name))
    if value is not None and not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise Refused(400, f"{name}: is {value[:40]!r}; give a whole number")
    return None if value is None else int(value)


def full(name: str) -> Busy:
    """Makes the answer where the server has no room for a file."""
    return Busy(f"{name}: finds no room on the server at the moment; try again in a few minutes",
                FULL_SECONDS)


def label(name: str) -> str:
    """Makes one line of the name that an upload gives itself: the last step of its path."""
    name = one_line(PurePosixPath(name.replace("\\", "/")).name).strip()
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    name = f"{stem[:LONGEST_NAME - len(suffix)]}{suffix}"
    return "page.png" if name in ("", ".", "..") else name


def explain(error: ColorizeError, name: str) -> str:
    """Tells an error of a visitor's file in one line, by its own name instead of the server's."""
    return one_line(f"{name}: {error.what}; {error.remedy}")


def is_archive(name: str) -> bool:
    """Whether a file is a book of pages by its name, read or refused."""
    return PurePosixPath(name).suffix.lower() in ARCHIVES


def largest(name: str) -> int:
    """The most bytes that a file may have."""
    return LARGEST_BOOK if is_archive(name) else LARGEST_PICTURE


def begins_as_picture(file: bytes) -> bool:
    """Whether the first bytes of a file are those of a picture that is read."""
    return file.startswith(BEGINNINGS) or \
        picture_kinds.kind_by(file[:picture_kinds.BEGINNING]) in TYPES


def check(file: Path | bytes, name: str, most_pixels: int = MOST_PIXELS) -> str:
    """Checks a picture file by its header alone, and returns its format, a key of `TYPES`.

    Raises SourceError where it is none, or takes more time or memory than a page should.
    """
    with file.open("rb") if isinstance(file, Path) else io.BytesIO(file) as stream:
        with media.pictures.open_picture(stream, name) as image:
            if image.width * image.height > most_pixels:
                raise SourceError(name, f"has {image.height}x{image.width} pixels, more than the "
                                        f"{most_pixels:,} that this server takes", "scale it down")
            form = image.format
        if form == "JPEG" and _occurrences(stream, b"\xff\xda") > SCANS:
            raise SourceError(name, f"has more than {SCANS} scans", "save it again")
        return form


def _occurrences(stream: BinaryIO, mark: bytes) -> int:
    """Counts how often `mark` stands in a file, with little of it in memory at a time."""
    count, end = 0, b""
    stream.seek(0)
    while part := stream.read(2**20):
        part = end + part
        count += part.count(mark)
        end = part[1 - len(mark):]
    return count


def open_book(place: Path, name: str) -> media.Book | media.PdfBook:
    """Opens an archive as `media.open_book`, and raises SourceError for one that holds too much."""
    if place.suffix != ".pdf":
        with place.open("rb") as stream:  # its directory would all be read into memory
            if _occurrences(stream, b"PK\1\2") > MOST_ENTRIES:
                raise SourceError(name, f"holds more than the {MOST_ENTRIES:,} files that this "
                                        "server takes", "split it")
    book = media.open_book(place)
    if len(book.names) > MOST_PAGES:
        raise SourceError(name, f"has {len(book.names):,} pages, more than the {MOST_PAGES:,} that "
                                "this server takes", "split it")
    return book
