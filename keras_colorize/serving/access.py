"""Who may ask: requests from other sites' pages, and those without the token, are refused."""

import hmac
import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keras_colorize.errors import one_line

LONGEST_NAME = 100  # characters of a host in an error

LOCAL = frozenset(("localhost", "127.0.0.1", "::1"))
"""The names of this machine; a page of another site whose own name leads here uses none of them."""

PROBES = frozenset(("/healthz", "/readyz"))

NOTHING_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
"""What every policy forbids; its default does not reach all of it."""

HEADERS = {"X-Content-Type-Options": "nosniff",
           "Content-Security-Policy": f"default-src 'none'; {NOTHING_ELSE}",
           "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
           "Cross-Origin-Resource-Policy": "same-origin"}


class SafeHeaders:
    """Middleware that adds `HEADERS` to every response that does not set them itself."""

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
    """Middleware that refuses what pages of other sites ask for, and what comes without the token.

    Args:
        token: what `Authorization: Bearer` must give; None where all may ask.
        names: of this server; `Host` must be one of them, or anything where it is None.
        public_host: the name, and the port if it is not the scheme's own, under which a proxy
            offers the server; pages from there are the server's own.
        public: paths that need no token.
    """

    def __init__(self, app: ASGIApp, token: str | None = None,
                 names: Collection[str] | None = None, public_host: str | None = None,
                 public: Collection[str] = PROBES):
        self.app, self.public = app, frozenset(public)
        self.expected = f"Bearer {token}".encode() if token else None
        self.names, self.public_host = names, public_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(scope) if scope["type"] == "http" else None
        await (refused or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if not (self.names is None or scope["path"] in PROBES or name_of(host) in self.names):
            return JSONResponse({"error": f"Host: {one_line(host[:LONGEST_NAME])!r} is no name of "
                                          "this server; ask for it by the address that it printed, "
                                          "or give it --public-host"}, 400)
        own = (host, self.public_host)
        if origin is not None and origin.lower().partition("://")[2] not in own:
            return JSONResponse({"error": "requests of other sites are refused"}, 403)
        given = headers.get("authorization", "").encode("latin-1")
        if self.expected is None or scope["path"] in self.public \
                or hmac.compare_digest(given, self.expected):
            return None
        return JSONResponse({"error": "the token is missing or wrong; send Authorization: Bearer "
                                      "TOKEN"}, 401, {"WWW-Authenticate": "Bearer"})


def name_of(host: str) -> str:
    """Takes the port and the brackets of an IPv6 address from a host."""
    return re.sub(r":\d*$", "", host).strip("[]") if host.count(":") < 2 or "]" in host else host
