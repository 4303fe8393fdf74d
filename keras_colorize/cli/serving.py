"""The command `serve`: its flags, and what it asks of them before it listens."""

import argparse
import importlib.util
import os
from pathlib import Path

from keras_colorize.errors import ColorizeError, RunError, UsageError

TOKEN = "KERAS_COLORIZE_TOKEN"
NEEDED = {"starlette": "starlette", "uvicorn": "uvicorn", "python_multipart": "python-multipart"}


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to 65535")
    return int(text)


def _public_host(text: str) -> str:
    if not text or set(text) & set("/ @"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name, such as colors.example.org")
    return text.lower()


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def declare(command: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    add = command.add_argument
    add("model", metavar="MODEL", type=Path, help="a SavedModel, or a run directory")
    add("--name", help="under which clients know the model (its directory's name)")
    add("--host", default="127.0.0.1", help="the address to listen on (%(default)s); 0.0.0.0 for "
                                            "all of this machine")
    add("--port", type=_port, default=8501, help="(%(default)s); 0 for any that is free")
    add("--public-host", type=_public_host, metavar="NAME[:PORT]",
        help="the name under which a proxy offers it")
    add("--token-file", type=Path, metavar="FILE",
        help=f"holds a token that clients must send; or put it into the variable {TOKEN}")
    add("--queue", type=_count, default=16, metavar="N",
        help="requests that may wait (%(default)s); the next is answered 503")
    add("--timeout", type=_seconds, default=60.0, metavar="SECONDS",
        help="how long a request may wait and run (%(default)g)")
    add("--body-timeout", type=_seconds, default=20.0, metavar="SECONDS",
        help="how long a request's body may take to arrive (%(default)g)")
    add("--max-bytes", type=_count, default=32 * 2 ** 20, metavar="N",
        help="of a request's body (%(default)s)")
    add("--max-pixels", type=_count, default=5_000_000, metavar="N",
        help="of a request's pictures, known before they are decoded (%(default)s)")


def run(options: argparse.Namespace) -> None:
    """Serves until it is told to stop."""
    for module, package in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            raise ColorizeError("serve", f"{package} is not installed",
                                "run pip install 'keras_colorize[serve]'")
    if not options.model.is_dir():
        raise RunError(options.model, "is neither a SavedModel nor a run directory",
                       "export a run, or name one")
    name = options.name or options.model.resolve().name
    if not name or set(name) & set("/:"):
        raise UsageError("--name", f"is {name!r}", "give a name without / and :")
    from keras_colorize.serving.limits import Limits
    from keras_colorize.serving.server import serve
    from keras_colorize.serving.service import Service

    limits = Limits(waiting=options.queue, seconds=options.timeout, body_bytes=options.max_bytes,
                    body_seconds=options.body_timeout, bodies_bytes=8 * options.max_bytes,
                    pixels=options.max_pixels)
    serve(Service(options.model, name, limits), options.host, options.port, _token(options),
          options.public_host)


def _token(options: argparse.Namespace) -> str | None:
    token = os.environ.get(TOKEN)
    if options.token_file is not None:
        token = options.token_file.read_text(encoding="utf-8")
    if token is None:
        return None
    if not token.strip():
        raise UsageError(options.token_file or TOKEN, "holds no token",
                         "write one there, such as of: openssl rand -hex 32")
    return token.strip()
