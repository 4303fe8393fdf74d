"""What a client is told instead of an answer: a status, one line, and when to come again."""

import math

from keras_colorize.errors import one_line

LONGEST = 300  # characters of a message


class Refused(Exception):
    """A request that is not answered as asked.

    Args:
        status: of HTTP, as TensorFlow Serving maps its own codes: 400 for wrong use, 404 for what
            is not there, 413 for too much, 504 for too late.
        message: one line, without names of the host's files.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None):
        short = message if len(message) <= LONGEST else message[:LONGEST - 3] + "..."
        super().__init__(one_line(short))
        self.status, self.message, self.headers = status, one_line(short), headers or {}


class Busy(Refused):
    """Nothing is free for a request now (503).

    Args:
        seconds: after which it may be otherwise; told as `Retry-After`.
    """

    def __init__(self, message: str, seconds: float = 1.0):
        super().__init__(503, message, {"Retry-After": str(max(1, math.ceil(seconds)))})
