"""What flags of several commands are read as."""

import argparse
from pathlib import Path


def place(text: str) -> Path:
    """A file or folder to write."""
    path = Path(text)
    return path if path.name else path.resolve()  # "." has no name to write beside


def share(text: str) -> float:
    """A number above 0, up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, up to 1")
    return value


def quality(text: str) -> int:
    """A whole number from 1 to 100."""
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return int(text)


def crf(text: str) -> int:
    """A whole number from 0 to 63."""
    if not text.isdecimal() or int(text) > 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 63")
    return int(text)
