"""One page to its coloured page: judged, seen by a network at its scale, locked, and encoded."""

import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from keras_colorize import media
from keras_colorize.colorize import hints, layers, report
from keras_colorize.colorize.layers import Colored
from keras_colorize.colorize.predictor import Model, Models, Settings
from keras_colorize.image import hues, line_lock, page_kind, pixels, screentone

DEFAULT_PITCH = 6.0  # pixels, of a page that is treated as screentone though no dots were found
BLANK = 1.0  # levels of chroma: a page that gets less has no room for colour
LARGE = 16_000_000  # pixels of a page, from which on its memory counts: one such at a time
_ONE_LARGE = threading.Lock()


def colored_file(file: bytes, where: object, models: Models, settings: Settings,
                 strokes: Path | None, layers_at: Path) -> tuple[bytes, dict]:
    """Colours the file of a page.

    Args:
        where: the name of the page, for errors.
        strokes: the file of its hints.
        layers_at: the file for its layers, if there are to be any.

    Returns:
        The file of the coloured page, or of a page in colour its own bytes; and the page's record
        for the report.

    Raises:
        SourceError: the page or its hints cannot be read, or do not fit the format.
    """
    original = media.read_stored_picture(file, where)
    with _ONE_LARGE if original.luminance.size >= LARGE else nullcontext():
        route = judge(original, settings.treat_as)
        style = original.style if settings.format is None else \
            media.Style.chosen(settings.format, settings.quality).with_profile_of(original.style)
        if original.alpha is not None and not style.holds_alpha:
            original = original.laid_on_white()
        if route.kind == "color":
            record = {"kind": "color", "scores": _rounded(route.scores),
                      "thumbnails": report.thumbnails(original.shown, original.shown)}
            if strokes is not None:
                record["notes"] = ["in colour, so its hints were not used; --treat-as gray colours "
                                   "it anew"]
            if style.format == original.style.format:
                return file, record
            if not style.holds_alpha:  # transparency is on white in what is shown, in sRGB
                style = media.Style.chosen(settings.format, settings.quality)
            colors = media.stored_colors(file, where) if style.holds_alpha else original.shown
            return style.encode(colors, original.alpha, where), \
                {**record, "converted": style.format}
        result = color(original, route, models, settings,
                       None if strokes is None else hints.read(strokes))
        if route.has_stamp and settings.treat_as is None:
            stamped = hues.with_stamp(result.picture, original.luminance, original.shown)
            result = replace(result, picture=stamped)
        if settings.layers:
            layers.write(layers_at, original, result)
        return _encoded(original, result, style, where)


def judge(original: media.StoredPicture, treat_as: str | None = None) -> page_kind.Route:
    """Judges what kind of page it is, or takes it for what it is to be treated as."""
    luminance = pixels.gray(original.shown)
    route = page_kind.route(original.shown, luminance)
    if treat_as is None or treat_as == route.kind:
        return route
    if treat_as != "screentone":
        return replace(route, kind=treat_as, pitch=0.0, dots=None)
    dots, pitch = screentone.find_dots(luminance)
    return replace(route, kind=treat_as, pitch=pitch or DEFAULT_PITCH,
                   dots=dots if dots.any() else np.ones_like(dots))


def color(original: media.StoredPicture, route: page_kind.Route, models: Models,
          settings: Settings, strokes: np.ndarray | None = None) -> Colored:
    """Colours a page that is not in colour.

    Args:
        route: of `judge`.
        strokes: hints, uint8 RGBA [h, w, 4] of any size, laid over the page.
    """
    model = models.choose(route.kind)
    surface = screentone.descreen(pixels.gray(original.shown), route.dots, route.pitch)
    height, width = surface.shape
    scale = settings.scale or model.scale_for(height, width)
    guide = pixels.scale(surface, (max(1, round(height * scale)), max(1, round(width * scale))))
    picture = model.colorize(_condition(surface, guide, model, route.kind))
    lock = "ink" if settings.lock == "luminance" and model.input == "edge" \
        and route.kind == "line_art" else settings.lock
    values = _values(lock, picture, guide, model)
    if strokes is not None:
        drawn = np.ascontiguousarray(strokes[..., :3])
        drawn = pixels.chroma(drawn) if lock == "luminance" else drawn.astype(np.float32)
        values, guide = hints.apply(values, drawn, guide, surface, strokes[..., 3])
    colored = _laid(lock, original.luminance, values, guide, surface)
    record = {"kind": route.kind, "scores": _rounded(route.scores), "model": model.name,
              "lock": lock, "scale": round(scale, 4), "size": [height, width],
              "bits": 8 * original.luminance.itemsize}
    if settings.treat_as:
        record["treated_as"] = settings.treat_as
    if strokes is not None:
        record["hints"] = True
    if notes := _notes(record, models, colored):
        record["notes"] = notes
    return Colored(colored, record, values, guide, surface)


def _condition(surface: np.ndarray, guide: np.ndarray, model: Model, kind: str) -> np.ndarray:
    """Makes what the network is shown, of the size of `guide`."""
    if model.input == "gray":
        return guide
    if kind != "line_art":
        return pixels.edges(surface, guide.shape, model.zoom)
    # White lines on black, whichever way they are drawn, and none of them lost to averaging.
    lines = surface if np.mean(surface) < 128 else 255 - surface
    small = pixels.scale(lines, guide.shape).astype(np.float32)
    brightest = max(1.0, float(np.percentile(small, 99)))
    return np.clip(small * 255 / brightest, 0, 255).astype(np.uint8)


def _values(lock: str, picture: np.ndarray, guide: np.ndarray, model: Model) -> np.ndarray:
    """Takes from the network's picture, uint8 RGB, what a lock lays under the page."""
    if lock == "luminance":
        return pixels.chroma(picture)
    return (flats(picture, guide, model) if lock == "ink" else picture).astype(np.float32)


def _laid(lock: str, luminance: np.ndarray, values: np.ndarray, guide: np.ndarray,
          surface: np.ndarray) -> np.ndarray:
    """Lays values under a page, as a lock does: RGB [h, w, 3] of the type of its luminance."""
    if lock == "luminance":
        return line_lock.lock(luminance, values, guide, surface)
    if lock == "ink":
        return line_lock.ink(luminance, values, guide, surface)
    large = cv2.resize(values, luminance.shape[::-1], interpolation=cv2.INTER_CUBIC)
    most = np.iinfo(luminance.dtype).max
    return np.rint(np.clip(large, 0, 255) * (most / 255)).astype(luminance.dtype)


def flats(picture: np.ndarray, guide: np.ndarray, model: Model) -> np.ndarray:
    """Takes the page's own shade out of the network's colours, uint8 RGB.

    A gray model paints the shade that it is shown, and the page's ink shades a second time. An
    edge model is shown none.
    """
    if model.input == "edge":
        return cv2.medianBlur(picture, 3)  # its lines, which the page's own replace
    shade = np.maximum(guide, 1)[..., None].astype(np.float32)
    lit = picture * (255 / shade)
    over = np.maximum(lit.max(axis=2, keepdims=True), 255)
    return np.rint(lit * (255 / over)).astype(np.uint8)


def _notes(record: dict, models: Models, colored: np.ndarray) -> list[str]:
    notes = []
    if record["kind"] == "line_art" and models.line_art is None \
            and models.pages.input == "gray":
        notes.append("line art, coloured by the gray model, since no --edge-model was given")
    if record["lock"] == "ink":
        notes.append("its ink was laid over colours: white paper took colour and became darker")
    if record["lock"] == "luminance" and _chroma_level(colored) < BLANK:
        notes.append("black and white alone, whose luminance leaves no room for colour; "
                     "--lock ink lays its ink over colours")
    return notes


def _chroma_level(picture: np.ndarray) -> float:
    """Measures the mean difference of the channels' extremes, of 255 levels, on a small copy."""
    height, width = picture.shape[:2]
    step = max(1, max(height, width) // 512)
    red, green, blue = cv2.split(np.ascontiguousarray(picture[::step, ::step]))
    span = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    return float(span.mean()) * 255 / np.iinfo(picture.dtype).max


def _encoded(original: media.StoredPicture, result: Colored, style: media.Style, where: object,
             ) -> tuple[bytes, dict]:
    """Encodes a coloured page, and completes its record."""
    file = style.encode(result.picture, original.alpha, where)
    # Of a file that loses something, only the file itself shows how much.
    written = result.picture if style.is_exact else media.stored_colors(file, where)
    before = original.luminance
    if written.dtype != before.dtype:
        before = pixels.eight_bits(before)
    record = {**result.record,
              "luminance_change": round(line_lock.largest_change(before, written), 3),
              "lossless": style.lossless,
              "thumbnails": report.thumbnails(original.shown, result.picture)}
    if style.format == "GIF" and report.is_flagged(record):
        record["notes"] = [*record.get("notes", ()), "GIF has 256 colours, too few for its "
                           "luminance; --format png keeps it"]
    return file, record


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(float(score), 3) for name, score in scores.items()}
