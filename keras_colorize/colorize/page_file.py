"""The file of a page to the file of its coloured page, and what the report says of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from keras_colorize import media
from keras_colorize.colorize import hints, layers, report
from keras_colorize.colorize import page as page_of
from keras_colorize.colorize.ahead import ahead
from keras_colorize.colorize.page import Models
from keras_colorize.colorize.settings import Settings
from keras_colorize.image import line_lock, page_kind, pixels

LARGE = 16_000_000  # pixels of a page, from which on its memory counts: one such at a time
_ONE_LARGE = threading.Lock()


def colored_file(file: bytes, where: Path, models: Models, settings: Settings,
                 strokes: Path | None, layers_at: Path) -> tuple[bytes, dict]:
    """The file of a coloured page and what is to be said of it; a colour page's own bytes.

    Args:
        strokes: the file of its hints.
        layers_at: the file for its layers, if there are to be any.
    """
    original = media.read_page(file, where)
    with _ONE_LARGE if original.luminance.size >= LARGE else nullcontext():
        return _colored(original, file, where, models, settings, strokes, layers_at)


def _colored(original: media.Page, file: bytes, where: Path, models: Models, settings: Settings,
             strokes: Path | None, layers_at: Path) -> tuple[bytes, dict]:
    route = page_of.judge(original, settings.treat_as)
    style = original.style if settings.format is None else \
        media.Style.chosen(settings.format, settings.quality)
    if original.alpha is not None and not style.holds_alpha:
        original = original.laid_on_white()
    if route.kind == "color":
        return _in_color(original, file, where, route, style, strokes)
    result = page_of.color(original, route, models, settings,
                           None if strokes is None else hints.read(strokes))
    if settings.layers:
        layers.write(layers_at, original, result)
    pieces, encoded = [], ahead(media.encode_page(result.picture, original.alpha, style, where))
    read = media.written_rows(map(_kept_in(pieces), encoded), style, where)
    change = _change(original.luminance, read)
    record = {**result.record, "luminance_change": round(change, 3), "lossless": style.lossless,
              "thumbnails": report.thumbnails(original.shown, result.picture)}
    if style.format == "GIF" and report.is_flagged(record):
        record["notes"] = [*record.get("notes", ()), "GIF has 256 colours, too few for its "
                           "luminance; --format png keeps it"]
    return b"".join(pieces), record


def _in_color(original: media.Page, file: bytes, where: Path, route: page_kind.Route,
              style: media.Style, strokes: Path | None) -> tuple[bytes, dict]:
    """A page that is in colour: its own bytes, or written anew in another format."""
    record = {"kind": "color", "scores": page_of.rounded(route.scores),
              "thumbnails": report.thumbnails(original.shown, original.shown)}
    if strokes is not None:
        record["notes"] = ["in colour, so its hints were not used; --treat-as gray colours it anew"]
    if style.format == original.style.format:
        return file, record
    colors = media.decoded_colors(file, where) if style.holds_alpha else original.shown
    return b"".join(media.encode_page(colors, original.alpha, style, where)), \
        {**record, "converted": style.format}


def _kept_in(pieces: list[bytes]) -> Callable[[bytes], bytes]:
    def keep(piece: bytes) -> bytes:
        pieces.append(piece)
        return piece

    return keep


def _change(before: np.ndarray, written: Iterator[np.ndarray]) -> float:
    """As `line_lock.largest_change`, of a page's luminance and the rows of its final file."""
    worst, top = 0.0, 0
    for rows in written:
        there = before[top:top + len(rows)]
        if rows.dtype != there.dtype:
            there = pixels.eight_bits(there)
        worst, top = max(worst, line_lock.largest_change(there, rows)), top + len(rows)
    return worst
