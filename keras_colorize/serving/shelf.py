"""The books that visitors have at a time: bounded in number, bytes and age, coloured in turn."""

import asyncio
import contextvars
import secrets
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory

from keras_colorize.colorize import Settings
from keras_colorize.errors import SourceError
from keras_colorize.serving import uploads
from keras_colorize.serving.access_log import write_line
from keras_colorize.serving.book import Book, Page
from keras_colorize.serving.limits import Busy, Refused

MOST_BOOKS = 40
MOST_BYTES = 4 * 2**30
LONGEST = 3600.0  # seconds that a book stays after it was last asked for
FRESH = 300.0  # seconds within which a book gives way to no other
PAUSE = 1.0  # seconds until a busy worker is asked again
TIDYING = ""  # the task that removes books, beside those of the books by their names


class Shelf:
    """Keeps the books in a temporary folder, and colours their pages one after the other.

    Of two books a page each is coloured in turn; a page that was asked for anew comes first. A book
    whose next page is long in coming keeps no other from its turn.

    Args:
        color: `await color(book, page)` colours a page in the worker; raises Busy.
        fetch: `await fetch(book, page)` reads its own file beforehand; raises Refused.
    """

    def __init__(self, color: Callable, fetch: Callable, most_books: int = MOST_BOOKS,
                 most_bytes: int = MOST_BYTES, longest: float = LONGEST):
        self._color, self._fetch, self._longest = color, fetch, longest
        self.most_books, self.most_bytes = most_books, most_bytes
        self._folder = TemporaryDirectory(
            prefix="keras-colorize-books-", ignore_cleanup_errors=True)
        self._books: dict[str, Book] = {}
        self._turn = asyncio.Lock()  # waited for in order
        self._work: dict[str, asyncio.Task] = {}

    def place(self, settings: Settings) -> Book:
        """Makes a new book, in the place of the longest unused where there is no room.

        Raises Busy where all books were asked for a moment ago.
        """
        self.expire()
        if len(self._books) >= self.most_books or not self.room():
            oldest = min(self._books.values(), key=lambda book: book.used, default=None)
            if oldest is None or time.monotonic() - oldest.used < FRESH:
                raise uploads.full("the book")
            self.remove(oldest)
        book = Book(Path(self._folder.name) / secrets.token_urlsafe(), settings)
        self._books[book.id] = book
        return book

    def find(self, identity: str) -> Book | None:
        """Finds the book of that id; None where there is none, or none any more."""
        self.expire()
        book = self._books.get(identity)
        if book is not None:
            book.used = time.monotonic()
        return book

    def holds(self, book: Book) -> bool:
        """Whether a book was not removed."""
        return book.id in self._books

    def sweep(self, book: Book) -> None:
        """Deletes what was written for a book since it was removed."""
        if not self.holds(book):
            shutil.rmtree(book.folder, ignore_errors=True)

    def room(self) -> int:
        """Counts the bytes that may still come."""
        return max(0, self.most_bytes - sum(
            book.bytes + book.arriving for book in self._books.values()))

    def remove(self, book: Book) -> None:
        """Removes a book and its files."""
        self._books.pop(book.id, None)
        self.sweep(book)

    def expire(self) -> None:
        """Removes the books that nobody has asked for in a long time."""
        now = time.monotonic()
        for book in [*self._books.values()]:
            if now - book.used > self._longest:
                self.remove(book)

    def wake(self) -> None:
        """Begins to colour the pages that wait for it."""
        for book in self._books.values():
            if book.id not in self._work and _next(book) is not None:
                self._begin(book.id, self._run(book))
        if TIDYING not in self._work:
            self._begin(TIDYING, self._tidy())

    def close(self) -> None:
        """Ends the work and removes all books."""
        for task in self._work.values():
            task.cancel()
        self._books.clear()
        self._folder.cleanup()

    def _begin(self, name: str, work: Coroutine) -> None:
        self._work[name] = asyncio.get_running_loop().create_task(
            work, context=contextvars.Context())  # it is not of the request alone that began it

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(self._longest / 10)
            self.expire()

    async def _run(self, book: Book) -> None:
        try:
            while self.holds(book) and (page := _next(book)) is not None:
                await self._one(book, page)
                await asyncio.sleep(0)  # until then no other may have stood in line
        finally:
            del self._work[book.id]

    async def _one(self, book: Book, page: Page) -> None:
        """Colours a page, whatever comes of it."""
        version, record, error = page.version, {}, None
        try:
            if not self.room():
                raise SourceError(page.name, "found no room left on the server", "try again later")
            await self._fetch(book, page)
            async with self._turn:
                version, page.state = page.version, "coloring"
                book.note(page)
                record = await self._color(book, page)
        except Busy:
            await asyncio.sleep(PAUSE)
            version = None  # it waits on
        except Refused as refused:
            error = refused.message
        except SourceError as failure:
            error = uploads.explain(failure, page.name)
        except Exception as failure:  # whatever it is, the other pages go on
            if self.holds(book):
                write_line(sys.stdout, event="a page failed",
                           error="".join(traceback.format_exception(failure)))
            error = f"{page.name}: could not be coloured, by a fault of the server; try again"
        self.sweep(book)
        book.used = time.monotonic()
        page.state = "waiting"
        if page.version == version:
            page.state, page.error = "failed" if error else "done", error
        page.record = record or page.record
        book.note(page)


def _next(book: Book) -> Page | None:
    """Chooses the page to colour next: the one asked for anew most recently, else the first."""
    waiting = [page for page in book.pages if page.state == "waiting"]
    asked = [page for page in waiting if page.version]
    return max(asked, key=lambda page: page.changed) if asked else next(iter(waiting), None)
