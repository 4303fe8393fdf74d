"""Who may ask: requests of other sites' pages and without the token are refused."""

import hmac
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1")
"""The names of this machine; a page of another site that has its own name lead here uses none."""

PROBES = frozenset(("/healthz", "/readyz"))

HEADERS = {"X-Content-Type-Options": "nosniff",
           "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
           "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
           "Cross-Origin-Resource-Policy": "same-origin"}


class SafeHeaders:
    """Middleware: adds `HEADERS` to every response that does not set them itself."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class Access:
    """Middleware: refuses what a page of another site asks for, and what lacks the token.

    Args:
        token: what `Authorization: Bearer` must give; None where all may ask.
        public: paths that need no token.
    """

    def __init__(self, app: ASGIApp, token: str | None = None,
                 public: Collection[str] = PROBES):
        self.app, self.public = app, frozenset(public)
        self.expected = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(scope) if scope["type"] == "http" else None
        await (refused or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host"):
            return JSONResponse({"error": "requests of other sites are refused"}, 403)
        if self.expected is None or scope["path"] in self.public:
            return None
        given = headers.get("authorization", "").encode("latin-1")
        if hmac.compare_digest(given, self.expected):
            return None
        return JSONResponse({"error": "the token is missing or wrong; send Authorization: Bearer "
                                      "TOKEN"}, 401, {"WWW-Authenticate": "Bearer"})
