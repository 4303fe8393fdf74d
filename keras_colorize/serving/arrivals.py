"""Files on their way into a book: each in a place of its own, in pieces that may come twice."""

import asyncio
import filecmp
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import anyio
from starlette.requests import Request

from keras_colorize.serving import incoming
from keras_colorize.serving.refusals import Refused


@dataclass(frozen=True)
class Piece:
    """Which part of a file a body is."""

    offset: int
    size: int | None
    """Of the whole file; None where the body is all of it."""
    upload: str
    """What tells this upload from another of the same name and size."""

    @classmethod
    def of(cls, request: Request) -> "Piece":
        """The `offset`, `size` and `upload` of the address."""
        return cls(incoming.number(request, "offset") or 0, incoming.number(request, "size"),
                   request.query_params.get("upload", "")[:incoming.LONGEST_KEY])

    def key(self, name: str) -> tuple | None:
        """What the pieces of one file share; None where the body is all of it."""
        return None if self.size is None else (self.upload, name, self.size)

    def is_last(self, received: int) -> bool:
        """Whether the file is whole with so many bytes."""
        return self.size is None or received >= self.size


class Arriving(Protocol):
    """What counts the bytes of all files on their way."""

    arriving: int


@dataclass(eq=False)
class Arrival:
    """A file on its way, and once it is taken, what was made of it."""

    owner: Arriving
    place: Path
    """Where it is written."""
    key: tuple | None
    received: int = 0
    """Bytes that are there of it."""
    taken: Path | None = None
    """Where its file lies since it became part of the book."""
    before: int = 0
    """The book's count of changes when it did."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one request of several that writes."""

    def was_taken(self, piece: Piece) -> bool:
        """Whether a piece is the last of a file that is whole already, come again."""
        return self.taken is not None and piece.offset > 0 and not self.received

    def is_repeated(self) -> bool:
        """Whether it is the very file that was taken before, come again."""
        return self.taken is not None and self.taken.exists() \
            and filecmp.cmp(self.place, self.taken, shallow=False)

    def clear(self) -> None:
        """Takes away what came of it."""
        self.place.unlink(missing_ok=True)
        self._count(0)

    async def receive(self, parts: AsyncIterable[bytes], piece: Piece, name: str, largest: int,
                      room: Callable[[], int]) -> None:
        """Writes a piece at its offset.

        What was written from that offset on before is written anew, so that a piece may be sent
        twice.

        Raises:
            Refused: 413: the file is larger than `largest` bytes. 409: what comes before the piece
                is not there.
            Busy: there is no `room()` for it.
        """
        if piece.offset > self.received:
            raise Refused(409, f"{name}: came in part, of which {self.received:,} bytes are here; "
                               "send it again")
        async with await anyio.open_file(self.place, "r+b" if piece.offset else "wb") as file:
            await file.seek(piece.offset)
            await file.truncate()
            self._count(piece.offset)
            async for part in parts:
                if max(self.received + len(part), piece.size or 0) > largest:
                    self.clear()
                    raise Refused(413, f"{name}: is larger than {largest >> 20} MiB; split it, or "
                                       "scale it down")
                if len(part) > room():
                    raise incoming.full(name)
                self._count(self.received + len(part))
                await file.write(part)

    def _count(self, received: int) -> None:
        self.owner.arriving += received - self.received
        self.received = received
