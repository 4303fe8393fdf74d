"""The books that visitors have at a time: bounded in number, bytes and age, coloured in turn."""

import asyncio
import contextvars
import secrets
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import tensorflow as tf

from keras_colorize.colorizer import Settings
from keras_colorize.errors import SourceError
from keras_colorize.serving.access_log import write_line
from keras_colorize.serving.books import Book, Page
from keras_colorize.serving.refusals import Busy
from keras_colorize.serving.uploads import told

MOST_BOOKS = 40
MOST_BYTES = 4 * 2**30
MOST_PAGES = 2000  # of a book of loose pages
LONGEST = 3600.0  # seconds that a book stays after it was last asked for
FRESH = 300.0  # seconds within which a book gives way to no other
PAUSE = 1.0  # seconds until a busy worker is asked again


class Full(Exception):
    """There is no room for what a visitor brings; later there may be."""


class Shelf:
    """Keeps the books in a temporary folder, and colours their pages one after the other.

    Of two books a page each is coloured in turn; a page that was asked for anew comes first.

    Args:
        color: `await color(book, page)` colours a page in the worker; raises Busy.
    """

    def __init__(self, color: Callable, most_books: int = MOST_BOOKS,
                 most_bytes: int = MOST_BYTES, longest: float = LONGEST):
        self._color, self._longest = color, longest
        self.most_books, self.most_bytes = most_books, most_bytes
        self._folder = TemporaryDirectory(prefix="keras-colorize-books-")
        self._books: dict[str, Book] = {}
        self._wake = asyncio.Event()
        self._work: asyncio.Task | None = None

    def place(self, settings: Settings) -> Book:
        """Makes room for a new book.

        Raises:
            Full: all books that there are were asked for a moment ago.
        """
        self.expire()
        if len(self._books) >= self.most_books or not self.room():
            oldest = min(self._books.values(), key=lambda book: book.used, default=None)
            if oldest is None or time.monotonic() - oldest.used < FRESH:
                raise Full
            self.remove(oldest)
        book = Book(Path(self._folder.name) / secrets.token_urlsafe(), settings)
        self._books[book.id] = book
        return book

    def find(self, identity: str) -> Book | None:
        """The book of that id; None where there is none, or none any more."""
        self.expire()
        book = self._books.get(identity)
        if book is not None:
            book.used = time.monotonic()
        return book

    def room(self) -> int:
        """The bytes that may still be brought."""
        taken = sum(book.bytes + book.arriving for book in self._books.values())
        return max(0, self.most_bytes - taken)

    def remove(self, book: Book) -> None:
        """Takes a book and its files away."""
        self._books.pop(book.id, None)
        shutil.rmtree(book.folder, ignore_errors=True)

    def expire(self) -> None:
        """Removes the books that nobody has asked for in a long time."""
        now = time.monotonic()
        for book in [*self._books.values()]:
            if now - book.used > self._longest:
                self.remove(book)

    def wake(self) -> None:
        """Has the pages coloured that wait for it."""
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(
                self._run(), context=contextvars.Context())  # it is not of the first request alone
        self._wake.set()

    def close(self) -> None:
        """Ends the work and removes all books."""
        if self._work is not None:
            self._work.cancel()
        self._books.clear()
        self._folder.cleanup()

    async def _run(self) -> None:
        turn = 0
        while True:
            self._wake.clear()
            waiting = [(book, page) for book in self._books.values()
                       if (page := _next(book)) is not None]
            if waiting:
                turn += 1
                await self._one(*waiting[turn % len(waiting)])
                continue
            self.expire()
            try:
                await asyncio.wait_for(self._wake.wait(), self._longest / 10)
            except TimeoutError:
                continue

    async def _one(self, book: Book, page: Page) -> None:
        """Colours a page, whatever comes of it."""
        version, page.state = page.version, "coloring"
        book.note(page)
        record, error = {}, None
        try:
            if not self.room():
                raise SourceError(page.name, "found no room left on the server", "try again later")
            record = await self._color(book, page)
        except Busy:
            await asyncio.sleep(PAUSE)
            version = None  # it waits on
        except SourceError as failure:
            error = told(failure, page.name)
        except (tf.errors.ResourceExhaustedError, MemoryError):
            error = f"{page.name}: is too large for the server's memory; scale it down"
        except Exception as failure:  # whatever it is, the other pages go on
            if book.id in self._books:
                write_line(sys.stdout, event="a page failed",
                           error="".join(traceback.format_exception(failure)))
            error = f"{page.name}: could not be coloured, by a fault of the server; try again"
        if book.id not in self._books:
            shutil.rmtree(book.folder, ignore_errors=True)  # what was written since it was removed
            return
        book.used = time.monotonic()
        page.state = "waiting"
        if page.version == version:
            page.state, page.error = "failed" if error else "done", error
        page.record = record or page.record
        book.note(page)


def _next(book: Book) -> Page | None:
    """The page to colour next: the one asked for anew most recently, else the first."""
    waiting = [page for page in book.pages if page.state == "waiting"]
    asked = [page for page in waiting if page.version]
    return max(asked, key=lambda page: page.changed) if asked else next(iter(waiting), None)
