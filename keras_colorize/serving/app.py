"""The application of a server: its guards, its probes, and the files of the studio."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from keras_colorize import media
from keras_colorize.serving import colorize_route
from keras_colorize.serving.access import LOCAL, NOTHING_ELSE, PROBES, Access, SafeHeaders
from keras_colorize.serving.access_log import AccessLog
from keras_colorize.serving.limits import BodyLimits, Busy, Refused, answer_refused
from keras_colorize.serving.service import Service

STATIC = Path(__file__).with_name("static")
PUBLIC = PROBES | {"/", *(f"/static/{path.name}" for path in STATIC.iterdir())}
"""Paths that need no token: the probes, and the studio, which asks for the token itself."""

POLICY = f"default-src 'self'; img-src 'self' blob: data:; {NOTHING_ELSE}"


def build_app(service: Service, token: str | None = None, names: Collection[str] | None = LOCAL,
              public_host: str | None = None, log: TextIO | None = None) -> Starlette:
    """Builds the ASGI application of a service.

    Args:
        token: what clients must send; None where all may ask.
        names, public_host: by which clients may call it, as `Access` takes them.
        log: where the lines of requests go; None for the standard output.
    """
    async def index(request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={
            "Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    async def about(request: Request) -> Response:
        known = {"model": service.name, "state": service.state}
        if service.models is not None:
            from keras_colorize.serving import series_route

            known |= series_route.described(service)
        return JSONResponse(known)

    async def sample(request: Request) -> Response:
        return Response(await run_in_threadpool(_draw_sample), media_type="image/png")

    async def alive(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> Response:
        return JSONResponse({"state": service.state}, 200 if service.state == "AVAILABLE" else 503)

    return Starlette(
        routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/", index),
                Mount("/static", _Static(directory=STATIC)), Route("/api/studio", about),
                Route("/api/sample.png", sample), Mount("/api", _LateStudio(service)),
                colorize_route.route(service)],
        middleware=[Middleware(AccessLog, stream=log), Middleware(SafeHeaders),
                    Middleware(BodyLimits, limits=service.limits),
                    Middleware(Access, token=token, names=names, public_host=public_host,
                               public=PUBLIC)],
        exception_handlers={Refused: answer_refused, HTTPException: _answer_http})


def _answer_http(request: Request, error: HTTPException) -> JSONResponse:
    refused = Refused(error.status_code, f"{error.detail}: {request.method} {request.url.path}",
                      dict(error.headers or {}))
    return answer_refused(request, refused)


class _Static(StaticFiles):
    """Files that a browser asks about before it uses them again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


@lru_cache(maxsize=1)
def _draw_sample() -> bytes:
    """Draws the PNG of a manga page for visitors who have none at hand."""
    from keras_colorize.cartoon import manga  # it takes a while

    return media.encode_picture(manga.draw(1).printed)


class _LateStudio:
    """The routes of books, which need TensorFlow, from the moment that the model is loaded."""

    def __init__(self, service: Service):
        self.service = service
        self._router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._router is None:
            if self.service.models is None:
                raise Busy("the model is being loaded", 5)
            from keras_colorize.serving import studio

            self._router = Router(studio.routes(self.service))
        await self._router(scope, receive, send)
