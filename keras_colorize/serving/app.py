"""The routes of a server and what stands before them."""

from collections.abc import Collection
from typing import TextIO

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from keras_colorize.serving import predict, studio
from keras_colorize.serving.access import LOCAL, PROBES, Access, SafeHeaders
from keras_colorize.serving.access_log import AccessLog
from keras_colorize.serving.body_limits import BodyLimits, answer_refused
from keras_colorize.serving.refusals import Busy, Refused
from keras_colorize.serving.service import Service


def build_app(service: Service, token: str | None = None, names: Collection[str] | None = LOCAL,
              public_host: str | None = None, log: TextIO | None = None) -> Starlette:
    """The ASGI application of a service.

    Args:
        token: what clients must show; None where all may ask.
        names, public_host: by which it is asked for, as `Access` takes them.
        log: where the lines of requests go; None for the standard output.
    """
    middleware = [Middleware(AccessLog, stream=log), Middleware(SafeHeaders),
                  Middleware(Access, token=token, names=names, public_host=public_host,
                             public=PROBES | studio.PUBLIC),
                  Middleware(BodyLimits, limits=service.limits)]
    routes = [*_probes(service), *predict.routes(service), *studio.routes(service)]
    return Starlette(routes=routes, middleware=middleware,
                     exception_handlers={Refused: answer_refused, HTTPException: _answer_http})


def crowded(log: TextIO | None = None) -> ASGIApp:
    """What answers instead where there are more connections than there may be."""
    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        refused = Busy("as many connections as may are open already", 2)
        refused.headers["Connection"] = "close"
        await answer_refused(Request(scope), refused)(scope, receive, send)

    return AccessLog(SafeHeaders(busy), log)


def _probes(service: Service) -> list[BaseRoute]:
    async def alive(request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> JSONResponse:
        return JSONResponse({"state": service.state}, 200 if service.state == "AVAILABLE" else 503)

    return [Route("/healthz", alive), Route("/readyz", ready)]


def _answer_http(request: Request, error: HTTPException) -> JSONResponse:
    refused = Refused(error.status_code, f"{error.detail}: {request.method} {request.url.path}",
                      dict(error.headers or {}))
    return answer_refused(request, refused)
