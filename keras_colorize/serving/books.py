"""A visitor's book: an archive or loose pages, kept in one folder and coloured page by page."""

import io
import threading
import time
import zipfile
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from keras_colorize import media
from keras_colorize.colorizer import Models, Settings
from keras_colorize.colorizer.work import colored_file
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.serving.uploads import ARCHIVES, check

PDFS = threading.Lock()
WORDS = {"--lock ink lays its ink over colours": "keep its ink in place of its luminance",
         "--format png keeps it": "PNG keeps it",
         "--treat-as gray colours it anew": "treated as gray it is coloured anew",
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

    def __init__(self, folder: Path, settings: Settings):
        self.folder, self.settings = folder, settings
        self.name = "Pages"
        self.pages: list[Page] = []
        self.changes = 0
        self.bytes = 0
        self.arriving = 0
        """Bytes there are of the file that is being uploaded."""
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
        return self._archive is not None

    @property
    def upload(self) -> Path:
        """Where a file is written while it arrives."""
        return self.folder / "upload"

    def take(self, name: str) -> int:
        """Takes the file that was written to `upload`: an archive's pages, or the next loose page.

        Returns:
            The count of changes before that.

        Raises:
            SourceError: as `media.open_book`.
        """
        suffix, before = PurePosixPath(name).suffix.lower(), self.changes
        if suffix in ARCHIVES:
            place = self.upload.rename(self.folder / f"book{suffix}")
            with self._turn():
                self._archive, self.name = media.open_book(place), name
            for page in sorted(self._archive.names, key=media.natural_order):
                self._append(page)
        else:
            self.upload.rename(self._place(len(self.pages), "original"))
            self._append(self._free(name))
        self.arriving = 0
        self.measure()
        return before

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
        place = self._place(page.number, "original")
        if self._archive is None or place.exists():
            return place.read_bytes()
        with self._turn():
            pages = self._archive.pages()
            file = next(read for name, read in pages if name == page.name)()
            pages.close()
        if isinstance(self._archive, media.PdfBook):  # else each look at it would draw it anew
            with whole_file(place) as temporary:
                temporary.write_bytes(file)
        return file

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
            layers, file = Path(place) / "page.ora", self.original(page)
            check(file, page.name)
            encoded, record = colored_file(file, page.name, models, settings, settings.hints,
                                           layers)
            if not settings.layers:
                return encoded, record
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
            with self._turn():
                self._archive.write(target, done)
            return
        with whole_file(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, place in done.values():
                archive.writestr(zipfile.ZipInfo(name), place.read_bytes())  # of 1980

    def measure(self) -> None:
        """Brings `bytes` up to date, the size of all its files."""
        total = 0
        for place in self.folder.iterdir():
            with suppress(FileNotFoundError):  # it was temporary
                total += place.stat().st_size
        self.bytes = total

    def _turn(self) -> AbstractContextManager:
        """PDFs are read one at a time, since their library knows no threads."""
        return PDFS if (self.folder / "book.pdf").exists() else nullcontext()

    def _append(self, name: str) -> None:
        page = Page(len(self.pages), name, self.settings)
        self.pages.append(page)
        self.note(page)

    def _free(self, name: str) -> str:
        """A name that no page has."""
        taken, path = {page.name for page in self.pages}, PurePosixPath(name)
        number = 2
        while name in taken:
            name, number = f"{path.stem} ({number}){path.suffix}", number + 1
        return name

    def _place(self, number: int, what: str) -> Path:
        return self.folder / f"{number:05}.{what}"


def _in_words(note: str) -> str:
    """A note without the command's flags, which the page has other words for."""
    for flags, words in WORDS.items():
        note = note.replace(flags, words)
    return note
