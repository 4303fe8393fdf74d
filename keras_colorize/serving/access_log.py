"""The log: a line of JSON for every request, and for what happens to the server."""

import datetime
import json
import re
import sys
import time
import traceback
from contextlib import suppress
from contextvars import ContextVar
from typing import TextIO

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_PATH = 200  # characters
HUNG_UP = 499  # the status of a request whose client did not wait for the answer

_BOOK = re.compile(r"(books[^/]*/[\w-]{6})[\w-]{37}")
"""A book's id, with which anybody may see the book: the log keeps its beginning alone."""

_record: ContextVar[dict | None] = ContextVar("record", default=None)


def note(name: str, value: float) -> None:
    """Adds seconds to a field of the line of the current request, if there is one."""
    record = _record.get()
    if record is not None:
        record[name] = record.get(name, 0) + value


def mark(**fields: object) -> None:
    """Sets fields of the line of the current request, if there is one."""
    record = _record.get()
    if record is not None:
        record.update(fields)


def write_line(stream: TextIO, **fields: object) -> None:
    """Writes a line of JSON: the time in UTC, then the fields; the ids of books lose their end."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    rounded = {name: round(value, 4) if isinstance(value, float) else value
               for name, value in fields.items()}  # seconds, to a tenth of a millisecond
    with suppress(OSError, ValueError):  # nobody reads any more: no reason to stop serving
        line = json.dumps({"time": now, **rounded})
        stream.write(_BOOK.sub(r"\1...", line) + "\n")
        stream.flush()


class AccessLog:
    """Middleware, outermost: writes a line for each request; answers 500 where all else failed.

    Fields: `method`, `path` (no query), `status` (499 where the client hung up before its answer),
    `seconds`, `bytes_in`, `bytes_out`, `queue_seconds` (0 where nothing was queued), of a 500
    `error`, the traceback, and what was marked.
    """

    def __init__(self, app: ASGIApp, stream: TextIO | None = None):
        self.app, self.stream = app, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.monotonic()
        record = {"method": scope["method"], "path": scope["path"][:LONGEST_PATH],
                  "status": HUNG_UP, "seconds": 0.0, "bytes_in": 0, "bytes_out": 0,
                  "queue_seconds": 0.0}
        _record.set(record)

        async def counted() -> Message:
            message = await receive()
            record["bytes_in"] += len(message.get("body", b""))
            return message

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                record["status"] = message["status"]
            record["bytes_out"] += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except ClientDisconnect:
            record["status"] = HUNG_UP
        except Exception as error:
            record["error"] = "".join(traceback.format_exception(error))
            if record["status"] != HUNG_UP:  # its answer has begun: it can only break off
                raise
            answer = JSONResponse({"error": "an error of the server; its log says more"}, 500)
            await answer(scope, receive, watched)
        finally:
            record["seconds"] = time.monotonic() - begun
            write_line(self.stream or sys.stdout, **record)
