"""What a request of the page brings: options, and files in pieces that are bounded as they come."""

from dataclasses import dataclass
from pathlib import Path

import anyio
from starlette.requests import Request

from keras_colorize import routing
from keras_colorize.colorizer import LOCKS, Settings
from keras_colorize.serving.refusals import Busy, Refused

FORMATS = ("png", "jpeg", "webp")
KNOWN = {"lock": LOCKS, "treat_as": routing.KINDS, "format": FORMATS}
SECONDS = 60  # after which there may be room again


@dataclass(frozen=True)
class Piece:
    """Which part of a file a body is."""

    offset: int
    size: int | None
    """Of the whole file; None where the body is all of it."""

    @classmethod
    def of(cls, request: Request) -> "Piece":
        """The `offset` and `size` of the address: 0 and the body's where there are none."""
        return cls(number(request, "offset") or 0, number(request, "size"))

    def is_last(self, received: int) -> bool:
        """Whether the file is whole with so many bytes."""
        return self.size is None or received >= self.size


def settings_of(request: Request) -> Settings:
    """How pages are to be coloured, by the options `lock` and `treat_as` of the address.

    Raises:
        Refused: 400: an option has a value that is not known.
    """
    chosen = {name: option(request, name) for name in ("lock", "treat_as")}
    return Settings(**{name: value for name, value in chosen.items() if value})


def option(request: Request, name: str) -> str | None:
    """One of the `KNOWN` values of an option; None where it is not given.

    Raises:
        Refused: 400: it is another value.
    """
    value = request.query_params.get(name) or None
    if value is not None and value not in KNOWN[name]:
        raise Refused(400, f"{name}: is {value[:40]!r}; choose {', '.join(KNOWN[name])}")
    return value


def number(request: Request, name: str) -> int | None:
    """A count in the address; None where it is not given.

    Raises:
        Refused: 400: it is no number.
    """
    value = request.query_params.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise Refused(400, f"{name}: is {value[:40]!r}; give a whole number")
    return int(value)


async def save(request: Request, name: str, place: Path, largest: int, room: int) -> int:
    """Writes the body into a file at its offset, and returns how much of the file is there.

    What was written from that offset on before is written anew, so that a piece may be sent twice.

    Raises:
        Refused: 413: the file is larger than `largest` bytes. 409: what comes before the piece is
            not there.
        Busy: there is no `room` for it.
    """
    piece = Piece.of(request)
    there = place.stat().st_size if piece.offset and place.exists() else 0
    if piece.offset > there:
        raise Refused(409, f"{name}: came in part, of which {there:,} bytes are here; send it "
                           "again")
    async with await anyio.open_file(place, "r+b" if piece.offset else "wb") as file:
        await file.seek(piece.offset)
        await file.truncate()
        received = piece.offset
        async for part in request.stream():
            received += len(part)
            if max(received, piece.size or 0) > largest:
                raise Refused(413, f"{name}: is larger than {largest >> 20} MiB; split it, or "
                                   "scale it down")
            if received > room:
                raise full(name)
            await file.write(part)
    return received


def full(name: str) -> Busy:
    """The answer where the server has no room for a file."""
    return Busy(f"{name}: finds no room on the server at the moment; try again in a few minutes",
                SECONDS)
