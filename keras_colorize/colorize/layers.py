"""A coloured page as OpenRaster (.ora): the ink and the colour as layers, for Krita and GIMP."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from keras_colorize import media
from keras_colorize.files import whole_file
from keras_colorize.image import line_lock, pixels

MIDDLE = 150  # the luminance of the colour layer, with the most room for chroma
THUMBNAIL = 256  # pixels of its longer side, which the format asks for

Layer = tuple[str, str, np.ndarray]


@dataclass(frozen=True)
class Colored:
    """A coloured page, with the parts that its layers are made of."""

    picture: np.ndarray
    """RGB [h, w, 3] of the type of the page's luminance."""
    record: dict
    """The part of the report on the page."""
    values: np.ndarray
    """Its colour, hints included: chroma [h, w, 2] under the luminance lock, else
    colours [h, w, 3], float32 at the network's size or finer."""
    guide: np.ndarray
    """The luminance at their size, uint8."""
    surface: np.ndarray
    """The page's luminance without dots, uint8 [H, W]."""


def write(path: Path, original: media.StoredPicture, colored: Colored) -> None:
    """Writes a page's layers, which together are its coloured picture, but for rounding.

    Under the luminance lock the colour lies on the ink in the mode `color`, which takes hue and
    saturation from it and luminance from below. Ink lies on colours in the mode `multiply`.
    """
    merged = pixels.eight_bits(colored.picture)
    ink = pixels.eight_bits(original.luminance)
    values = line_lock.enlarge(colored.values, colored.guide, colored.surface)
    lock = colored.record["lock"]
    if lock == "luminance":
        flat = line_lock.join(np.full_like(ink, MIDDLE), values)
        layers = [("color", "svg:color", flat), ("ink", "svg:src-over", ink)]
    else:
        flat = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
        layers = [("ink", "svg:multiply", ink), ("color", "svg:src-over", flat)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        # The type comes first and uncompressed, so that it stands at a known place of the file.
        _store(archive, "mimetype", b"image/openraster")
        _store(archive, "stack.xml", _stack(merged.shape[:2], layers))
        for name, _, picture in layers:
            _store(archive, f"data/{name}.png", _png(picture))
        _store(archive, "mergedimage.png", _png(merged))
        _store(archive, "Thumbnails/thumbnail.png", _png(pixels.shrunk(merged, THUMBNAIL)))


def _stack(size: tuple[int, int], layers: list[Layer]) -> bytes:
    """Lists the layers, the uppermost first."""
    lines = [f'  <layer name={quoteattr(name)} src="data/{name}.png" x="0" y="0" opacity="1.0" '
             f'visibility="visible" composite-op="{mode}"/>' for name, mode, _ in layers]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>',
                      f'<image version="0.0.3" w="{size[1]}" h="{size[0]}">', " <stack>", *lines,
                      " </stack>", "</image>\n"]).encode()


def _store(archive: zipfile.ZipFile, name: str, file: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name), file)  # of 1980, so that it is the same each time


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).convert("RGBA").save(file, "PNG", compress_level=3)
    return file.getvalue()
