"""What the page asks for: books in, how far they are, coloured pages and books out."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import quote

import anyio
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from keras_colorize import media
from keras_colorize.colorizer import Models
from keras_colorize.errors import ColorizeError
from keras_colorize.serving import incoming, uploads
from keras_colorize.serving.books import Book, Page
from keras_colorize.serving.refusals import Busy, Refused
from keras_colorize.serving.service import Service
from keras_colorize.serving.shelf import MOST_PAGES, Full, Shelf

LARGEST_BOOK = 512 * 2**20  # bytes
LARGEST_PICTURE = 128 * 2**20
READERS = 4  # threads that read and write files
LONGEST_WAIT = 20  # seconds
LOOK = 0.1  # seconds


def routes(service: Service) -> list[BaseRoute]:
    """All about books, to be mounted at `/api`."""
    desk = Desk(service)
    book = "/books/{book}"
    page = book + "/pages/{page:int}"
    return [
        Route("/books", desk.place, methods=["POST"]),
        Route(book, desk.book),
        Route(book, desk.remove, methods=["DELETE"]),
        Route(book + "/files", desk.add, methods=["POST"]),
        Route(book + "/book.cbz", desk.archive),
        Route(page, desk.ask, methods=["POST"]),
        Route(page + "/original", desk.original),
        Route(page + "/colored", desk.colored),
        Route(page + "/layers", desk.layers),
    ]


class Desk:
    """Answers for the page; all that needs the model is done in the service's worker."""

    def __init__(self, service: Service):
        self.service = service
        self.shelf = Shelf(self._color)
        self._readers = anyio.CapacityLimiter(READERS)

    async def place(self, request: Request) -> Response:
        """A new book, without pages yet."""
        self._check_open()
        try:
            book = self.shelf.place(incoming.settings_of(request))
        except Full:
            raise incoming.full("the book") from None
        return JSONResponse(_described(book), 201)

    async def add(self, request: Request) -> Response:
        """A file into a book, whole or piece by piece: an archive, or the next of its pages."""
        self._check_open()
        book, name = self._found(request), uploads.label(request.query_params.get("name", ""))
        is_archive = PurePosixPath(name).suffix.lower() in uploads.ARCHIVES
        if book.is_archive or (is_archive and book.pages) or len(book.pages) >= MOST_PAGES:
            raise Refused(409, f"{name}: finds no place in {book.name}; begin another book")
        try:
            book.arriving = received = await incoming.save(
                request, name, book.upload, LARGEST_BOOK if is_archive else LARGEST_PICTURE,
                self.shelf.room() + book.arriving)
        except Refused:
            book.upload.unlink(missing_ok=True)
            book.arriving = 0
            raise
        if not incoming.Piece.of(request).is_last(received):
            return JSONResponse({"received": received}, 202)
        before = await self._read(name, book.take, name)
        self.shelf.wake()
        return JSONResponse(_described(book, before), 201)

    async def book(self, request: Request) -> Response:
        """How far a book is; of its pages those that changed after the count `since`.

        Where none did, it may `wait` so many seconds for one.
        """
        book, since = self._found(request), incoming.number(request, "since") or 0
        end = time.monotonic() + min(incoming.number(request, "wait") or 0, LONGEST_WAIT)
        while book.changes <= since and time.monotonic() < end and not self.service.draining:
            await asyncio.sleep(LOOK)
        return JSONResponse(_described(self._found(request), since))

    async def remove(self, request: Request) -> Response:
        """Takes a book away at once."""
        self.shelf.remove(self._found(request))
        return Response(status_code=204)

    async def ask(self, request: Request) -> Response:
        """Has a page coloured anew, with the strokes that are the body, a transparent PNG."""
        book, page = self._page(request)
        settings, hints = incoming.settings_of(request), await request.body()
        if hints:
            await self._read(page.name, uploads.check, hints, page.name)
        book.ask(page, settings, hints or None)
        self.shelf.wake()
        return JSONResponse(page.described(), 202)

    async def original(self, request: Request) -> Response:
        """A page as it came, as PNG where browsers show no such file."""
        book, page = self._page(request)
        return await self._view(page, book.original, page)

    async def colored(self, request: Request) -> Response:
        """A coloured page: its file, that in another `format`, or one to `view` in a browser."""
        book, page = self._page(request, done=True)
        wanted, name = incoming.option(request, "format"), PurePosixPath(page.name)
        if "view" in request.query_params:
            return await self._view(page, book.colored(page).read_bytes)
        if wanted is None or wanted.upper() == page.record["format"]:
            file = await self._read(page.name, book.colored(page).read_bytes)
            return _download(file, name.name, _type(page.record["format"]))
        file = await self._rendered(book, page, format=wanted)
        suffix = media.FORMATS[wanted.upper()]
        return _download(file, f"{name.stem}{suffix}", _type(wanted.upper()))

    async def layers(self, request: Request) -> Response:
        """A coloured page as OpenRaster, ink and colour apart."""
        book, page = self._page(request, done=True)
        file = await self._rendered(book, page, layers=True)
        return _download(file, f"{PurePosixPath(page.name).stem}.ora", "image/openraster")

    async def archive(self, request: Request) -> Response:
        """The book as CBZ."""
        book = self._found(request)
        if any(page.state in ("waiting", "coloring") for page in book.pages):
            raise Refused(409, f"{book.name}: is not coloured yet; wait for its last page")
        place = TemporaryDirectory(dir=book.folder)
        target = Path(place.name) / "book.cbz"
        try:
            await self._read(book.name, book.write, target)
        except BaseException:
            place.cleanup()
            raise
        return FileResponse(target, media_type="application/vnd.comicbook+zip",
                            filename=f"{PurePosixPath(book.name).stem}.cbz",
                            background=BackgroundTask(place.cleanup))

    async def _rendered(self, book: Book, page: Page, **changed) -> bytes:
        """A page coloured once more with some settings changed, as a file to keep."""
        settings = replace(page.settings, **changed)
        self.service.check_ready()
        work = self.service.worker.run(book.rendered, page, self._models(), settings)
        return (await _answered(page.name, work))[0]

    async def _color(self, book: Book, page: Page) -> dict:
        self.service.check_ready()
        return await self.service.worker.run_long(book.color, page, self._models())

    def _models(self) -> Models:
        return Models(self.service.served.model)

    def _check_open(self) -> None:
        if self.service.draining:
            raise Busy("the server is stopping")

    async def _read(self, name: str, function: Callable, *args):
        """Runs what reads or writes files and needs no model, beside the worker."""
        call = anyio.to_thread.run_sync(function, *args, limiter=self._readers)
        return await _answered(name, call)

    async def _view(self, page: Page, read: Callable[..., bytes], *args) -> Response:
        """A picture as a browser shows it."""
        file, kind = await self._read(page.name, lambda: uploads.viewable(read(*args), page.name))
        return Response(file, media_type=kind)

    def _found(self, request: Request) -> Book:
        book = self.shelf.find(request.path_params["book"])
        if book is None:
            raise Refused(404, "book: is not here, or not any more; upload it again")
        return book

    def _page(self, request: Request, done: bool = False) -> tuple[Book, Page]:
        book, number = self._found(request), request.path_params["page"]
        if number >= len(book.pages):
            raise Refused(404, f"{book.name}: has {len(book.pages)} pages")
        page = book.pages[number]
        if done and "format" not in page.record:
            raise Refused(409, f"{page.name}: is not coloured yet; wait for it")
        return book, page


async def _answered(name: str, work: Awaitable):
    """What comes of some work; what is wrong with a visitor's file is an answer."""
    try:
        return await work
    except ColorizeError as error:
        raise Refused(422, uploads.told(error, name)) from error


def _described(book: Book, since: int = 0) -> dict:
    return {"id": book.id, "name": book.name, "archive": book.is_archive, "changes": book.changes,
            "count": len(book.pages), "waiting": sum(page.state in ("waiting", "coloring")
                                                     for page in book.pages),
            "pages": [page.described() for page in book.pages if page.changed > since]}


def _download(file: bytes, name: str, kind: str) -> Response:
    return Response(file, media_type=kind, headers={
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"})


def _type(name: str) -> str:
    return uploads.TYPES.get(name, "image/tiff")
