"""A visitor's book: an archive or loose pages, kept in one folder and coloured page by page."""

import asyncio
import filecmp
import io
import itertools
import os
import threading
import time
import zipfile
from collections.abc import AsyncIterable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from keras_colorize import media
from keras_colorize.colorize import Settings, series
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.serving import uploads
from keras_colorize.serving.limits import Refused

ARRIVING = "upload"  # how the names of files begin that are still arriving
DIGITS = 5  # of a page's number, with which the names of its files begin
UNDER_WAY = ("waiting", "coloring")  # states of pages that are not coloured yet

WORDS = {"without --lock a printed page": "by what suits its kind a printed page",
         "--format png keeps it": "PNG keeps it",
         "--treat-as gray colours it anew": "treated as gray it is coloured anew",
         "since no --edge-model was given": "since the server has none for line art"}
"""What the studio says in place of the command's flags."""


@dataclass
class Page:
    """A page of a book; its name is a label."""

    number: int
    name: str
    settings: Settings
    state: str = "waiting"
    """`waiting`, `coloring`, `done` or `failed`."""
    version: int = 0
    """Rises whenever the page is asked for anew."""
    changed: int = 0
    """The book's count of changes when this page last changed."""
    error: str | None = None
    outdated: Path | None = None
    """The strokes of the colouring before, which may be read at this moment."""
    record: dict = field(default_factory=dict)
    """What the report says of it, once it is done."""
    of_book: tuple[str, ...] = ()
    """Of a first page, what there is to say of the archive that it came in."""

    def described(self) -> dict:
        """Describes the page as JSON; what does not apply to it is null."""
        kept = ("kind", "scores", "rule", "regions", "white_share", "told", "reached", "carried",
                "guided", "luminance_change", "ink_change", "format", "thumbnails")
        return {
            "number": self.number, "name": self.name, "state": self.state, "version": self.version,
            "changed": self.changed, "error": self.error, "hints": bool(self.settings.hints),
            "treat_as": self.settings.treat_as,
            "reference": [int(place.name[:DIGITS]) for place in self.settings.reference],
            **{name: getattr(self.settings, name) for name in series.TASTE},
            **{key: self.record.get(key) for key in kept},
            "notes": [*map(_in_words, self.record.get("notes", ())), *self.of_book]}


def _in_words(note: str) -> str:
    for flags, words in WORDS.items():
        note = note.replace(flags, words)
    return note


@dataclass(eq=False)
class Arrival:
    """A file that is arriving in pieces, and once it is taken, what was made of it."""

    book: "Book"
    place: Path
    """Where it is written."""
    key: tuple | None
    """What its pieces share: upload, name and size; None where one body is all of it."""
    received: int = 0
    """How many of its bytes are there."""
    taken: Path | None = None
    """Where its file lies since it became part of the book."""
    before: int = 0
    """The book's count of changes when it did."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one request of several that writes."""

    def was_taken(self, offset: int) -> bool:
        """Whether the piece at `offset` ends a file that is taken already, and came again."""
        return self.taken is not None and offset > 0 and not self.received

    def is_repeated(self) -> bool:
        """Whether it is the very file that was taken before, and came again."""
        return self.taken is not None and self.taken.exists() \
            and filecmp.cmp(self.place, self.taken, shallow=False)

    def clear(self) -> None:
        """Deletes what came of it."""
        self.place.unlink(missing_ok=True)
        self._count(0)

    async def receive(self, parts: AsyncIterable[bytes], offset: int, name: str,
                      room: Callable[[], int]) -> bool:
        """Writes a piece at its offset, over what came from there on before.

        Returns:
            Whether the file is whole now.

        Raises:
            Refused: 413: the file is too large. 409: the bytes before the piece are not there.
            Busy: there is no `room()` for it.
        """
        if offset > self.received:
            raise Refused(409, f"{name}: came in part, of which {self.received:,} bytes are here; "
                               "send it again")
        largest, size = uploads.largest(name), self.key[-1] if self.key else 0
        async with await anyio.open_file(self.place, "r+b" if offset else "wb") as file:
            await file.seek(offset)
            await file.truncate()
            self._count(offset)
            async for part in parts:
                if max(self.received + len(part), size) > largest:
                    self.clear()
                    raise Refused(413, f"{name}: is larger than {largest >> 20} MiB; split it, or "
                                       "scale it down")
                if len(part) > room():
                    raise uploads.full(name)
                self._count(self.received + len(part))
                await file.write(part)
        return self.received >= size

    def _count(self, received: int) -> None:
        self.book.arriving += received - self.received
        self.received = received


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
        """The size of its files, without those that are still arriving."""
        self.arriving = 0
        """The size of those."""
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
        """The name that clients ask for it by, which nobody can guess."""
        return self.folder.name

    @property
    def is_archive(self) -> bool:
        """Whether it is a CBZ, an EPUB or a PDF rather than loose pages."""
        return self._archive is not None

    @property
    def is_pdf(self) -> bool:
        """Whether its pages are drawn from a PDF."""
        return isinstance(self._archive, media.PdfBook)

    def waiting(self) -> int:
        """Counts the pages that are not coloured yet."""
        return sum(page.state in UNDER_WAY for page in self.pages)

    def arrival(self, name: str, key: tuple | None) -> Arrival:
        """Finds the file that arrives under a key, or begins one; refuses it without room (409)."""
        for arrival in self._arrivals:
            if key is not None and arrival.key == key:
                return arrival
        self._check_place(name, sum(arrival.taken is None for arrival in self._arrivals))
        made = Arrival(self, self.folder / f"{ARRIVING}{next(self._numbers)}", key)
        self._arrivals.append(made)
        return made

    def forget(self, arrival: Arrival) -> None:
        """Deletes what came of a file that was arriving."""
        arrival.clear()
        with suppress(ValueError):  # another request did
            self._arrivals.remove(arrival)

    def take(self, name: str, arrival: Arrival) -> None:
        """Takes a file that is whole: an archive's pages, or the next loose page.

        The very file that was taken before is not taken twice. Raises SourceError as
        `uploads.open_book` does, and Refused (409) where there is no place for it.
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
        self.pages[0].of_book = tuple(line.removeprefix(f"{place}/")
                                      for line in self._archive.notes)
        return place

    def _take_page(self, name: str, file: Path) -> Path:
        place = file.rename(self._place(len(self.pages), "original"))
        self._append(self._free(name))
        return place

    def _check_place(self, name: str, arriving: int = 0) -> None:
        if self.is_archive or (uploads.is_archive(name) and self.pages) \
                or len(self.pages) + arriving >= uploads.MOST_PAGES:
            raise Refused(409, f"{name}: finds no place in {self.name}; begin another book")

    def keep(self, page: Page, strokes: bytes) -> Path:
        """Writes strokes for a page, a transparent PNG."""
        place = self._place(page.number, f"hints{next(self._numbers)}.png")
        place.write_bytes(strokes)
        self.measure()
        return place

    def ask(self, page: Page, settings: Settings, strokes: Path | None) -> None:
        """Has a page coloured anew, with strokes that were kept or with none."""
        if page.outdated:
            page.outdated.unlink(missing_ok=True)
        page.outdated = page.settings.hints
        page.settings = replace(settings, hints=strokes)
        page.version += 1
        page.state, page.error = "waiting", None
        self.note(page)

    def note(self, page: Page) -> None:
        """Counts a change of a page."""
        with self._noting:
            self.changes += 1
            page.changed = self.changes

    def original(self, page: Page) -> Path:
        """Names the page's own file, which is there once it was fetched."""
        return self._place(page.number, "original")

    def colored(self, page: Page) -> Path:
        """Names the page's coloured file, which is there once it is done."""
        return self._place(page.number, "colored")

    def reference(self, page: Page) -> Path:
        """Keeps the coloured file of a page as it is now, for other pages that it tells."""
        colored = self.colored(page)
        kept = self._place(page.number, f"reference{colored.stat().st_mtime_ns}")
        if not kept.exists():
            kept.hardlink_to(colored)  # which is replaced, not changed, when it is coloured anew
        return kept

    def fetch(self, page: Page) -> None:
        """Takes a page's own file out of its archive, if that is still to be done.

        Raises SourceError where it is damaged in there, or no page that the server takes.
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

    def color(self, page: Page, color: Callable) -> dict:
        """Colours a page that was fetched, and returns what the report says of it.

        `color` is `Service.color`. Raises SourceError where the page or its strokes cannot be read.
        """
        encoded, record = self.rendered(page, color, page.settings)
        made = self._place(page.number, "coloring")
        made.write_bytes(encoded)
        made.replace(self.colored(page))  # it need not outlast the server: none waits for the disk
        self.measure()
        with media.pictures.open_picture(io.BytesIO(encoded), page.name) as image:
            return {**record, "format": image.format}

    def rendered(self, page: Page, color: Callable, settings: Settings) -> tuple[bytes, dict]:
        """Makes the coloured file of a page, or its layers where `settings` ask for them."""
        with TemporaryDirectory(dir=self.folder) as place:
            layers, file = Path(place) / "page.ora", self.original(page).read_bytes()
            encoded, record = color(file, page.name, settings, layers)
            if not settings.layers:
                return encoded, record
            if not layers.exists():
                raise SourceError(page.name, "is in colour and was copied, so it has no layers",
                                  "treat it as gray, then colour it again")
            return layers.read_bytes(), record

    def about(self, page: Page, tell: Callable, *arguments: Any) -> list[str]:
        """Tells of a page that is done what a function of the service does, given `arguments`."""
        return tell(self.original(page).read_bytes(), page.name, page.settings, *arguments)

    def write(self, target: Path) -> None:
        """Writes a CBZ: the archive with its pages coloured, or the loose pages in their order.

        Of an EPUB or a PDF it holds the pages alone.

        Pages of an archive that failed stay as they are, if they can be read at all.
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
        """Brings `bytes` up to date."""
        total = 0
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # it was temporary
                total += 0 if entry.name.startswith(ARRIVING) else entry.stat().st_size
        self.bytes = total

    def _append(self, name: str) -> None:
        self.pages.append(Page(len(self.pages), name, self.settings))
        self.note(self.pages[-1])

    def _free(self, name: str) -> str:
        """Makes a name that no page has."""
        taken, path = {page.name for page in self.pages}, PurePosixPath(name)
        numbered = (f"{path.stem} ({number}){path.suffix}" for number in itertools.count(2))
        return next(each for each in itertools.chain([name], numbered) if each not in taken)

    def _place(self, number: int, what: str) -> Path:
        return self.folder / f"{number:0{DIGITS}}.{what}"
