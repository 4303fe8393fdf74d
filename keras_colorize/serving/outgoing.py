"""A book's files, read and sent beside the model: few at a time, from the disk, part by part."""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from urllib.parse import quote

import anyio
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from keras_colorize.errors import ColorizeError
from keras_colorize.serving import uploads
from keras_colorize.serving.book import Book
from keras_colorize.serving.refusals import Busy, Refused
from keras_colorize.serving.shelf import Shelf

READERS = 4  # threads that read and write files
COPIES = 4  # made of a book for its downloads that there may be at a time
MOST_COPIED = 2 * 2**30  # bytes of all such copies
PART = 256 * 2**10  # bytes of a file in memory while it is sent


class Desk:
    """Reads and sends the files of a shelf's books."""

    def __init__(self, shelf: Shelf):
        self.shelf = shelf
        self._readers = anyio.CapacityLimiter(READERS)
        self._drawing = anyio.CapacityLimiter(1)  # the library for PDFs knows no threads
        self._copied = 0

    async def read(self, book: Book, name: str, function: Callable, *args: Any) -> Any:
        """`function(*args)`, which reads or writes files of a book, beside the worker.

        Raises:
            Refused: as `answered`.
        """
        limiter = self._drawing if book.is_pdf or name.lower().endswith(".pdf") else self._readers
        call = anyio.to_thread.run_sync(function, *args, limiter=limiter)
        return await self.answered(book, name, call)

    async def answered(self, book: Book, name: str, work: Awaitable) -> Any:
        """What comes of some work on a file of a book.

        Raises:
            Refused: 422: there is something wrong with the file. 404: the book was removed.
        """
        try:
            return await work
        except (ColorizeError, OSError) as error:
            if not self.shelf.holds(book):
                raise gone() from error
            if isinstance(error, OSError):
                raise
            raise Refused(422, uploads.told(error, name)) from error
        finally:
            self.shelf.sweep(book)

    async def send(self, book: Book, place: Path, kind: str, name: str | None = None) -> Response:
        """A file as it lies on the disk; to be saved where it has a `name`."""
        return _Sent(await self.read(book, place.name, open, place, "rb"), kind, name)

    async def send_copy(self, book: Book, name: str, kind: str, make: Callable[[Path], Any],
                        most: int) -> Response:
        """What `make(target)` writes, which takes room on the disk until it is sent.

        Args:
            most: bytes that it may come to, or nearly.

        Raises:
            Busy: there is no room for it, or many of this book are being sent already.
        """
        if book.copies >= COPIES or self._copied + most > MOST_COPIED:
            raise Busy(f"{name}: waits for other downloads", 2)

        def copy() -> BinaryIO:
            with TemporaryDirectory(dir=book.folder) as folder:
                target = Path(folder) / f"copy{Path(name).suffix}"
                make(target)
                return target.open("rb")  # and is nobody else's any more

        def count(copies: int, size: int) -> None:
            book.copies += copies
            self._copied += size

        count(1, most)
        try:
            file = await self.read(book, name, copy)
        except BaseException:
            count(-1, -most)
            raise
        size = os.fstat(file.fileno()).st_size
        count(0, size - most)
        return _Sent(file, kind, name, partial(count, -1, -size))


def gone() -> Refused:
    """The answer where a book is asked for that there is not, or not any more."""
    return Refused(404, "book: is not here, or not any more; upload it again")


class _Sent(StreamingResponse):
    """An open file, closed in the end, whatever becomes of the client."""

    def __init__(self, file: BinaryIO, kind: str, name: str | None,
                 done: Callable[[], None] = lambda: None):
        headers = {"Content-Length": str(os.fstat(file.fileno()).st_size)}
        if name is not None:
            headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(name, safe='')}"
        super().__init__(iter(partial(file.read, PART), b""), headers=headers, media_type=kind)
        self._file, self._done = file, done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()
            self._done()
