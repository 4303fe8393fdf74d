"""The server itself: it listens until a signal comes, then finishes what it has accepted."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import time

import uvicorn

from keras_colorize.errors import ColorizeError
from keras_colorize.serving.access import LOCAL, name_of
from keras_colorize.serving.access_log import write_line
from keras_colorize.serving.app import build_app
from keras_colorize.serving.limits import CONNECTIONS, HEADERS_BYTES
from keras_colorize.serving.service import Service

IDLE = 5  # seconds that a connection without a request is kept
LAST = 5  # seconds that the model has to end what it does once all is answered
LOOK = 0.05  # seconds
LONGER = 2  # seconds that a request has to end, beside those of its body and its answer


def serve(service: Service, host: str, port: int, token: str | None,
          public_host: str | None = None) -> None:
    """Serves until SIGTERM or SIGINT, and returns when all that was accepted is answered.

    Args:
        token: what clients must send; None where all may ask.
        public_host: the name under which a proxy offers it.

    Raises:
        ColorizeError: the address cannot be listened on, or a second signal came before the end.
        RunError: the model cannot be loaded.
    """
    listener = _listen(host, port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    notices = [f"{service.path}: loading; the studio will be at {url}/, and programs may then send "
               f"pictures to {url}/colorize"]
    if not is_local(host) and token is None:
        notices.append(f"warning: {host}: whoever reaches this address may use the model; give "
                       "--token-file, or listen on 127.0.0.1")
    limits = service.limits
    app = build_app(service, token, _names(host, public_host), public_host)
    config = uvicorn.Config(
        app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=IDLE,
        limit_concurrency=CONNECTIONS, h11_max_incomplete_event_size=HEADERS_BYTES,
        timeout_graceful_shutdown=round(limits.seconds + limits.body_seconds) + LONGER)
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(_Lines(logging.WARNING))
    logger.propagate = False
    failure = None
    try:
        asyncio.run(_run(service, _Server(config), listener, notices))
    except ColorizeError as error:
        failure = error
    finally:
        service.closing.close()
        has_ended = service.worker.close(LOOK)
    if failure is None:
        write_line(sys.stdout, event="stopped")
    if not has_ended:  # TensorFlow, at work in its thread, would abort the usual end
        if failure is not None:
            print(f"error: {failure}", file=sys.stderr, flush=True)
        os._exit(0 if failure is None else failure.exit_code)
    if failure is not None:
        raise failure


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _names(host: str, public_host: str | None) -> frozenset[str] | None:
    """Lists the names that requests may call the server by; None for any."""
    if public_host is None and not is_local(host):
        return None
    return LOCAL | {host, *([name_of(public_host)] if public_host else ())}


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise ColorizeError(f"{host}, port {port}", f"cannot be listened on ({error})",
                            "name another --port or --host") from error


async def _run(service: Service, server: uvicorn.Server, listener: socket.socket,
               notices: list[str]) -> None:
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
    print(*notices, sep="\n", file=sys.stderr, flush=True)  # only now may it be told to stop
    loading = asyncio.create_task(load())
    await server.serve(sockets=[listener])
    end = time.monotonic() + LAST
    while not (service.worker.close(0) or server.force_exit or time.monotonic() > end):
        await asyncio.sleep(LOOK)  # for a page, say, that nobody waits for any longer
    if server.force_exit:
        raise ColorizeError("serve", "stopped by a second signal before all was answered",
                            "send one signal alone to finish first")
    await loading


class _Server(uvicorn.Server):
    """Leaves signals to `_run`: uvicorn would die of them, instead of exiting with 0."""

    capture_signals = contextlib.nullcontext


class _Lines(logging.Handler):
    """Writes uvicorn's warnings as lines of JSON."""

    def emit(self, record: logging.LogRecord) -> None:
        write_line(sys.stdout, event="warning", message=self.format(record))
