"""The page of the server, and what it asks for: books in, coloured pages and books out."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import quote

import anyio
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from keras_colorize import media
from keras_colorize.errors import ColorizeError
from keras_colorize.serving import books, incoming
from keras_colorize.serving.books import Book, Page
from keras_colorize.serving.refusals import Refused
from keras_colorize.serving.shelf import MOST_PAGES, Full, Shelf

STATIC = Path(__file__).with_name("static")
LARGEST_BOOK = 512 * 2**20  # bytes
LARGEST_PICTURE = 128 * 2**20
LARGEST_HINTS = 32 * 2**20
READERS = 4  # threads that read and write files


def routes(service) -> list[BaseRoute]:
    """The page at `/`, its files below `/static`, and its interface below `/api`.

    Args:
        service: `models` that colour, and a `worker` whose `run(function, *args)` is awaited and
            raises Busy where too much waits already.
    """
    studio = Studio(service)
    book = "/api/books/{book}"
    page = book + "/pages/{page:int}"
    return [
        Route("/", studio.index),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/api/studio", studio.about),
        Route("/api/books", studio.place, methods=["POST"]),
        Route(book, studio.book),
        Route(book, studio.remove, methods=["DELETE"]),
        Route(book + "/pages", studio.add, methods=["POST"]),
        Route(book + "/book.cbz", studio.archive),
        Route(page, studio.ask, methods=["POST"]),
        Route(page + "/original", studio.original),
        Route(page + "/colored", studio.colored),
        Route(page + "/layers", studio.layers),
    ]


class Studio:
    """Answers for the page; all that computes is done in the worker."""

    def __init__(self, service):
        self.service = service
        self.shelf = Shelf(lambda book, page: service.worker.run(book.color, page,
                                                                   service.models))
        self._readers = anyio.CapacityLimiter(READERS)

    async def index(self, request: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html")

    async def about(self, request: Request) -> Response:
        """What the server colours by, and what it takes."""
        models = self.service.models
        return JSONResponse({
            "model": Path(models.pages.name).name,
            "edge_model": models.line_art and Path(models.line_art.name).name,
            "largest_book": LARGEST_BOOK, "largest_picture": LARGEST_PICTURE})

    async def place(self, request: Request) -> Response:
        """A new book: of the archive that is the body, or, without a name, of loose pages."""
        incoming.check_origin(request)
        given, settings = request.query_params.get("name", ""), incoming.settings_of(request)
        name = books.label(given) if given else "pages"
        if given and PurePosixPath(name).suffix.lower() not in books.ARCHIVES:
            raise Refused(415, f"{name}: is neither a picture nor a CBZ or PDF; export it "
                                     "as one of them")
        try:
            book = self.shelf.place(name, settings)
        except Full:
            raise incoming.full(name) from None
        if book.is_archive:
            try:
                await incoming.save_body(request, name, book.upload, LARGEST_BOOK,
                                         self.shelf.room())
                await self._read(name, book.open)
            except BaseException:
                self.shelf.remove(book)
                raise
            self.shelf.wake()
        return JSONResponse(_described(book), 201)

    async def add(self, request: Request) -> Response:
        """A picture, the body, as the next of a book's loose pages."""
        incoming.check_origin(request)
        book = self._found(request)
        name = books.label(request.query_params.get("name", ""))
        if book.is_archive or len(book.pages) >= MOST_PAGES:
            raise Refused(409, f"{name}: finds no place in {book.name}; begin another book")
        with TemporaryDirectory(dir=book.folder) as folder:
            place = Path(folder) / "picture"
            await incoming.save_body(request, name, place, LARGEST_PICTURE, self.shelf.room())
            place.rename(book.upload)
        page = book.add(name)
        self.shelf.wake()
        return JSONResponse(page.described(), 201)

    async def book(self, request: Request) -> Response:
        """How far a book is; of its pages those that changed after the count `since`."""
        since = request.query_params.get("since", "0")
        return JSONResponse(_described(self._found(request), int(since) if since.isdecimal()
                                       else 0))

    async def remove(self, request: Request) -> Response:
        """Takes a book away at once."""
        incoming.check_origin(request)
        self.shelf.remove(self._found(request))
        return Response(status_code=204)

    async def ask(self, request: Request) -> Response:
        """Has a page coloured anew, with the strokes that are the body, a transparent PNG."""
        incoming.check_origin(request)
        book, page = self._page(request)
        hints = await incoming.body_of(request, page.name, LARGEST_HINTS)
        if hints:
            await self._read(page.name, books.check_strokes, hints, page.name)
        book.ask(page, incoming.settings_of(request), hints or None)
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
        work = self.service.worker.run(book.rendered, page, self.service.models, settings)
        return (await _answered(page.name, work))[0]

    async def _read(self, name: str, function: Callable, *args):
        """Runs what reads or writes files and needs no model, beside the worker."""
        call = anyio.to_thread.run_sync(function, *args, limiter=self._readers)
        return await _answered(name, call)

    async def _view(self, page: Page, read: Callable[..., bytes], *args) -> Response:
        """A picture as a browser shows it."""
        file, kind = await self._read(page.name, lambda: books.viewable(read(*args), page.name))
        return Response(file, media_type=kind, headers={"Cache-Control": "no-store"})

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
        raise Refused(422, books.told(error, name)) from error


def _described(book: Book, since: int = 0) -> dict:
    return {"id": book.id, "name": book.name, "archive": book.is_archive, "changes": book.changes,
            "count": len(book.pages), "waiting": sum(page.state in ("waiting", "coloring")
                                                     for page in book.pages),
            "pages": [page.described() for page in book.pages if page.changed > since]}


def _download(file: bytes, name: str, kind: str) -> Response:
    return Response(file, media_type=kind, headers={
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"})


def _type(name: str) -> str:
    return books.TYPES.get(name, "image/tiff")
