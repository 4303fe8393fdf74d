"""The page of the server: its files, and the way to what it asks for."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from keras_colorize.serving.access import NOTHING_ELSE
from keras_colorize.serving.refusals import Busy
from keras_colorize.serving.service import Service

STATIC = Path(__file__).with_name("static")
PUBLIC = frozenset(("/", *(f"/static/{path.name}" for path in STATIC.iterdir())))
"""Paths that are for all: the page, which asks for the token, and what it is made of."""

POLICY = f"default-src 'self'; img-src 'self' blob: data:; {NOTHING_ELSE}"


def routes(service: Service) -> list[BaseRoute]:
    """The page at `/`, its files below `/static`, and its interface below `/api`."""
    async def index(request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={
            "Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    async def about(request: Request) -> Response:
        return JSONResponse({"model": service.name, "state": service.state})

    return [Route("/", index), Mount("/static", _Static(directory=STATIC)),
            Route("/api/studio", about), Mount("/api", _Books(service))]


class _Static(StaticFiles):
    """Files that a browser asks about before it uses them again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


class _Books:
    """The routes of books, which need TensorFlow, from when the model is loaded."""

    def __init__(self, service: Service):
        self.service = service
        self._router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._router is None:
            if self.service.served is None:
                raise Busy("the model is being loaded", 2)
            from keras_colorize.serving import book_routes

            self._router = Router(book_routes.routes(self.service))
        await self._router(scope, receive, send)
