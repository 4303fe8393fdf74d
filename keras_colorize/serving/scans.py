"""Files of pictures as a SavedModel's graph may safely be given them."""

import io

import numpy as np

from keras_colorize import media
from keras_colorize.errors import SourceError
from keras_colorize.media.pictures import open_picture, turn_of
from keras_colorize.serving.refusals import Refused

SCANS = 100
"""The most scans of a progressive JPEG: each costs as much as the whole picture, and is small."""

LEAST = 32
"""What a side counts at least: the network's deepest levels take as much of a smaller one."""

CHANNELS = (1, 3, 4)
"""Of pictures that are given as numbers; a fourth is transparency, which is left out."""

_DIRECT = ("PNG", "JPEG")
_OF_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def admitted(file: bytes, most: int) -> tuple[bytes, int]:
    """A file for the graph, and its pixels, which are read from its header alone.

    PNG and JPEG go to the graph as they are. What EXIF turns is turned, and of other formats the
    first frame taken, as PNG: a graph knows neither, and decodes all frames of an animation.

    Args:
        most: the pixels that it may have.

    Raises:
        Refused: 413: it has more. 400: it is no picture, or damaged.
    """
    try:
        with open_picture(io.BytesIO(file), "the picture") as image:
            count = counted(image.height, image.width)
            if count > most:
                raise Refused(413, f"a picture of {image.height}x{image.width} pixels, where "
                                   f"{most:,} are left of what a request may have")
            if image.format == "JPEG" and file.count(b"\xff\xda") > SCANS:
                raise Refused(413, f"the picture has more than {SCANS} scans")
            turn = turn_of(image)
            if turn is None and image.format in _DIRECT:
                return file, count
            still = image if image.mode in _OF_PNG else image.convert("RGB")
            upright = still.transpose(turn) if turn is not None else still
            stored = io.BytesIO()
            upright.save(stored, "PNG", compress_level=1)
            return stored.getvalue(), count
    except Refused:
        raise
    except SourceError as error:
        if isinstance(error.__cause__, Refused):
            raise error.__cause__ from None
        # Without a cause it is not damaged, but larger than any picture may be.
        raise Refused(413 if error.__cause__ is None else 400, str(error)) from None


def counted(height: int, width: int) -> int:
    """The pixels that a picture counts as."""
    return max(LEAST, height) * max(LEAST, width)


def white(height: int, width: int) -> bytes:
    """A white PNG, to warm a model up with."""
    return media.encode_picture(np.full((height, width), 255, np.uint8))
