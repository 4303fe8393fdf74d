"""Picture files in and out."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image

from keras_colorize.errors import SourceError
from keras_colorize.files import read_bytes, whole_file
from keras_colorize.image.pixels import eight_bits
from keras_colorize.media import color_profile
from keras_colorize.media.picture_kinds import (
    ANIMATED,
    ANIMATED_SUFFIXES,
    BEGINNING,
    FORMATS,
    UNREAD,
    is_picture_suffix,
    kind_by,
    kind_of,
)

MOST_PIXELS = 200_000_000
"""The most pixels that a picture may declare: 250,000 lines of a strip 800 wide."""

Image.MAX_IMAGE_PIXELS = None  # MOST_PIXELS is our limit; Pillow's would warn on stderr first
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # of odd EXIF and the like

_UPRIGHT = {2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.swapaxes(0, 1),
            6: lambda a: np.rot90(a, 3), 7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: np.rot90}


def is_animated(path: Path) -> bool:
    """Whether a file is a GIF, WebP or AVIF of several frames; False where it is unreadable."""
    if is_picture_suffix(path.suffix):
        if path.suffix.lower() not in ANIMATED_SUFFIXES:
            return False
    elif kind_of(path) not in ANIMATED:
        return False
    try:
        with open_picture(path, path) as image:
            return getattr(image, "is_animated", False)
    except SourceError:
        return False


def is_picture(path: Path) -> bool:
    """Whether a file is a picture, and no animation.

    That is where its suffix says so, or with a suffix of none its first bytes. It may be of a kind
    that is not read; `open_picture` then says which.
    """
    is_one = is_picture_suffix(path.suffix) or kind_of(path) is not None
    return is_one and not is_animated(path)


def read_picture(path: Path) -> np.ndarray:
    """Reads a picture as a viewer shows it, uint8 RGB [height, width, 3].

    It is turned upright as its EXIF says, and brought to sRGB as its profile says. 16 bits are
    scaled to 8, transparency is laid on white, and CMYK, palettes and gray become RGB. Of an
    animation the first frame is read.

    Raises:
        SourceError: the file cannot be read, is no picture, is damaged or cut short, or declares
            more than `MOST_PIXELS`.
    """
    return picture_of(read_bytes(path), path)


def picture_of(file: bytes, where: object) -> np.ndarray:
    """Decodes a picture file as `read_picture` does; errors name it as `where`."""
    with open_picture(io.BytesIO(file), where) as image:
        shown = rgb_of(image)
        return np.ascontiguousarray(turn_of(image)(shown))


def turn_of(image: Image.Image) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what turns pixels upright, which leaves them where the EXIF says nothing usable."""
    try:
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation), np.asarray)
    except Exception:  # a viewer shows such a picture all the same
        return np.asarray


@contextmanager
def open_picture(file: Path | io.BytesIO, where: object) -> Iterator[Image.Image]:
    """Opens a picture with Pillow; whatever fails while it is open becomes a SourceError."""
    try:
        with Image.open(file, formats=tuple(FORMATS)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise SourceError(where, f"declares {image.height}x{image.width} pixels, more than "
                                         f"{MOST_PIXELS:,}", "scale it down, or cut it into pages")
            yield image
    except SourceError:
        raise
    except MemoryError as error:
        raise SourceError(where, "is too large for this machine's memory",
                          "scale it down") from error
    except Exception as error:  # Pillow's parsers raise whatever the damage leads them to
        unread = _unread_kind(file, where)
        if unread is not None:
            raise SourceError(where, f"is a {unread} picture, which is not read",
                              "convert it to PNG or JPEG") from error
        raise SourceError(where, "cannot be read as a picture",
                          "is it whole? export it as PNG") from error


def _unread_kind(file: Path | io.BytesIO, where: object) -> str | None:
    """Names the kind of a picture that is not read; None where it should have been."""
    if isinstance(file, Path):
        kind = kind_of(file)
    else:
        file.seek(0)
        kind = kind_by(file.read(BEGINNING))
    if kind in FORMATS:
        return None
    return kind or UNREAD.get(Path(str(where)).suffix.lower())


def rgb_of(image: Image.Image) -> np.ndarray:
    """Converts Pillow's current frame to uint8 RGB [height, width, 3], transparency on white.

    Its colours are brought to sRGB by its profile.
    """
    if image.mode.startswith("I;16"):
        deep, curve = np.asarray(image).astype(np.uint16), color_profile.gray_curve(image)
        gray = eight_bits(deep if curve is None else color_profile.through(curve, deep))
        return cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)
    if image.mode in ("I", "F"):
        raise ValueError("32 bits a channel have no agreed white")
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        opaque = image.convert("L" if image.mode in ("L", "LA") else "RGB")
        return on_white(np.dstack([color_profile.in_srgb(opaque), alpha]))
    return np.array(color_profile.in_srgb(image))


def on_white(rgba: np.ndarray) -> np.ndarray:
    """Lays uint8 RGBA [h, w, 4], alpha not multiplied in, on white: uint8 RGB [h, w, 3]."""
    alpha = rgba[..., 3:].astype(np.uint16)
    laid = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return ((laid + 127) // 255).astype(np.uint8)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Writes uint8 RGB [h, w, 3] or gray [h, w] in the format of the suffix, whole or not at all.

    It raises SourceError as `encode_picture`, and OSError where the disk is full or closed to it.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(encode_picture(picture, path.suffix))


def encode_picture(picture: np.ndarray, suffix: str = ".png", compress: bool = True) -> bytes:
    """Encodes uint8 RGB [h, w, 3] or gray [h, w] as a file of that suffix.

    A PNG without compression (`compress`) is larger and read twice as fast. It raises SourceError
    where the format does not take a picture of this size.
    """
    if suffix.lower() == ".gif":  # OpenCV's palette is a fixed and coarse one
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "GIF")
        return file.getvalue()
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    options = [] if compress else [cv2.IMWRITE_PNG_COMPRESSION, 0]
    encoded, file = cv2.imencode(suffix, stored, options)
    if not encoded:
        raise SourceError(f"a picture of {picture.shape[0]}x{picture.shape[1]}",
                          f"is too large for {suffix}", "convert it to PNG first")
    return file.tobytes()


def decode_picture(encoded: bytes) -> np.ndarray | None:
    """Decodes a picture that this package wrote, uint8 RGB [h, w, 3]; None where it is none.

    Pictures of others are for `picture_of`.
    """
    try:
        return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # nothing in it, or more pixels than OpenCV takes
        return None
