"""A coloured page as OpenRaster (.ora): the ink and the colour as layers, for Krita and GIMP."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from keras_colorize.files import whole_file
from keras_colorize.image import flat_color, line_lock, pixels
from keras_colorize.image.regions import Regions

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
    layers: Callable[[], list[Layer]]
    """Makes its layers, the uppermost first."""
    ink: np.ndarray | None = None
    """bool [h, w], the black ink that a printed page keeps; None under another rule."""


def of_locked(lock: str, luminance: np.ndarray, values: np.ndarray, guide: np.ndarray,
              surface: np.ndarray) -> list[Layer]:
    """Makes the layers of a page that was coloured under a lock.

    Under the luminance lock the colour lies on the ink in the mode `color`, which takes hue and
    saturation from it and luminance from below. Ink lies on colours in the mode `multiply`.

    Args:
        lock: one of `LOCKS`.
        luminance: of the page, uint8 or uint16 [H, W].
        values: its colour, hints included: chroma [h, w, 2] under the luminance lock, else colours
            [h, w, 3], float32 at the network's size or finer.
        guide: the luminance at their size, uint8.
        surface: the page's luminance without dots, uint8 [H, W].
    """
    ink = pixels.eight_bits(luminance)
    values = line_lock.enlarge(values, guide, surface)
    if lock == "luminance":
        flat = line_lock.join(np.full_like(ink, MIDDLE), values)
        return [("color", "svg:color", flat), ("ink", "svg:src-over", ink)]
    flat = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return [("ink", "svg:multiply", ink), ("color", "svg:src-over", flat)]


def of_printed(luminance: np.ndarray, regions: Regions, colors: np.ndarray, tones: str
               ) -> list[Layer]:
    """Makes the layers of a printed page: its ink, multiplied, over flat colours without any.

    Args:
        luminance: of the page, uint8 or uint16 [H, W].
        regions: of the page.
        colors: uint8 RGB [count + 1, 3], the colour of each region.
        tones: "keep" or "smooth"; the ink shows its tones so.
    """
    ink = pixels.eight_bits(luminance)
    if tones == "smooth":
        ink = flat_color.paint(ink, regions, np.full_like(colors, 255), tones)[..., 0]
    return [("ink", "svg:multiply", ink), ("color", "svg:src-over", colors[regions.page_labels])]


def write(path: Path, colored: Colored) -> None:
    """Writes a page's layers, which together are its coloured picture, but for rounding."""
    merged, layers = pixels.eight_bits(colored.picture), colored.layers()
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
