"""How much a server takes, for how long it waits, and what it answers beyond that."""

import asyncio
import math
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keras_colorize.errors import one_line

CONNECTIONS = 512  # that may be open at a time; uvicorn answers 503 to those beyond
HEADERS_BYTES = 64 * 2**10  # of a request; uvicorn answers 400 to more
LONGEST = 300  # characters of a message


@dataclass(frozen=True)
class Limits:
    """The limits that a user may set."""

    waiting: int = 16
    """Requests that may wait while one runs; the next is answered 503."""
    seconds: float = 60.0
    """How long a request may wait and run; then it is answered 504."""
    body_bytes: int = 32 * 2**20
    """Bytes of a request's body; more are answered 413."""
    body_seconds: float = 20.0
    """How long a request's body may take to arrive; then it is answered 408."""
    pixels: int = 40_000_000
    """Pixels of a picture, known before it is decoded; more are answered 413."""

    @property
    def bodies_bytes(self) -> int:
        """Bytes of all bodies that are held at once; beyond them the answer is 503."""
        return 8 * self.body_bytes


class Refused(Exception):
    """A request that is answered by a status and one line, which names no file of the server."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None):
        short = message if len(message) <= LONGEST else message[:LONGEST - 3] + "..."
        self.status, self.message, self.headers = status, one_line(short), headers or {}
        super().__init__(self.message)


class Busy(Refused):
    """Nothing is free for a request now (503); `Retry-After` tells it to wait for `seconds`."""

    def __init__(self, message: str, seconds: float = 1.0):
        super().__init__(503, message, {"Retry-After": str(max(1, math.ceil(seconds)))})


def answer_refused(request: Request, refused: Refused) -> JSONResponse:
    """Answers a refusal: its status, and `{"error": "one line"}`."""
    return JSONResponse({"error": refused.message}, refused.status, refused.headers)


class BodyLimits:
    """Middleware that refuses bodies which are too large, too slow, or too many at once.

    An answer that comes before the body is whole ends the connection: uvicorn would read on.
    """

    def __init__(self, app: ASGIApp, limits: Limits):
        self.app, self.limits = app, limits
        self.held = 0
        """Bytes of the bodies of all requests under way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self.limits.body_seconds
        declared = Headers(scope=scope).get("content-length", "0")
        size, is_whole = 0, declared == "0" and "transfer-encoding" not in Headers(scope=scope)

        async def limited() -> Message:
            nonlocal size, is_whole
            if is_whole:  # whoever waits now waits for the client to hang up
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Refused(408, "the body did not arrive within "
                                   f"{self.limits.body_seconds:g} seconds") from None
            more = len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            self._check(size + more, more)
            size, self.held = size + more, self.held + more
            return message

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and not is_whole:
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            if declared.isascii() and declared.isdecimal() and len(declared) < 19:
                self._check(int(declared), int(declared))
            await self.app(scope, limited, closing)
        except Refused as refused:
            await answer_refused(Request(scope), refused)(scope, receive, closing)
        finally:
            self.held -= size

    def _check(self, size: int, more: int) -> None:
        if size > self.limits.body_bytes:
            raise Refused(413, f"the body is larger than {self.limits.body_bytes:,} bytes")
        if self.held + more > self.limits.bodies_bytes:
            raise Busy("too many large requests at once", 2)
