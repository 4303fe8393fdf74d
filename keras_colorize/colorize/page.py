"""One page to its coloured picture: judged, seen by a network at its scale, and locked."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from keras_colorize import media
from keras_colorize.colorize import hints
from keras_colorize.colorize.predictor import Model
from keras_colorize.colorize.settings import Settings
from keras_colorize.image import line_lock, page_kind, pixels, screentone

DEFAULT_PITCH = 6.0  # pixels, of a page that is treated as screentone though no dots were found
FLAGGED = 2.0  # of 255 levels: a luminance that changed by more is reported
BLANK = 1.0  # levels of chroma: a page that gets less has no room for colour


@dataclass(frozen=True)
class Models:
    """The model for pages, and the one for line art if there is one."""

    pages: Model
    line_art: Model | None = None

    def choose(self, kind: str) -> Model:
        """The model that colours a kind of page."""
        return self.line_art if kind == "line_art" and self.line_art else self.pages


@dataclass(frozen=True)
class Colored:
    """A coloured page, and what the report says of it."""

    picture: np.ndarray
    """RGB [h, w, 3] of the type of the page's luminance."""
    record: dict
    values: np.ndarray
    """What it was coloured by, hints included: chroma [h, w, 2] under the luminance lock, else
    colours [h, w, 3], float32 at the network's size or finer."""
    guide: np.ndarray
    """The luminance at their size, uint8."""
    surface: np.ndarray
    """The page's luminance without dots, uint8 [H, W]."""


def judge(page: media.Page, treat_as: str | None = None) -> page_kind.Route:
    """What kind of page it is, or what it is to be treated as."""
    luminance = pixels.gray(page.shown)
    found = page_kind.route(page.shown, luminance)
    if treat_as is None or treat_as == found.kind:
        return found
    if treat_as != "screentone":
        return replace(found, kind=treat_as, pitch=0.0, dots=None)
    dots, pitch = screentone.find_dots(luminance)
    return replace(found, kind=treat_as, pitch=pitch or DEFAULT_PITCH,
                   dots=dots if dots.any() else np.ones_like(dots))


def color(page: media.Page, route: page_kind.Route, models: Models, settings: Settings,
          strokes: np.ndarray | None = None) -> Colored:
    """Colours a page that is not in colour.

    Args:
        route: of `judge`.
        strokes: hints, uint8 RGBA [h, w, 4] of any size, laid over the page.
    """
    model = models.choose(route.kind)
    surface = screentone.descreen(pixels.gray(page.shown), route.dots, route.pitch)
    height, width = surface.shape
    scale = settings.scale or model.scale_for(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    guide = pixels.scale(surface, size)
    picture = model.colorize(_condition(page, surface, guide, model, route.kind))
    lock = "ink" if settings.lock == "luminance" and model.input == "edge" \
        and route.kind == "line_art" else settings.lock
    values = _values(lock, picture, guide, model)
    if strokes is not None:
        drawn = np.ascontiguousarray(strokes[..., :3])
        drawn = pixels.chroma(drawn) if lock == "luminance" else drawn.astype(np.float32)
        values, guide = hints.apply(values, drawn, guide, surface, strokes[..., 3])
    colored = _laid(lock, page.luminance, values, guide, surface)
    record = {"kind": route.kind, "scores": rounded(route.scores), "model": model.name,
              "lock": lock, "scale": round(scale, 4), "size": [height, width],
              "bits": 8 * page.luminance.itemsize}
    if settings.treat_as:
        record["treated_as"] = settings.treat_as
    if strokes is not None:
        record["hints"] = True
    notes = _notes(record, models, colored)
    if notes:
        record["notes"] = notes
    return Colored(colored, record, values, guide, surface)


def _condition(page: media.Page, surface: np.ndarray, guide: np.ndarray, model: Model, kind: str,
               ) -> np.ndarray:
    """What the network is shown, of the size of `guide`."""
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
    """What a lock lays under the page, of the network's picture, uint8 RGB."""
    if lock == "luminance":
        return pixels.chroma(picture)
    return (flats(picture, guide, model) if lock == "ink" else picture).astype(np.float32)


def _laid(lock: str, luminance: np.ndarray, values: np.ndarray, guide: np.ndarray,
          surface: np.ndarray) -> np.ndarray:
    if lock == "luminance":
        return line_lock.lock(luminance, values, guide, surface)
    if lock == "ink":
        return line_lock.ink(luminance, values, guide, surface)
    large = cv2.resize(values, luminance.shape[::-1], interpolation=cv2.INTER_CUBIC)
    most = np.iinfo(luminance.dtype).max
    return np.rint(np.clip(large, 0, 255) * (most / 255)).astype(luminance.dtype)


def flats(picture: np.ndarray, guide: np.ndarray, model: Model) -> np.ndarray:
    """The network's colours as they would be without the page's own shade, uint8 RGB.

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
    if record["lock"] == "luminance" and chroma_level(colored) < BLANK:
        notes.append("black and white alone, whose luminance leaves no room for colour; "
                     "--lock ink lays its ink over colours")
    return notes


def chroma_level(picture: np.ndarray) -> float:
    """The mean difference of the channels' extremes, of 255 levels, judged on a small copy."""
    height, width = picture.shape[:2]
    step = max(1, max(height, width) // 512)
    red, green, blue = cv2.split(np.ascontiguousarray(picture[::step, ::step]))
    span = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    return float(span.mean()) * 255 / np.iinfo(picture.dtype).max


def rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(float(score), 3) for name, score in scores.items()}
