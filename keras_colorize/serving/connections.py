"""Connections of clients that are slow, never come to an end, or are too many."""

import asyncio

import h11
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(reading: float, writing: float, most: int, crowded: ASGIApp) -> type[H11Protocol]:
    """uvicorn's protocol, which waits for a client without end, with an end.

    Args:
        reading: seconds in which a request must arrive, from its first byte.
        writing: seconds in which a client must take an answer that does not fit into its buffers.
        most: connections open at once; `crowded` answers on those beyond, as JSON, where uvicorn's
            own limit would answer with bare text.
    """
    class Impatient(H11Protocol):
        _reading: asyncio.TimerHandle | None = None
        _writing: asyncio.TimerHandle | None = None

        def connection_made(self, transport) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                self.app = crowded
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def _watch(self) -> None:
            begun = self.cycle is None or self.conn.trailing_data[0]
            state = self.conn.their_state
            if state is not h11.SEND_BODY and not (state is h11.IDLE and begun):
                self._reading = _stopped(self._reading)
            elif self._reading is None:
                self._reading = self.loop.call_later(reading, self.transport.abort)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._writing = self.loop.call_later(writing, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._writing = _stopped(self._writing)

        def connection_lost(self, exc) -> None:
            _stopped(self._reading)
            _stopped(self._writing)
            super().connection_lost(exc)

    return Impatient


def _stopped(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
