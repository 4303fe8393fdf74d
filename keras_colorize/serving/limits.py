"""How much a server takes of whom, and for how long it waits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server."""

    waiting: int = 16
    """Requests that may wait while one runs; the next is told to come again (503)."""
    seconds: float = 60.0
    """How long a request may wait and run (then 504)."""
    body_bytes: int = 32 * 2 ** 20
    """Bytes of a request's body (more: 413)."""
    body_seconds: float = 20.0
    """How long a request's body may take to arrive (then 408)."""
    bodies_bytes: int = 8 * 32 * 2 ** 20
    """Bytes of all bodies that are held at once (more: 503)."""
    pixels: int = 5_000_000
    """Pixels of all pictures of a request, known before they are decoded (more: 413)."""
    together: int = 500_000
    """Pixels of the pictures of several requests that run as one: beyond, a CPU gains nothing."""
    connections: int = 512
    """Connections open at once (more: 503)."""
