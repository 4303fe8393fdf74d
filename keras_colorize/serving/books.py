"""A visitor's book: an archive or loose pages, kept in one folder and coloured page by page."""

import io
import time
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from keras_colorize import media
from keras_colorize.colorizer import Models, Settings
from keras_colorize.colorizer.work import colored_file
from keras_colorize.errors import ColorizeError, SourceError, one_line
from keras_colorize.files import whole_file

ARCHIVES = (".cbz", ".pdf")
MOST_STROKES = 2**25  # pixels
LONGEST_NAME = 150  # characters of a file's name
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif",
         "BMP": "image/bmp"}  # what browsers show; TIFF is none of it
WORDS = {"--lock ink lays its ink over colours": "keep its ink in place of its luminance",
         "since no --edge-model was given": "since the server has none for line art"}


@dataclass
class Page:
    """One page, and how far it is."""

    number: int
    name: str
    settings: Settings
    state: str = "waiting"
    """`waiting`, `coloring`, `done` or `failed`."""
    version: int = 0
    """Of its colouring: rises whenever that is asked for anew."""
    changed: int = 0
    """The book's count of changes when this page last changed."""
    error: str | None = None
    record: dict = field(default_factory=dict)
    """What the colorizer reports of it, once it is done."""

    def described(self) -> dict:
        """The page as JSON."""
        said = {"number": self.number, "name": self.name, "state": self.state,
                "version": self.version, "changed": self.changed, "error": self.error,
                "hints": bool(self.settings.hints), "lock": self.settings.lock,
                "treat_as": self.settings.treat_as}
        for key in ("kind", "scores", "luminance_change", "format", "thumbnails"):
            if key in self.record:
                said[key] = self.record[key]
        said["notes"] = [_in_words(note) for note in self.record.get("notes", ())]
        return said


class Book:
    """The pages of one archive, or loose ones, each with its files in the book's folder.

    Names within archives and of uploads are labels: no file is ever found by them.
    """

    def __init__(self, folder: Path, name: str, settings: Settings):
        self.folder, self.name, self.settings = folder, name, settings
        self.pages: list[Page] = []
        self.changes = 0
        self.bytes = 0
        self.used = time.monotonic()
        self._archive: media.Book | media.PdfBook | None = None
        folder.mkdir()

    @property
    def id(self) -> str:
        """What the book is asked for by; not to be guessed."""
        return self.folder.name

    @property
    def is_archive(self) -> bool:
        """Whether it is a CBZ or PDF rather than loose pages."""
        return PurePosixPath(self.name).suffix.lower() in ARCHIVES

    @property
    def upload(self) -> Path:
        """Where the archive, or the next loose page, is to be written."""
        if self.is_archive:
            return self.folder / f"book{PurePosixPath(self.name).suffix.lower()}"
        return self._place(len(self.pages), "original")

    def open(self) -> None:
        """Finds the pages of the archive that was written to `upload`.

        Raises:
            SourceError: as `media.open_book`.
        """
        self._archive = media.open_book(self.upload)
        for name in sorted(self._archive.names, key=media.natural_order):
            self._append(name)

    def add(self, name: str) -> Page:
        """Takes the picture that was written to `upload` as the next loose page."""
        taken, path = {page.name for page in self.pages}, PurePosixPath(name)
        number = 2
        while name in taken:
            name, number = f"{path.stem} ({number}){path.suffix}", number + 1
        return self._append(name)

    def ask(self, page: Page, settings: Settings, hints: bytes | None) -> None:
        """Has a page coloured anew; `hints` are a transparent PNG of strokes."""
        for outdated in self.folder.glob(f"{page.number:05}.hints*"):
            if outdated != page.settings.hints:  # which may be read at this moment
                outdated.unlink()
        place = self._place(page.number, f"hints{page.version + 1}.png") if hints else None
        if place:
            place.write_bytes(hints)
        page.settings = replace(settings, hints=place)
        page.version += 1
        page.state, page.error = "waiting", None
        self.note(page)

    def note(self, page: Page) -> None:
        """Counts a change of a page."""
        self.changes += 1
        page.changed = self.changes

    def original(self, page: Page) -> bytes:
        """The page's own file.

        Raises:
            SourceError: it is damaged in its archive.
        """
        if self._archive is None:
            return self._place(page.number, "original").read_bytes()
        for name, read in self._archive.pages():
            if name == page.name:
                return read()
        raise SourceError(page.name, "is gone from its archive", "upload the book again")

    def colored(self, page: Page) -> Path:
        """Where the page's coloured file lies once it is done."""
        return self._place(page.number, "colored")

    def color(self, page: Page, models: Models) -> dict:
        """Colours a page as `colorize` does, and returns what is to be said of it.

        Raises:
            SourceError: the page or its hints cannot be read.
        """
        encoded, record = self.rendered(page, models, page.settings)
        with whole_file(self.colored(page)) as temporary:
            temporary.write_bytes(encoded)
        self.measure()
        with media.pictures.open_picture(io.BytesIO(encoded), page.name) as image:
            return {**record, "format": image.format}

    def rendered(self, page: Page, models: Models, settings: Settings) -> tuple[bytes, dict]:
        """The coloured file of a page, or its layers where `settings` ask for them."""
        with TemporaryDirectory(dir=self.folder) as place:
            target = Path(place) / "page"
            encoded, record = colored_file(self.original(page), page.name, page.name, models,
                                           settings, target)
            if not settings.layers:
                return encoded, record
            layers = target.with_suffix(".ora")
            if not layers.exists():
                raise SourceError(page.name, "is in colour and was copied, so it has no layers",
                                  "treat it as gray, then colour it again")
            return layers.read_bytes(), record

    def write(self, target: Path) -> None:
        """Writes a CBZ: the archive with its pages coloured, or the loose pages in their order.

        Of an archive the pages that failed stay as they are, if they can be read at all.
        """
        done = {page.name: (page.name, self.colored(page)) for page in self.pages
                if self.colored(page).exists()}
        if self._archive is not None:
            self._archive.write(target, done)
            return
        with whole_file(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, place in done.values():
                archive.writestr(zipfile.ZipInfo(name), place.read_bytes())  # of 1980

    def measure(self) -> None:
        """Brings `bytes` up to date, the size of all its files."""
        self.bytes = sum(place.stat().st_size for place in self.folder.iterdir()
                         if place.is_file())

    def _append(self, name: str) -> Page:
        page = Page(len(self.pages), name, self.settings)
        self.pages.append(page)
        self.note(page)
        return page

    def _place(self, number: int, what: str) -> Path:
        return self.folder / f"{number:05}.{what}"


def label(name: str) -> str:
    """A name that an upload gives itself, as the last step of a path and one line."""
    name = one_line(PurePosixPath(name.replace("\\", "/")).name).strip()
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    name = f"{stem[:LONGEST_NAME - len(suffix)]}{suffix}"
    return "page.png" if name in ("", ".", "..") else name


def told(error: ColorizeError, name: str) -> str:
    """An error of a visitor's file in one line, with its own name in place of the server's."""
    return one_line(f"{name}: {error.what}; {error.remedy}")


def viewable(file: bytes, name: str) -> tuple[bytes, str]:
    """A picture file as a browser shows it, and its media type; PNG where it shows no such file.

    Raises:
        SourceError: it cannot be read.
    """
    with media.pictures.open_picture(io.BytesIO(file), name) as image:
        kind = TYPES.get(image.format)
    if kind:
        return file, kind
    return media.encode_picture(media.read_page(file, name).shown), TYPES["PNG"]


def check_strokes(file: bytes, name: str) -> None:
    """Refuses strokes that would take more memory than any page needs.

    Raises:
        SourceError: they have more than `MOST_STROKES` pixels, or are no picture.
    """
    with media.pictures.open_picture(io.BytesIO(file), name) as image:
        if image.width * image.height > MOST_STROKES:
            raise SourceError(name, f"has strokes of {image.height}x{image.width} pixels",
                              "draw them smaller; they are laid over the page at any size")


def _in_words(note: str) -> str:
    """A note without the command's flags, which the page has other words for."""
    for flags, words in WORDS.items():
        note = note.replace(flags, words)
    return note
