"""What the studio asks the server for: books come in, coloured pages and books go out."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from urllib.parse import quote

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from keras_colorize import media
from keras_colorize.colorize import references
from keras_colorize.errors import ColorizeError
from keras_colorize.serving import series_route, uploads
from keras_colorize.serving.book import DIGITS, UNDER_WAY, Book, Page
from keras_colorize.serving.limits import Busy, Refused
from keras_colorize.serving.service import Service
from keras_colorize.serving.shelf import Shelf

LONGEST_WAIT = 20  # seconds
LOOK = 0.01  # seconds
LONGEST_KEY = 100  # characters by which a client tells its uploads apart
READERS = 4  # threads that read and write files
COPIES = 4  # of a book for downloads, at a time
MOST_COPIED = 2 * 2**30  # bytes of all such copies
PART = 256 * 2**10  # bytes of a file in memory while it is sent
COMIC = "application/vnd.comicbook+zip"


def routes(service: Service) -> list[BaseRoute]:
    """Makes the routes of books, to be mounted at `/api`, for a service whose model is loaded."""
    studio = Studio(service)
    book = "/books/{book}"
    page = book + "/pages/{page}"
    return [
        Route("/books", studio.place, methods=["POST"]),
        Route(book, studio.book),
        Route(book, studio.remove, methods=["DELETE"]),
        Route(book + "/files", studio.add, methods=["POST"]),
        Route(book + "/book.cbz", studio.archive),
        Route(page, studio.ask, methods=["POST"]),
        Route(page + "/original", studio.original),
        Route(page + "/colored", studio.colored),
        Route(page + "/layers", studio.layers),
        Route(page + "/moods", studio.moods),
        Route(page + "/colors", studio.colors),
        *series_route.routes(service)]


class Studio:
    """Answers requests about books.

    Pages are coloured in the service's worker; files are read and written beside it, few at a time.
    """

    def __init__(self, service: Service):
        self.service = service
        self.shelf = Shelf(self._color, self._fetch)
        self._readers = anyio.CapacityLimiter(READERS)
        self._drawing = anyio.CapacityLimiter(1)  # the library for PDFs knows no threads
        self._copied = 0
        service.closing.callback(self.shelf.close)

    async def place(self, request: Request) -> Response:
        """Makes a new book, without pages yet."""
        self.service.check_open()
        settings = uploads.settings_of(request, self.service.models)
        return JSONResponse(_described(self.shelf.place(settings)), 201)

    async def add(self, request: Request) -> Response:
        """Takes a file into a book, whole or in pieces: an archive, or the next of its pages.

        A piece that comes again after it was taken is answered as it was then.
        """
        self.service.check_open()
        book, name = self._book(request), uploads.label(request.query_params.get("name", ""))
        offset, size = uploads.number(request, "offset") or 0, uploads.number(request, "size")
        key = request.query_params.get("upload", "")[:LONGEST_KEY], name, size
        arrival = book.arrival(name, None if size is None else key)
        try:
            async with arrival.turn:
                if not arrival.was_taken(offset):
                    if not await arrival.receive(request.stream(), offset, name, self.shelf.room):
                        return JSONResponse({"received": arrival.received}, 202)
                    try:
                        await self._read(book, name, book.take, name, arrival)
                    finally:
                        arrival.clear()
        finally:
            if arrival.key is None or not (arrival.received or arrival.taken):
                book.forget(arrival)
        self.shelf.wake()
        return JSONResponse(_described(book, arrival.before), 201)

    async def book(self, request: Request) -> Response:
        """Tells how far a book is, and its pages that changed after the count `since`.

        Where none changed, it may `wait` so many seconds for one.
        """
        book, since = self._book(request), uploads.number(request, "since") or 0
        await self._wait(request, lambda: book.changes > since)
        return JSONResponse(_described(self._book(request), since))

    async def remove(self, request: Request) -> Response:
        """Removes a book at once."""
        self.shelf.remove(self._book(request))
        return Response(status_code=204)

    async def ask(self, request: Request) -> Response:
        """Has a page coloured anew, with the strokes in the body, a transparent PNG.

        It may be told by other pages of its book, the numbers of which are its `reference`. The
        answer may `wait` so many seconds until it is.
        """
        book, page = self._page(request)
        settings = uploads.settings_of(request, self.service.models)
        if numbers := self._told_by(request, book, page):
            told_by = await self._read(book, page.name, lambda: tuple(
                book.reference(book.pages[number]) for number in numbers))
            settings = replace(settings, reference=told_by, mood=None)
        strokes, place = await request.body(), None
        if strokes:
            if len(strokes) > self.shelf.room():
                raise uploads.full(page.name)
            await self._read(book, page.name, uploads.check, strokes, page.name)
            place = await self._read(book, page.name, book.keep, page, strokes)
        book.ask(page, settings, place)
        self.shelf.wake()
        await self._wait(request, lambda: page.state not in UNDER_WAY)
        return JSONResponse(page.described(), 202)

    async def original(self, request: Request) -> Response:
        """Sends a page as it came, as PNG where browsers show no such file."""
        book, page = self._page(request)
        await self._fetch(book, page)
        return await self._view(book, page, book.original(page))

    async def colored(self, request: Request) -> Response:
        """Sends a coloured page: its file, one in another `format`, or one to `view`."""
        book, page = self._page(request, is_done=True)
        form, name = uploads.option(request, "format"), PurePosixPath(page.name)
        if "view" in request.query_params:
            return await self._view(book, page, book.colored(page))
        if form is None or form.upper() == page.record["format"]:
            return await self._send(book, book.colored(page),
                                    uploads.TYPES[page.record["format"]], name.name)
        return await self._send_anew(book, page, media.FORMATS[form.upper()],
                                     uploads.TYPES[form.upper()], format=form)

    async def layers(self, request: Request) -> Response:
        """Sends a coloured page as OpenRaster, with ink and colour apart."""
        book, page = self._page(request, is_done=True)
        return await self._send_anew(book, page, ".ora", "image/openraster", layers=True)

    async def moods(self, request: Request) -> Response:
        """Sends small pictures of a page, JPEG in base64: without a mood, and in each there is."""
        book, page = self._page(request, is_done=True)
        return await self._tell(book, page, self.service.moods_of)

    async def colors(self, request: Request) -> Response:
        """Tells at most five colours that a page is likely to have at the pixel `x`, `y`."""
        book, page = self._page(request, is_done=True)
        height, width = page.record.get("size", (0, 0))  # one in colour has none to choose
        column, row = (uploads.number(request, name) for name in "xy")
        if column is None or row is None or (height and not (row < height and column < width)):
            raise Refused(400, f"x, y: are no pixel of {page.name}, which has {height}x{width}")
        return await self._tell(book, page, self.service.likely_at, (row, column))

    async def archive(self, request: Request) -> Response:
        """Sends the book as CBZ."""
        book = self._book(request)
        if book.waiting():
            raise Refused(409, f"{book.name}: is not coloured yet; wait for its last page")
        named = f"{PurePosixPath(book.name).stem}.cbz"
        return await self._send_copy(book, named, COMIC, book.write, book.bytes)

    async def _tell(self, book: Book, page: Page, tell: Callable, *arguments: Any) -> Response:
        """Answers what a function of the service tells of a page, in the worker's thread."""
        self.service.check_ready()
        work = self.service.worker.run(book.about, page, tell, *arguments)
        return JSONResponse(await self._answered(book, page.name, work))

    async def _send_anew(self, book: Book, page: Page, suffix: str, kind: str,
                         **changed: Any) -> Response:
        """Colours a page once more with some settings changed, and sends the file."""
        self.service.check_ready()
        work = self.service.worker.run(book.rendered, page, self.service.color,
                                       replace(page.settings, **changed))
        file, _ = await self._answered(book, page.name, work)
        named = f"{PurePosixPath(page.name).stem}{suffix}"
        return await self._send_copy(book, named, kind,
                                     lambda target: target.write_bytes(file), len(file))

    async def _view(self, book: Book, page: Page, place: Path) -> Response:
        """Sends a picture in a format that browsers show."""
        form = await self._read(book, page.name, uploads.check, place, page.name)
        if form not in ("TIFF", "JPEG2000"):
            return await self._send(book, place, uploads.TYPES[form])

        def write_png(target: Path) -> None:
            shown = media.read_stored_picture(place.read_bytes(), page.name).shown
            target.write_bytes(media.encode_picture(shown))

        named = f"{PurePosixPath(page.name).stem}.png"
        return await self._send_copy(book, named, "image/png", write_png, 0)

    async def _send(self, book: Book, place: Path, kind: str, name: str | None = None) -> Response:
        """Sends a file of a book from the disk; to be saved where it has a `name`."""
        return _Sent(await self._read(book, place.name, open, place, "rb"), kind, name)

    async def _send_copy(self, book: Book, name: str, kind: str, make: Callable[[Path], Any],
                         most: int) -> Response:
        """Sends what `make(target)` writes, `most` bytes or so, which lie on the disk until then.

        It comes to about `most` bytes. Raises Busy where there is no room for so many, or many
        copies of this book are being sent already.
        """
        if book.copies >= COPIES or self._copied + most > MOST_COPIED:
            raise Busy(f"{name}: waits for other downloads", 2)

        def copy() -> BinaryIO:
            with TemporaryDirectory(dir=book.folder) as folder:
                target = Path(folder) / f"copy{Path(name).suffix}"
                make(target)
                return target.open("rb")  # which outlives its name

        def count(copies: int, size: int) -> None:
            book.copies += copies
            self._copied += size

        count(1, most)
        try:
            file = await self._read(book, name, copy)
        except BaseException:
            count(-1, -most)
            raise
        size = os.fstat(file.fileno()).st_size
        count(0, size - most)
        return _Sent(file, kind, name, partial(count, -1, -size))

    async def _fetch(self, book: Book, page: Page) -> None:
        """Takes a page's own file out of its archive, and refuses what is no page."""
        if not (self.shelf.room() or book.original(page).exists()):
            raise uploads.full(page.name)
        await self._read(book, page.name, book.fetch, page)

    async def _color(self, book: Book, page: Page) -> dict:
        self.service.check_open()
        return await self.service.worker.run_page(book.color, page, self.service.color)

    async def _wait(self, request: Request, condition: Callable[[], bool]) -> None:
        """Waits until something holds, at most for the seconds that a request has to `wait`."""
        end = time.monotonic() + min(uploads.number(request, "wait") or 0, LONGEST_WAIT)
        while not condition() and time.monotonic() < end and not self.service.draining:
            await asyncio.sleep(LOOK)

    async def _read(self, book: Book, name: str, function: Callable, *arguments: Any) -> Any:
        """Runs `function(*arguments)`, which reads or writes a book's files, beside the worker."""
        limiter = self._drawing if book.is_pdf or name.lower().endswith(".pdf") else self._readers
        call = anyio.to_thread.run_sync(function, *arguments, limiter=limiter)
        return await self._answered(book, name, call)

    async def _answered(self, book: Book, name: str, work: Awaitable) -> Any:
        """Waits for work on a file of a book.

        Raises Refused: 422 where something is wrong with the file, 404 where the book is gone.
        """
        try:
            return await work
        except (ColorizeError, OSError) as error:
            if not self.shelf.holds(book):
                raise _gone() from error
            if isinstance(error, OSError):
                raise
            raise Refused(422, uploads.explain(error, name)) from error
        finally:
            self.shelf.sweep(book)

    def _told_by(self, request: Request, book: Book, page: Page) -> list[int]:
        """Reads the numbers of the pages by which another is to be told; refuses what are none."""
        text = request.query_params.get("reference", "")
        if not text:
            return []
        if not self.service.models.pages.takes_references:
            raise Refused(400, "reference: this model takes none; leave it out")
        parts = text.split(",")
        if len(parts) > references.MOST_MATCHED or not all(
                part.isascii() and part.isdecimal() and len(part) <= DIGITS
                and int(part) < len(book.pages) for part in parts):
            raise Refused(400, f"reference: is {text[:40]!r}; give the numbers of at most "
                               f"{references.MOST_MATCHED} pages of the book")
        numbers = sorted(set(map(int, parts)) - {page.number})
        for number in numbers:
            if not book.colored(book.pages[number]).exists():
                raise Refused(409, f"{book.pages[number].name}: is not coloured yet; wait for it")
        return numbers

    def _book(self, request: Request) -> Book:
        book = self.shelf.find(request.path_params["book"])
        if book is None:
            raise _gone()
        return book

    def _page(self, request: Request, is_done: bool = False) -> tuple[Book, Page]:
        book, number = self._book(request), uploads.number(request, "page")
        if number >= len(book.pages):
            raise Refused(404, f"{book.name}: has {len(book.pages)} pages")
        page = book.pages[number]
        if is_done and "format" not in page.record:
            raise Refused(409, f"{page.name}: is not coloured yet; wait for it")
        return book, page


def _described(book: Book, since: int = 0) -> dict:
    return {"id": book.id, "name": book.name, "archive": book.is_archive, "changes": book.changes,
            "count": len(book.pages), "waiting": book.waiting(),
            "pages": [page.described() for page in book.pages if page.changed > since]}


def _gone() -> Refused:
    """Makes the answer where there is no such book, or not any more."""
    return Refused(404, "book: is not here, or not any more; upload it again")


class _Sent(StreamingResponse):
    """An open file, which is closed in the end, whatever becomes of the client."""

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
