"""A film to its coloured film: decoded, coloured and encoded at once, in pieces that stay."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from keras_colorize import line_lock, media, pixels, routing, screening, shots
from keras_colorize.colorizer.ahead import ahead, together
from keras_colorize.colorizer.model import Model
from keras_colorize.colorizer.page import flats
from keras_colorize.colorizer.settings import Settings
from keras_colorize.colorizer.steadying import Steadier
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.media import muxing, planes

PIECE = 480  # frames that are encoded into one file, which a killed job keeps
ANIMATION = Fraction(1, 1000)  # the time base of animated pictures


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


@dataclass(frozen=True)
class Film:
    """What is known of a film before it is coloured."""

    path: Path
    layout: planes.Layout
    first: av.VideoFrame
    rate: Fraction
    time_base: Fraction
    aspect: Fraction
    rotation: int

    @classmethod
    def open(cls, path: Path, codec: str) -> "Film":
        """Reads the first frame.

        Raises:
            SourceError: as `media.read_video`.
        """
        frame = next(media.read_video(path))
        rate, time_base, aspect = Fraction(10), ANIMATION, Fraction(1)
        if frame.decoded.pts is not None:
            with media.open_video(path) as container:
                stream = container.streams.best("video")
                rate = stream.average_rate or stream.guessed_rate or Fraction(25)
                time_base, aspect = stream.time_base, stream.sample_aspect_ratio or aspect
        return cls(path, planes.layout_of(frame.decoded, codec), frame.decoded, rate, time_base,
                   aspect, frame.decoded.rotation)

    def frames(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Of each frame its number, its time in `time_base`, which rises, and its luma."""
        last = None
        for frame in media.read_video(self.path):
            decoded = frame.decoded
            if decoded.pts is None:
                pts = round(frame.time / self.time_base)
            else:
                pts = round(decoded.pts * decoded.time_base / self.time_base)
            last = pts if last is None else max(pts, last + 1)
            yield frame.number, last, planes.luma(decoded, self.layout)


def is_colored(path: Path) -> bool:
    """Whether most of some frames from all over a film have colour."""
    judged = [routing.colored_share(picture) > routing.COLORED for picture in media.peek(path, 8)]
    return sum(judged) * 2 > len(judged)


def color_film(source: Path, target: Path, model: Model, settings: Settings, parts: Path) -> dict:
    """Colours a film, keeping the luma of every frame and all that goes with it.

    Args:
        parts: where the pieces lie until the film is whole; those found there are not made again.

    Returns:
        What the report says of it.

    Raises:
        SourceError: as `media.read_video`, or the container cannot hold what the film holds.
        UsageError: the codec is not known.
    """
    codec = muxing.codec_for(target, settings.codec)
    film = Film.open(source, codec)
    steadier = Steadier()
    done = _pieces(parts)
    skipped = 0
    if done:
        with np.load(done[-1].with_suffix(".npz")) as state:
            steadier.restore(dict(state))
            skipped = (len(done) - 1) * PIECE + int(state["frames"])
    counted = {"frames": 0, "held": 0, "shots": 1}
    coming = ahead(_analysed(film, counted))
    colored = ahead(_colored(coming, film, model, settings, steadier, skipped))
    progress = tqdm(colored, source.name, media.frame_count(source) or None, unit="frame", delay=2)
    _encode(progress, film, target, codec, settings, parts, steadier)
    written = muxing.join(_pieces(parts), source, target, film.rotation)
    if written != counted["frames"]:
        raise SourceError(source, f"has {counted['frames']} frames, of which {written} could be "
                                  "encoded", "try another --codec")
    before, after = steadier.flicker.means()
    return {"frames": written, "held": counted["held"], "shots": counted["shots"], "codec": codec,
            "flicker_before": round(before, 3), "flicker_after": round(after, 3)}


def line(target: Path, record: dict) -> str:
    """What a user is told of a film."""
    if record["kind"] == "color":
        return f"{target}: is in colour, copied untouched"
    return (f"{target}: {record['frames']} frames in {record['shots']} shots, {record['held']} "
            f"held; flicker {record['flicker_before']:.2f} before and "
            f"{record['flicker_after']:.2f} after steadying, 0 in held frames")


def _analysed(film: Film, counted: dict) -> Iterator[Shown]:
    """Every frame, with whether a shot begins there and whether it repeats the one before."""
    cuts, held = shots.ShotDetector(luma_only=True), screening.HeldDetector()
    shot, drawing = 0, -1
    for number, pts, codes in film.frames():
        small = cv2.merge([planes.lightness(screening.small(codes), film.layout)] * 3)
        last_shot, shot = shot, cuts.shot(screening.small(small, shots.WIDTH))
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
    scale = settings.scale or model.scale_for(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    values, guide = steadier.chroma, steadier.guide

    def tasks() -> Iterator[Callable]:
        has_colors = values is not None
        for shown in coming:
            if shown.number >= skipped:
                shown.is_held &= has_colors
                has_colors = True
                yield partial(_seen, shown, film.layout, model, size)

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


def _seen(shown: Shown, layout: planes.Layout, model: Model, size: tuple[int, int],
          ) -> tuple[Shown, np.ndarray | None]:
    """A frame and the network's picture of it, uint8 RGB [size, 3]; None of one that is held."""
    if shown.is_held:
        return shown, None
    shown.guide = planes.lightness(pixels.scale(shown.codes, size), layout)
    condition = shown.guide if model.input == "gray" else pixels.edges(
        planes.lightness(shown.codes, layout), size, model.zoom)
    return shown, model.colorize(condition)


def _encode(coming: Iterable[Shown], film: Film, target: Path, codec: str, settings: Settings,
            parts: Path, steadier: Steadier) -> None:
    """Writes the frames into pieces, each of which appears when it is whole."""
    coming, made = iter(coming), None
    while (shown := next(coming, None)) is not None:
        piece = parts / f"piece{shown.number // PIECE:05}.nut"
        with whole_file(piece) as temporary:
            encoder = muxing.Encoder(temporary, target, codec, settings.crf, film.layout,
                                     film.first, film.rate, film.time_base, film.aspect)
            frames = 0
            while shown is not None:
                if made is None or not shown.is_held:
                    made = _made(shown, film.layout, settings.lock)
                frame = planes.frame_of(shown.codes, made, film.layout) \
                    if settings.lock == "luminance" else made
                encoder.encode(frame, shown.pts)
                frames += 1
                if shown.state is not None:
                    break
                shown = next(coming, None)
            encoder.close()
            state = steadier.state() if shown is None else shown.state
            with whole_file(piece.with_suffix(".npz")) as place:
                np.savez(place, frames=frames, **state)


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
