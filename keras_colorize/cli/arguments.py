"""What flags of the commands are read as, each with its error in one line."""

import os
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from keras_colorize.errors import one_line
from keras_colorize.files import is_unicode

SMALLEST = 64  # the six halvings of the U-Net end at one pixel
LARGEST = 4096  # no film has more lines to learn from, and memory goes with the square


def named(text: str) -> Path:
    """Reads a file or folder whose name has to be Unicode, as TensorFlow and JSON want it."""
    if not is_unicode(Path(text)):
        raise ArgumentTypeError(f"{one_line(text)} is a name that is not UTF-8; rename it, or name "
                                "another")
    return Path(text)


def place(text: str) -> Path:
    """Reads a file or folder to write."""
    path = named(text)
    if path.name in ("", ".."):  # without a name to write beside
        path = Path(os.path.realpath(path))
    if not path.name:
        raise ArgumentTypeError(f"{text} is a whole disk; name a file or folder on it")
    return path


def size(text: str) -> tuple[int, int]:
    """Reads HEIGHTxWIDTH."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 180x320") from None
    if min(height, width) < SMALLEST:
        raise ArgumentTypeError(f"{text!r} is too small; give at least {SMALLEST}x{SMALLEST}")
    if max(height, width) > LARGEST:
        raise ArgumentTypeError(f"{text!r} is too large; give at most {LARGEST}x{LARGEST}")
    return height, width


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Makes a reader of whole numbers from `least` to `most`, or from `least` up."""
    def read(text: str) -> int:
        if text.isdecimal() and least <= int(text) and (most is None or int(text) <= most):
            return int(text)
        wanted = f"from {least} up" if most is None else f"from {least} to {most}"
        raise ArgumentTypeError(f"{text!r} is not a whole number {wanted}")

    return read


def above_0(most: float) -> Callable[[str], float]:
    """Makes a reader of numbers above 0, up to `most`."""
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= most:
            raise ArgumentTypeError(f"{text!r} is not a number above 0, up to {most:g}")
        return value

    return read


def public_host(text: str) -> str:
    """Reads the name of a host, and its port if there is one."""
    if not text or set(text) & set("/ @"):
        raise ArgumentTypeError(f"{text!r} is not a name, such as colors.example.org")
    return text.lower()
