"""A film to its coloured film: decoded, coloured and encoded at once, in pieces that stay."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.colorize.ahead import ahead, together
from keras_colorize.colorize.footage import Film
from keras_colorize.colorize.page import flats
from keras_colorize.colorize.predictor import Model
from keras_colorize.colorize.settings import Settings
from keras_colorize.colorize.steadying import Steadier
from keras_colorize.data import screening
from keras_colorize.files import whole_file
from keras_colorize.image import line_lock, pixels
from keras_colorize.media import containers, muxing, planes

PIECE = 480  # frames that are encoded into one file, which a killed job keeps


@dataclass
class Shown:
    """A frame on its way: what it shows, and what it is given."""

    number: int
    pts: int
    codes: np.ndarray
    """Its luma as stored, [h, w]."""
    is_cut: bool
    is_held: bool
    values: np.ndarray | None = None
    """At the network's size: chroma, float32 [., ., 2], or, without luminance lock, its picture,
    uint8 [., ., 3]. Where a frame is held, those of the drawing before."""
    guide: np.ndarray | None = None
    state: dict | None = None
    """Of the steadying, with the last frame of a piece."""


@dataclass
class Written:
    """The frame that was encoded last, and how much chroma changed in those that are held."""

    made: tuple[np.ndarray, np.ndarray] | av.VideoFrame | None = None
    """As `_made`."""
    chroma: tuple[np.ndarray, np.ndarray] | None = None
    """Its codes of chroma, as the encoder was given them."""
    held: int = 0
    change: float = 0.0
    """The sum over the held frames of the mean change of their codes, of 255 levels."""

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` continues from; a whole picture, without luminance lock, is made anew."""
        kept = {"held": np.array([self.held, self.change])}
        return kept | ({"made": np.stack(self.made)} if isinstance(self.made, tuple) else {})

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> "Written":
        """As it was when `state` was taken."""
        made = tuple(state["made"]) if "made" in state else None
        held, change = state["held"].tolist()
        return cls(made, made, int(held), change)


def color_film(source: Path, target: Path, model: Model, settings: Settings, parts: Path) -> dict:
    """Colours a film, keeping the luma of every frame and all that goes with it.

    Args:
        parts: where the pieces lie until the film is whole; those found there are not made again.

    Returns:
        What the report says of it.

    Raises:
        SourceError: as `Film.frames` and `Film.rehearse`.
        UsageError: the codec is not known.
    """
    codec = containers.codec_for(target, settings.codec)
    film = Film.open(source, codec)
    steadier, written, skipped = Steadier(), Written(), 0
    done = _pieces(parts)
    if done:
        with np.load(done[-1].with_suffix(".npz")) as file:
            state = dict(file)
        steadier.restore(state)
        written = Written.restored(state)
        skipped = (len(done) - 1) * PIECE + int(state["frames"])
    else:
        film.rehearse(target, codec, settings.crf)
    counted = {"frames": 0, "held": 0, "shots": 1}
    coming = ahead(_analysed(film, counted))
    colored = ahead(_colored(coming, film, model, settings, steadier, skipped))
    progress = tqdm(colored, source.name, media.frame_count(source) or None, unit="frame", delay=2,
                    initial=skipped)
    _encode(progress, film, target, codec, settings, parts, steadier, written)
    notes = muxing.join(_pieces(parts), source, target, film.rotation, counted["frames"])
    before, after = steadier.flicker.means()
    return {**counted, "codec": codec, "notes": notes, "flicker_before": round(before, 3),
            "flicker_after": round(after, 3),
            "flicker_held": round(written.change / max(1, written.held), 3)}


def line(target: Path, record: dict) -> str:
    """What a user is told of a film."""
    notes = "".join(f"; {note}" for note in record["notes"])
    if record["kind"] == "color":
        return f"{target}: is in colour, copied {record['copied']}{notes}"
    return (f"{target}: {record['frames']} frames in {record['shots']} shots, {record['held']} "
            f"held; flicker {record['flicker_before']:.2f} before and "
            f"{record['flicker_after']:.2f} after steadying, {record['flicker_held']:.2f} in held "
            f"frames{notes}")


def _analysed(film: Film, counted: dict) -> Iterator[Shown]:
    """Every frame, with whether a shot begins there and whether it repeats the one before."""
    cuts, held = screening.ShotDetector(luma_only=True), screening.HeldDetector()
    shot, drawing = 0, -1
    for number, pts, codes in film.frames():
        small = cv2.merge([planes.lightness(pixels.narrowed(codes), film.layout)] * 3)
        last_shot, shot = shot, cuts.shot(pixels.narrowed(small, screening.SHOT_WIDTH))
        last_drawing, drawing = drawing, held.drawing(small)
        is_cut, is_held = shot > last_shot, drawing == last_drawing and shot == last_shot
        counted["frames"] += 1
        counted["shots"] += is_cut
        counted["held"] += is_held
        yield Shown(number, pts, codes, is_cut, is_held)


def _colored(coming: Iterable[Shown], film: Film, model: Model, settings: Settings,
             steadier: Steadier, skipped: int) -> Iterator[Shown]:
    """The frames from `skipped` on with their colour; those that are held take it over."""
    height, width = film.layout.height, round(film.layout.width * float(film.aspect))
    scale = settings.scale or model.scale_for(
        *((width, height) if film.quarters % 2 else (height, width)))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    values, guide = steadier.chroma, steadier.guide

    def tasks() -> Iterator[Callable]:
        has_colors = values is not None
        for shown in coming:
            if shown.number >= skipped:
                shown.is_held &= has_colors
                has_colors = True
                yield partial(_seen, shown, film, model, size)

    for task in together(tasks()):
        shown, picture = task.result()
        if shown.is_cut:
            steadier.cut()
        if picture is not None:
            guide = shown.guide
            if settings.lock == "luminance":
                values = steadier.steady(guide, pixels.chroma(picture))
            else:
                values = flats(picture, guide, model) if settings.lock == "ink" else picture
        shown.values, shown.guide = values, guide
        if (shown.number + 1) % PIECE == 0:
            shown.state = steadier.state()
        yield shown


def _seen(shown: Shown, film: Film, model: Model, size: tuple[int, int],
          ) -> tuple[Shown, np.ndarray | None]:
    """A frame and the network's picture of it, uint8 RGB [size, 3]; None of one that is held.

    The network sees it upright.
    """
    if shown.is_held:
        return shown, None
    shown.guide = planes.lightness(pixels.scale(shown.codes, size), film.layout)
    condition = shown.guide if model.input == "gray" else pixels.edges(
        planes.lightness(shown.codes, film.layout), size, model.zoom)
    picture = model.colorize(np.ascontiguousarray(np.rot90(condition, film.quarters)))
    return shown, np.ascontiguousarray(np.rot90(picture, -film.quarters))


def _encode(coming: Iterable[Shown], film: Film, target: Path, codec: str, settings: Settings,
            parts: Path, steadier: Steadier, written: Written) -> None:
    """Writes the frames into pieces, each of which appears when it is whole."""
    coming = iter(coming)
    while (shown := next(coming, None)) is not None:
        piece = parts / f"piece{shown.number // PIECE:05}.nut"
        with whole_file(piece) as temporary:
            encoder = film.encoder(temporary, target, codec, settings.crf)
            frames = 0
            while shown is not None:
                encoder.encode(_frame(shown, film.layout, settings.lock, written), shown.pts)
                frames += 1
                if shown.state is not None:
                    break
                shown = next(coming, None)
            encoder.close()
            state = steadier.state() if shown is None else shown.state
            with whole_file(piece.with_suffix(".npz")) as place:
                np.savez(place, frames=frames, **written.state(), **state)


def _frame(shown: Shown, layout: planes.Layout, lock: str, written: Written) -> av.VideoFrame:
    """The next frame to encode, which becomes the one that is `written`."""
    if written.made is None or not shown.is_held:
        written.made = _made(shown, layout, lock)
    frame = planes.frame_of(shown.codes, written.made, layout) if lock == "luminance" \
        else written.made
    chroma = planes.chroma_of(frame)
    if shown.is_held and written.chroma is not None:
        written.held += 1
        written.change += planes.change(written.chroma, chroma, layout)
    written.chroma = chroma
    return frame


def _made(shown: Shown, layout: planes.Layout, lock: str):
    """The chroma planes of a frame; without luminance lock the whole frame."""
    if lock == "luminance":
        surface = planes.lightness(pixels.scale(shown.codes, layout.chroma_size), layout)
        chroma = planes.to_matrix(shown.values, layout)
        chroma = line_lock.enlarge(chroma, shown.guide, surface)
        return planes.chroma_codes(chroma, surface, layout)
    lightness = planes.lightness(shown.codes, layout)
    if lock == "ink":
        picture = line_lock.ink(lightness, shown.values, shown.guide)
    else:
        picture = cv2.resize(shown.values, lightness.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return planes.of_picture(picture, layout)


def _pieces(parts: Path) -> list[Path]:
    """The pieces that are there, in order; only the last of a film can be a short one."""
    return sorted(parts.glob("piece*.nut"))
