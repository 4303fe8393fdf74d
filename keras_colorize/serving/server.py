"""Listening: sockets, signals, slow connections, and an end that finishes what it has taken."""

import asyncio
import contextlib
import ipaddress
import logging
import signal
import socket
import sys

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from keras_colorize.errors import ColorizeError
from keras_colorize.serving.access_log import write_line
from keras_colorize.serving.app import build_app
from keras_colorize.serving.service import Service

IDLE = 5  # seconds that a connection without a request is kept
LONGER = 2  # seconds more than its body has, before a request's connection is cut


def serve(service: Service, host: str, port: int, token: str | None) -> None:
    """Serves until SIGTERM or SIGINT, and returns when all that was taken is answered.

    Raises:
        OSError: that address cannot be listened on.
        RunError: the model cannot be loaded.
        ColorizeError: a second signal came first.
    """
    listener = _listen(host, port)
    url = _url(host, listener.getsockname()[1])
    print(f"{service.path}: loading; will serve at {url}/v1/models/{service.name}:predict",
          file=sys.stderr, flush=True)
    if not is_local(host) and token is None:
        print(f"warning: {host}: whoever reaches this address may use the model; give "
              "--token-file, or listen on 127.0.0.1", file=sys.stderr, flush=True)
    limits = service.limits
    app = build_app(service, token, is_local(host))
    config = uvicorn.Config(
        app, http=_impatient(limits.body_seconds + LONGER), ws="none", lifespan="off",
        loop="asyncio", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, limit_concurrency=limits.connections, timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=round(limits.seconds + limits.body_seconds) + LONGER)
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(_Lines(logging.WARNING))
    logger.propagate = False
    try:
        asyncio.run(_run(service, _Server(config), listener))
    finally:
        service.worker.close()
    write_line(sys.stdout, event="stopped")


def is_local(host: str) -> bool:
    """Whether an address is of this machine alone."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise ColorizeError(f"{host}, port {port}", f"cannot be listened on ({error})",
                            "name another --port or --host") from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _run(service: Service, server: uvicorn.Server, listener: socket.socket) -> None:
    def stop(number: signal.Signals) -> None:
        write_line(sys.stdout, event="stopping", signal=number.name)
        server.force_exit = service.draining
        service.draining = server.should_exit = True

    async def load() -> None:
        try:
            await asyncio.to_thread(service.load)
            write_line(sys.stdout, event="ready", model=service.name)
        except BaseException:
            server.should_exit = True
            raise

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    loading = asyncio.create_task(load())
    await server.serve(sockets=[listener])
    if server.force_exit:
        raise ColorizeError("serve", "stopped by a second signal before all was answered",
                            "send one signal alone to finish first")
    await loading


class _Server(uvicorn.Server):
    """Leaves signals to `_run`: uvicorn would end by them, not with exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


class _Lines(logging.Handler):
    """uvicorn's warnings as lines of JSON."""

    def emit(self, record: logging.LogRecord) -> None:
        write_line(sys.stdout, event="warning", message=self.format(record))


def _impatient(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol, which waits without end for the rest of a request, with an end."""
    class Impatient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc) -> None:
            self._stop()
            super().connection_lost(exc)

        def _watch(self) -> None:
            if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
                self._stop()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self.transport.abort)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Impatient
