"""Bodies of requests: how large, how slow, and how many at once."""

import asyncio

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keras_colorize.serving.limits import Limits
from keras_colorize.serving.refusals import Busy, Refused


class BodyLimits:
    """Middleware: raises what `answer_refused` answers, from within whoever reads the body."""

    def __init__(self, app: ASGIApp, limits: Limits):
        self.app, self.limits = app, limits
        self.held = 0
        """Bytes of the bodies of all requests under way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        body = _Body(self, receive)
        try:
            if declared.isascii() and declared.isdecimal() and len(declared) < 19:
                self._check(int(declared), int(declared))
            await self.app(scope, body.receive, send)
        except Refused as refused:
            await answer_refused(Request(scope), refused)(scope, receive, send)
        finally:
            self.held -= body.size

    def _check(self, size: int, more: int) -> None:
        if size > self.limits.body_bytes:
            raise Refused(413, f"the body is larger than {self.limits.body_bytes:,} bytes")
        if self.held + more > self.limits.bodies_bytes:
            raise Busy("too many large requests at once", 2)


class _Body:
    """The body of one request while it arrives."""

    def __init__(self, limiter: BodyLimits, receive: Receive):
        self.limiter, self._receive = limiter, receive
        self.size = 0
        self._deadline = asyncio.get_running_loop().time() + limiter.limits.body_seconds
        self._whole = False

    async def receive(self) -> Message:
        """The next message; once the body is whole, there is no hurry."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, "the body did not arrive within "
                               f"{self.limiter.limits.body_seconds:g} seconds",
                          {"Connection": "close"}) from None
        more = len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        self.limiter._check(self.size + more, more)
        self.size += more
        self.limiter.held += more
        return message


def answer_refused(request: Request, refused: Refused) -> JSONResponse:
    """A refusal as TensorFlow Serving puts it."""
    return JSONResponse({"error": refused.message}, refused.status, refused.headers)
