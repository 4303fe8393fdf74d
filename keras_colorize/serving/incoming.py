"""What a request of the page brings: options, and bodies that are bounded as they arrive."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from starlette.requests import Request

from keras_colorize import routing
from keras_colorize.colorizer import LOCKS, Settings
from keras_colorize.serving.refusals import Busy, Refused

SECONDS = 60  # after which there may be room again
FORMATS = ("png", "jpeg", "webp")
KNOWN = {"lock": LOCKS, "treat_as": routing.KINDS, "format": FORMATS}


def settings_of(request: Request) -> Settings:
    """How pages are to be coloured, by the options `lock` and `treat_as` of the address.

    Raises:
        Refused: 422, an option has a value that is not known.
    """
    chosen = {name: option(request, name) for name in ("lock", "treat_as")}
    return Settings(**{name: value for name, value in chosen.items() if value})


def option(request: Request, name: str) -> str | None:
    """One of the `KNOWN` values of an option; None where it is not given.

    Raises:
        Refused: 422, it is another value.
    """
    value = request.query_params.get(name) or None
    if value is not None and value not in KNOWN[name]:
        raise Refused(422, f"{name}: is {value[:40]!r}; choose {', '.join(KNOWN[name])}")
    return value


def check_origin(request: Request) -> None:
    """Refuses what a page of another site has a browser send in its visitor's name.

    Raises:
        Refused: 403.
    """
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Refused(403, "request: was sent by a page of another site; open this "
                                 "server's own page")


async def body_of(request: Request, name: str, largest: int) -> bytes:
    """The body, held in memory.

    Raises:
        Refused: 413, it is larger than `largest` bytes.
    """
    return b"".join([piece async for piece in _bounded(request, name, largest)])


async def save_body(request: Request, name: str, place: Path, largest: int, room: int) -> None:
    """Writes the body to a file as it arrives.

    Raises:
        Refused: 413, it is larger than `largest` bytes; 503, than the `room` there is (Busy);
            400, it is empty.
    """
    written = 0
    async with await anyio.open_file(place, "wb") as file:
        async for piece in _bounded(request, name, largest):
            written += len(piece)
            if written > room:
                raise full(name)
            await file.write(piece)
    if not written:
        raise Refused(400, f"{name}: is empty; is it a whole file?")


def full(name: str) -> Busy:
    """The answer where the server has no room for a file."""
    return Busy(f"{name}: finds no room on the server at the moment; try again in a few minutes",
                SECONDS)


async def _bounded(request: Request, name: str, largest: int) -> AsyncIterator[bytes]:
    too_large = Refused(413, f"{name}: is larger than {largest >> 20} MiB; split it, or "
                                   "scale it down")
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said) > largest:
        raise too_large
    received = 0
    async for piece in request.stream():
        received += len(piece)
        if received > largest:
            raise too_large
        yield piece
