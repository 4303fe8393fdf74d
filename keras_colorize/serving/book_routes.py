"""What the page asks for: books in, how far they are, coloured pages and books out."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from keras_colorize import media
from keras_colorize.colorize import Models
from keras_colorize.serving import incoming, uploads
from keras_colorize.serving.arrivals import Piece
from keras_colorize.serving.book import Book, Page
from keras_colorize.serving.outgoing import Desk, gone
from keras_colorize.serving.refusals import Busy, Refused
from keras_colorize.serving.service import Service
from keras_colorize.serving.shelf import Full, Shelf

LONGEST_WAIT = 20  # seconds
LOOK = 0.1  # seconds
COMIC = "application/vnd.comicbook+zip"


def routes(service: Service) -> list[BaseRoute]:
    """All about books, to be mounted at `/api`."""
    library = Library(service)
    book = "/books/{book}"
    page = book + "/pages/{page}"
    return [
        Route("/books", library.place, methods=["POST"]),
        Route(book, library.book),
        Route(book, library.remove, methods=["DELETE"]),
        Route(book + "/files", library.add, methods=["POST"]),
        Route(book + "/book.cbz", library.archive),
        Route(page, library.ask, methods=["POST"]),
        Route(page + "/original", library.original),
        Route(page + "/colored", library.colored),
        Route(page + "/layers", library.layers),
    ]


class Library:
    """Answers for the page; all that needs the model is done in the service's worker."""

    def __init__(self, service: Service):
        self.service = service
        self.shelf = Shelf(self._color, self._fetch)
        self.desk = Desk(self.shelf)
        service.closing.callback(self.shelf.close)

    async def place(self, request: Request) -> Response:
        """A new book, without pages yet."""
        self._check_open()
        try:
            book = self.shelf.place(incoming.settings_of(request))
        except Full:
            raise incoming.full("the book") from None
        return JSONResponse(_described(book), 201)

    async def add(self, request: Request) -> Response:
        """A file into a book, whole or piece by piece: an archive, or the next of its pages.

        A piece that comes again after it was taken is answered as it was then.
        """
        self._check_open()
        book, name = self._found(request), uploads.label(request.query_params.get("name", ""))
        piece = Piece.of(request)
        arrival = book.arrival(name, piece.key(name))
        try:
            async with arrival.turn:
                if not arrival.was_taken(piece):
                    await arrival.receive(request.stream(), piece, name, uploads.largest(name),
                                          self.shelf.room)
                    if not piece.is_last(arrival.received):
                        return JSONResponse({"received": arrival.received}, 202)
                    try:
                        await self.desk.read(book, name, book.take, name, arrival)
                    finally:
                        arrival.clear()
        finally:
            if arrival.key is None or not (arrival.received or arrival.taken):
                book.forget(arrival)
        self.shelf.wake()
        return JSONResponse(_described(book, arrival.before), 201)

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
            if len(hints) > self.shelf.room():
                raise incoming.full(page.name)
            await self.desk.read(book, page.name, uploads.check, hints, page.name)
        place = await self.desk.read(book, page.name, book.keep, page, hints) if hints else None
        book.ask(page, settings, place)
        self.shelf.wake()
        return JSONResponse(page.described(), 202)

    async def original(self, request: Request) -> Response:
        """A page as it came, as PNG where browsers show no such file."""
        book, page = self._page(request)
        await self._fetch(book, page)
        return await self._view(book, page, book.original(page))

    async def colored(self, request: Request) -> Response:
        """A coloured page: its file, that in another `format`, or one to `view` in a browser."""
        book, page = self._page(request, done=True)
        wanted, name = incoming.option(request, "format"), PurePosixPath(page.name)
        if "view" in request.query_params:
            return await self._view(book, page, book.colored(page))
        if wanted is None or wanted.upper() == page.record["format"]:
            return await self.desk.send(book, book.colored(page), _type(page.record["format"]),
                                        name.name)
        named = f"{name.stem}{media.FORMATS[wanted.upper()]}"
        return await self._rendered(book, page, named, _type(wanted.upper()), format=wanted)

    async def layers(self, request: Request) -> Response:
        """A coloured page as OpenRaster, ink and colour apart."""
        book, page = self._page(request, done=True)
        named = f"{PurePosixPath(page.name).stem}.ora"
        return await self._rendered(book, page, named, "image/openraster", layers=True)

    async def archive(self, request: Request) -> Response:
        """The book as CBZ."""
        book = self._found(request)
        if any(page.state in ("waiting", "coloring") for page in book.pages):
            raise Refused(409, f"{book.name}: is not coloured yet; wait for its last page")
        named = f"{PurePosixPath(book.name).stem}.cbz"
        return await self.desk.send_copy(book, named, COMIC, book.write, book.bytes)

    async def _rendered(self, book: Book, page: Page, named: str, kind: str, **changed) -> Response:
        """A page coloured once more with some settings changed, as a file to keep."""
        settings = replace(page.settings, **changed)
        self.service.check_ready()
        work = self.service.worker.run(book.rendered, page, self._models(), settings)
        file, _ = await self.desk.answered(book, page.name, work)
        return await self.desk.send_copy(book, named, kind,
                                         lambda target: target.write_bytes(file), len(file))

    async def _view(self, book: Book, page: Page, place: Path) -> Response:
        """A picture as a browser shows it."""
        kind = await self.desk.read(book, page.name, uploads.type_of, place, page.name)
        if kind:
            return await self.desk.send(book, place, kind)
        named = f"{PurePosixPath(page.name).stem}.png"
        return await self.desk.send_copy(
            book, named, "image/png", lambda target: uploads.write_png(place, target, page.name), 0)

    async def _fetch(self, book: Book, page: Page) -> None:
        """Has a page's own file at hand, out of its archive, and refuses what is no page."""
        if not (self.shelf.room() or book.original(page).exists()):
            raise incoming.full(page.name)
        await self.desk.read(book, page.name, book.fetch, page)

    async def _color(self, book: Book, page: Page) -> dict:
        self._check_open()
        return await self.service.worker.run_long(book.color, page, self._models())

    def _models(self) -> Models:
        return Models(self.service.served.model)

    def _check_open(self) -> None:
        if self.service.draining:
            raise Busy("the server is stopping")

    def _found(self, request: Request) -> Book:
        book = self.shelf.find(request.path_params["book"])
        if book is None:
            raise gone()
        return book

    def _page(self, request: Request, done: bool = False) -> tuple[Book, Page]:
        book, number = self._found(request), incoming.number(request, "page")
        if number >= len(book.pages):
            raise Refused(404, f"{book.name}: has {len(book.pages)} pages")
        page = book.pages[number]
        if done and "format" not in page.record:
            raise Refused(409, f"{page.name}: is not coloured yet; wait for it")
        return book, page


def _described(book: Book, since: int = 0) -> dict:
    return {"id": book.id, "name": book.name, "archive": book.is_archive, "changes": book.changes,
            "count": len(book.pages), "waiting": sum(page.state in ("waiting", "coloring")
                                                     for page in book.pages),
            "pages": [page.described() for page in book.pages if page.changed > since]}


def _type(name: str) -> str:
    return uploads.TYPES.get(name, "image/tiff")
