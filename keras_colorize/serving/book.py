"""A visitor's book: an archive or loose pages, kept in one folder and coloured page by page."""

import io
import itertools
import os
import threading
import time
import zipfile
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from keras_colorize import media
from keras_colorize.colorize import Models, Settings, colored_file
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.serving import uploads
from keras_colorize.serving.arrivals import Arrival
from keras_colorize.serving.book_page import Page
from keras_colorize.serving.refusals import Refused

ARRIVING = "upload"  # how the names of files begin that are still arriving


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
        """Of its files, without those that are still arriving."""
        self.arriving = 0
        self.copies = 0
        """How many copies of its files are being sent, as downloads are."""
        self.used = time.monotonic()
        self._arrivals: list[Arrival] = []
        self._numbers = itertools.count()
        self._taking, self._noting = threading.Lock(), threading.Lock()
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
    def is_pdf(self) -> bool:
        """Whether its pages are drawn from a PDF."""
        return isinstance(self._archive, media.PdfBook)

    def arrival(self, name: str, key: tuple | None) -> Arrival:
        """The file on its way that has a key, or a new one.

        Raises:
            Refused: 409: there is no place for it.
        """
        for arrival in self._arrivals:
            if key is not None and arrival.key == key:
                return arrival
        self._check_place(name, sum(arrival.taken is None for arrival in self._arrivals))
        made = Arrival(self, self.folder / f"{ARRIVING}{next(self._numbers)}", key)
        self._arrivals.append(made)
        return made

    def forget(self, arrival: Arrival) -> None:
        """Takes away what came of a file on its way."""
        arrival.clear()
        with suppress(ValueError):  # another request did
            self._arrivals.remove(arrival)

    def take(self, name: str, arrival: Arrival) -> None:
        """Takes a file that is whole: an archive's pages, or the next loose page.

        The very file that was taken before is not taken twice.

        Raises:
            SourceError: as `uploads.open_book`.
            Refused: 409: there is no place for it.
        """
        with self._taking:
            if not arrival.is_repeated():
                self._check_place(name)
                arrival.before = self.changes
                arrival.taken = (self._take_archive if uploads.is_archive(name)
                                 else self._take_page)(name, arrival.place)
                self.measure()

    def _take_archive(self, name: str, file: Path) -> Path:
        place = file.rename(self.folder / f"book{PurePosixPath(name).suffix.lower()}")
        try:
            self._archive, self.name = uploads.open_book(place, name), name
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        for page in sorted(self._archive.names, key=media.natural_order):
            self._append(page)
        return place

    def _take_page(self, name: str, file: Path) -> Path:
        place = file.rename(self._place(len(self.pages), "original"))
        self._append(self._free(name))
        return place

    def _check_place(self, name: str, arriving: int = 0) -> None:
        if self.is_archive or (uploads.is_archive(name) and self.pages) \
                or len(self.pages) + arriving >= uploads.MOST_PAGES:
            raise Refused(409, f"{name}: finds no place in {self.name}; begin another book")

    def keep(self, page: Page, hints: bytes) -> Path:
        """Writes strokes for a page, a transparent PNG."""
        place = self._place(page.number, f"hints{next(self._numbers)}.png")
        place.write_bytes(hints)
        self.measure()
        return place

    def ask(self, page: Page, settings: Settings, hints: Path | None) -> None:
        """Has a page coloured anew, by strokes that were kept or by none."""
        if page.outdated:
            page.outdated.unlink(missing_ok=True)
        page.outdated = page.settings.hints
        page.settings = replace(settings, hints=hints)
        page.version += 1
        page.state, page.error = "waiting", None
        self.note(page)

    def note(self, page: Page) -> None:
        """Counts a change of a page."""
        with self._noting:
            self.changes += 1
            page.changed = self.changes

    def original(self, page: Page) -> Path:
        """Where the page's own file lies once it was fetched."""
        return self._place(page.number, "original")

    def fetch(self, page: Page) -> None:
        """Has a page's own file at hand, out of its archive.

        Raises:
            SourceError: it is damaged in its archive, or no page that the server takes.
        """
        place = self.original(page)
        if self._archive is not None and not place.exists():
            with closing(self._archive.pages()) as pages:
                file = next(read for name, read in pages if name == page.name)()
            if len(file) > uploads.LARGEST_PICTURE:
                raise SourceError(page.name, f"is larger than {uploads.LARGEST_PICTURE >> 20} MiB",
                                  "scale it down")
            with whole_file(place) as temporary:
                temporary.write_bytes(file)
        uploads.check(place, page.name)

    def colored(self, page: Page) -> Path:
        """Where the page's coloured file lies once it is done."""
        return self._place(page.number, "colored")

    def color(self, page: Page, models: Models) -> dict:
        """Colours a page that was fetched as `colorize` does, and returns what is to be said of it.

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
            layers, file = Path(place) / "page.ora", self.original(page).read_bytes()
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
            self._archive.write(target, done)
            return
        with whole_file(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, place in done.values():
                archive.writestr(zipfile.ZipInfo(name), place.read_bytes())  # of 1980

    def measure(self) -> None:
        """Brings `bytes` up to date, the size of all its files."""
        total = 0
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # it was temporary
                total += 0 if entry.name.startswith(ARRIVING) else entry.stat().st_size
        self.bytes = total

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
