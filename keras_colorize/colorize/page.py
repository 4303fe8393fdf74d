"""One page to its coloured page: judged, seen by a network at its scale, coloured, and encoded."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from keras_colorize import media
from keras_colorize.colorize import hints, layers, printed_page, references, report
from keras_colorize.colorize.layers import Colored
from keras_colorize.colorize.predictor import Model, Models, Settings
from keras_colorize.colorize.printed_page import PrintedPage
from keras_colorize.image import (
    hues,
    line_lock,
    moods,
    page_kind,
    paper_tint,
    pixels,
    screentone,
    tones,
)
from keras_colorize.image.page_windows import panels_without
from keras_colorize.image.regions import find_regions

DEFAULT_PITCH = 6.0  # pixels, of a page that is treated as screentone though no dots were found
STRETCHED = 0.02  # the log of how much wider or narrower than the page hints may be, for rounding
THIN = 50  # pixels: the sides of narrower hints are rounded by more
BLANK = 1.0  # levels of chroma: a page that gets less has no room for colour
WITHOUT_COLOR = {
    "luminance": "black and white alone, whose luminance leaves no room for colour; without "
                 "--lock a printed page gets flat colour under its ink",
    "ink": "hardly any colour, since the model gave none; hints colour it",
    printed_page.RULE: "hardly any colour, since the model gave its regions none, or all of it "
                       "stayed white; hints colour regions"}
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
        The coloured file, or a page in colour's own bytes; and the page's record for the report.

    Raises:
        SourceError: the page or its hints cannot be read, or do not fit the format.
    """
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(hints.read, strokes) if strokes else None
        known = read_page(file, where, models, settings)
    original, route, tint = known.original, known.route, known.tint
    with _turn_of(original):
        style = _style_of(original, settings)
        if known.view is None:
            return _copied(file, original, route, style, where, strokes is not None)
        drawn = reading.result() if reading else None
        tinted, original = original, known.plain
        if known.printed:
            told = _mood_of(models.pages, settings)
            printed = known.printed if told is None else printed_page.in_mood(known.printed, told)
            result = printed_page.color(original, printed, settings.tones, drawn)
        else:
            told = _dots_for(known.view, settings)
            result = _color_locked(original, known.view, told, drawn)
        _annotate(result, models, drawn)
        _tell_of_unused(result, known.view.model, settings, told is not None)
        if tint is not None:
            result.record["paper"] = settings.paper
        if tint is not None and settings.paper == "keep":
            result, original = _on_paper(result, tint, tinted.luminance), tinted
        if route.has_stamp and settings.treat_as is None:
            stamped = hues.with_stamp(result.picture, original.luminance, original.shown)
            result = replace(result, picture=stamped)
        if settings.layers:
            layers.write(layers_at, result)
        return _encoded(replace(original, shown=tinted.shown), result, style, where)


def _copied(file: bytes, original: media.StoredPicture, route: page_kind.Route,
            style: media.Style, where: object, has_hints: bool) -> tuple[bytes, dict]:
    """Gives back a page in colour, its own bytes where its format stays."""
    record = {"kind": "color", "scores": _rounded(route.scores),
              "thumbnails": report.thumbnails(original.shown, original.shown)}
    if has_hints:
        record["notes"] = ["in colour, so its hints were not used; --treat-as gray colours it anew"]
    if style.format == original.style.format:
        return file, record
    if style.holds_alpha:
        colors = media.stored_colors(file, where)
    else:  # transparency is on white in what is shown, in sRGB
        colors, style = original.shown, style.without_profile()
    return style.encode(colors, original.alpha, where), {**record, "converted": style.format}


@dataclass(frozen=True)
class View:
    """How a network sees a page."""

    model: Model
    rule: str
    """What of the page stays, as of `rule_of`."""
    surface: np.ndarray
    """The page's luminance without dots, uint8 [H, W]."""
    guide: np.ndarray
    """The same at the network's size, uint8 [h, w]."""
    condition: np.ndarray
    """What the network is shown, uint8 [h, w]."""
    record: dict
    told: dict = field(default_factory=dict, compare=False)
    """What references told it last, by the files that they are."""

    def paint(self, dots: np.ndarray | None = None, strokes: np.ndarray | None = None,
              ) -> tuple[np.ndarray, bool]:
        """Computes the network's own picture. Strokes change nothing in panels that hold none.

        Args:
            dots: what the page is told all over, uint8 RGBA [h, w, 4], as of `moods.tell`.
            strokes: hints, uint8 RGBA of any size.

        Returns:
            uint8 RGB [h, w, 3], and whether the network took the strokes, and spread them itself.
        """
        if self.model.network_guided is None:
            return self.model.colorize(self.condition), False
        drawn = None if strokes is None else hints.scale(strokes, self.guide.shape)
        if drawn is None:
            return self.model.colorize(self.condition, dots), dots is not None
        given = drawn if dots is None else moods.with_strokes(dots, drawn)
        picture = self.model.colorize(self.condition, given)
        silent = panels_without(self.guide, drawn[..., 3] >= hints.OPAQUE)
        if silent.any():
            others = self.untold if dots is None else self.paint(dots)[0]
            picture = np.where(silent[..., None], others, picture)
        return picture, True

    @cached_property
    def untold(self) -> np.ndarray:
        """The network's own picture where nobody tells it anything."""
        return self.paint()[0]


@dataclass(frozen=True)
class KnownPage:
    """What of a page does not depend on its strokes."""

    original: media.StoredPicture
    plain: media.StoredPicture
    """The same without the tint of its paper."""
    tint: np.ndarray | None
    route: page_kind.Route
    view: View | None
    """How a network sees it; None of a page in colour."""
    printed: PrintedPage | None = None
    """Its regions, where it is to be coloured by regions."""


def read_page(file: bytes, where: object, models: Models, settings: Settings) -> KnownPage:
    """Reads of a page all that does not depend on its strokes, or takes it from `models.memory`.

    Raises SourceError where it cannot be read.
    """
    key = (sha256(file).digest(), settings.treat_as, settings.lock, settings.scale,
           settings.saturation, settings.format)
    known = models.memory.find(key)
    if known is None:
        original = media.read_stored_picture(file, where)
        if original.alpha is not None and not _style_of(original, settings).holds_alpha:
            original = original.laid_on_white()
        with _turn_of(original):
            known = _known(file, original, where, models, settings)
    if known.view is not None:
        models.memory.keep(key, known, known.original.luminance.size)
    return known


def _known(file: bytes, original: media.StoredPicture, where: object, models: Models,
           settings: Settings) -> KnownPage:
    route = judge(original, settings.treat_as)
    if route.kind == "color":
        return KnownPage(original, original, None, route, None)
    tint = _tint_of(file, original, route, where)
    plain = _without_tint(original, tint)
    view = _look(plain, route, models, settings)
    printed = _find_regions(plain, view) if view.rule == printed_page.RULE else None
    return KnownPage(original, plain, tint, route, view, printed)


def _turn_of(original: media.StoredPicture) -> AbstractContextManager:
    """Makes what only one page at a time may hold, if it is so large that its memory counts."""
    return _ONE_LARGE if original.luminance.size >= LARGE else nullcontext()


def _style_of(original: media.StoredPicture, settings: Settings) -> media.Style:
    return original.style if settings.format is None else \
        media.Style.chosen(settings.format, settings.quality).with_profile_of(original.style)


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


def _tint_of(file: bytes, original: media.StoredPicture, route: page_kind.Route, where: object,
             ) -> np.ndarray | None:
    """Finds the tint of the paper of a page without colour, in the colours that it is stored in."""
    if route.scores["color"] >= 0.5 or original.shown.ndim == 2:
        return None
    keeps_profile = "icc_profile" in original.style.options
    return paper_tint.find_tint(pixels.eight_bits(media.stored_colors(file, where))
                                if keeps_profile else original.shown)


def _without_tint(original: media.StoredPicture, tint: np.ndarray | None) -> media.StoredPicture:
    return original if tint is None else replace(
        original, luminance=paper_tint.off(original.luminance, tint),
        shown=paper_tint.off(original.shown, tint))


def _on_paper(result: Colored, tint: np.ndarray, luminance: np.ndarray) -> Colored:
    """Lays a coloured page on its tinted paper again, whose luminance stays under that lock."""
    keeps = result.record["rule"] == "luminance"
    picture = paper_tint.on(result.picture, tint, luminance if keeps else None)
    paper = np.full((*luminance.shape, 3), np.rint(tint), np.uint8)
    return replace(result, picture=picture,
                   layers=lambda: [("paper", "svg:multiply", paper), *result.layers()])


def rule_of(kind: str, settings: Settings) -> str:
    """Chooses what a page keeps: the lock that a user chose, or what suits its kind."""
    return settings.lock or (printed_page.RULE if kind in printed_page.KINDS else "luminance")


def _look(original: media.StoredPicture, route: page_kind.Route, models: Models,
          settings: Settings) -> View:
    """Chooses the network for a page, and makes what it is shown."""
    model = models.choose(route.kind)
    luminance = pixels.gray(original.shown)
    surface = screentone.descreen(luminance, route.dots, route.pitch)
    height, width = surface.shape
    scale = settings.scale or model.page_scale(surface)
    guide = pixels.scale(surface, (max(1, round(height * scale)), max(1, round(width * scale))))
    condition = _condition(surface, guide, model, route.kind) if model.input != "manga" else \
        pixels.scale(tones.stretch(luminance), guide.shape)  # with its dots, as it was learned
    record = {"kind": route.kind, "scores": _rounded(route.scores), "model": model.name,
              "scale": round(scale, 4), "size": [height, width],
              "bits": 8 * original.luminance.itemsize}
    if settings.treat_as:
        record["treated_as"] = settings.treat_as
    return View(model, rule_of(route.kind, settings), surface, guide, condition, record)


def _find_regions(original: media.StoredPicture, view: View) -> PrintedPage:
    """Finds the regions of a printed page, and asks the network for their colours."""
    regions = find_regions(pixels.gray(original.shown))
    picture, _ = view.paint()
    return PrintedPage(regions, printed_page.vote(regions, picture, view.guide, view.model.input),
                       view.record)


def _mood_of(model: Model, settings: Settings) -> np.ndarray | None:
    """Finds the mood of a page that is coloured by regions, float32 [levels, 2], if it has one."""
    if settings.reference:
        return references.mood(model, settings.reference, settings.scale)
    return None if settings.mood is None else model.mood(settings.mood)


def _dots_for(view: View, settings: Settings) -> np.ndarray | None:
    """Makes what a mood or references tell a page, as `moods.tell`; None where nothing does."""
    if view.model.network_guided is None:
        return None
    if settings.reference and view.model.matches_references:
        found = references.stamped(settings.reference)
        if found not in view.told:
            view.told.clear()
            view.told[found] = references.dots(view.model, settings.reference, settings.scale,
                                               view.guide, view.untold)
        return view.told[found]
    if settings.mood is None:
        return None
    mood = view.model.mood(settings.mood)
    return moods.tell(moods.paint(mood, view.guide), view.guide)


def _color_locked(original: media.StoredPicture, view: View, dots: np.ndarray | None,
                  strokes: np.ndarray | None) -> Colored:
    """Colours a page under a lock.

    Args:
        dots: as of `View.paint`, for a network that takes hints.
        strokes: hints, uint8 RGBA [h, w, 4] of any size, laid over the page.
    """
    lock, guide, surface = view.rule, view.guide, view.surface
    picture, is_told = view.paint(dots, strokes)
    values = _values(lock, picture, guide, view.model)
    if strokes is not None:
        values_of = pixels.chroma if lock == "luminance" else np.float32
        if view.model.input == "edge":
            values = hints.correct(values, strokes, values_of)
        values, guide = hints.apply(values, strokes, values_of, guide, surface, not is_told)
    colored = _laid(lock, original.luminance, values, guide, surface)
    parts = partial(layers.of_locked, lock, original.luminance, values, guide, surface)
    record = {**view.record, "rule": lock}
    if view.model.network_guided is not None:
        record["guided"] = True
    return Colored(colored, record, parts)


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

    A gray model paints the shade that it is shown, and the page's ink shades a second time. Other
    models paint none of it.
    """
    if model.input != "gray":
        return cv2.medianBlur(picture, 3)  # its lines, which the page's own replace
    shade = np.maximum(guide, 1)[..., None].astype(np.float32)
    lit = picture * (255 / shade)
    over = np.maximum(lit.max(axis=2, keepdims=True), 255)
    return np.rint(lit * (255 / over)).astype(np.uint8)


def _annotate(result: Colored, models: Models, strokes: np.ndarray | None) -> None:
    """Adds to the record of a page whether it had hints, and what a user should know of it."""
    record, notes = result.record, []
    rule = record["rule"]
    if strokes is not None:
        record["hints"] = True
        (tall, wide), (height, width) = strokes.shape[:2], result.picture.shape[:2]
        if min(tall, wide) > THIN and abs(math.log(tall * width / (wide * height))) > STRETCHED:
            notes.append(f"its hints, of {wide}x{tall} pixels, have another shape than the page, "
                         f"of {width}x{height}, and were stretched over it")
    if record["kind"] == "line_art" and models.line_art is None \
            and models.pages.input == "gray":
        notes.append("line art, coloured by the gray model, since no --edge-model was given")
    if record["kind"] == "gray" and models.choose("gray").input == "manga":
        notes.append("in gray, coloured by a model of printed manga, which knows no grays; a model "
                     "of gray input suits it, with this one as --edge-model")
    if rule == "ink":
        notes.append("its ink was laid over colours: white paper took colour and became darker")
    if record.get("told") == 0:
        notes.append("its hints hold no opaque stroke, so they told nothing")
    if rule != "none" and _chroma_level(result.picture) < BLANK:
        notes.append(WITHOUT_COLOR[rule])
    if notes:
        record["notes"] = notes


def _tell_of_unused(result: Colored, model: Model, settings: Settings, is_told: bool) -> None:
    """Adds to the record of a page what was asked for and had no effect.

    What the series asks for is no news: it holds for gray and printed pages alike.

    Args:
        is_told: whether a mood or references told the page anything.
    """
    by_regions = result.record["rule"] == printed_page.RULE
    takes = {"mood": by_regions or model.network_guided is not None,
             "reference": by_regions or model.matches_references,
             "saturation": model.saturation is not None}
    notes = [f"its {name} was not used: {model.name} takes none" for name, is_used in takes.items()
             if not is_used and getattr(settings, name) != getattr(Settings, name)
             and name not in settings.of_series]
    if settings.reference and takes["reference"] and not is_told:
        notes.append("its references have no colour, and told nothing")
    if notes:
        result.record["notes"] = [*result.record.get("notes", ()), *notes]


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
    name, change = ("luminance_change", line_lock.largest_change(before, written)) \
        if result.ink is None else ("ink_change", _ink_change(before, written, result.ink))
    record = {**result.record, name: round(change, 3), "lossless": style.lossless,
              "thumbnails": report.thumbnails(original.shown, result.picture)}
    if style.format == "GIF" and report.is_flagged(record):
        record["notes"] = [*record.get("notes", ()), "GIF has 256 colours, too few for its "
                           "luminance; --format png keeps it"]
    return file, record


def _ink_change(before: np.ndarray, picture: np.ndarray, ink: np.ndarray) -> float:
    """Measures by how much black ink became lighter or tinted at most, in 255 levels."""
    after = picture[ink].astype(np.int32)
    lightest = after.max(axis=1)
    change = np.maximum(lightest - before[ink], lightest - after.min(axis=1))
    return float(change.max(initial=0)) * 255 / np.iinfo(before.dtype).max


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(float(score), 3) for name, score in scores.items()}
