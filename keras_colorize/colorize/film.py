"""A film to its coloured film: decoded, coloured and encoded at once, in pieces that stay."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile

import av
import cv2
import numpy as np
from tqdm import tqdm

from keras_colorize.colorize import keyframes, references
from keras_colorize.colorize.gray_film import Film
from keras_colorize.colorize.page import flats
from keras_colorize.colorize.predictor import Model, Settings
from keras_colorize.colorize.shots import STAMPED, Shots, is_in_color
from keras_colorize.colorize.steadying import Steadier
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.image import line_lock, pixels
from keras_colorize.media import film_writer, planes
from keras_colorize.media.in_order import ahead, in_order
from keras_colorize.media.pictures import is_animated

PIECE = 480  # frames that are encoded into one file, which a killed job keeps


@dataclass
class Shown:
    """A frame on its way: what it shows, and the colour that it gets."""

    number: int
    pts: int
    codes: np.ndarray
    """Its luma as stored, [h, w]."""
    is_cut: bool
    is_held: bool
    values: np.ndarray | None = None
    """At the network's size: chroma, float32 [., ., 2], or, without luminance lock, its picture,
    uint8 [., ., 3]. A held frame has those of the drawing before."""
    guide: np.ndarray | None = None
    """Its luminance at the network's size, uint8."""
    told: np.ndarray | None = None
    """What keyframes tell of it, as of `keyframes.carry`."""
    state: dict | None = None
    """Of the steadying, with the last frame of a piece."""
    own: tuple[np.ndarray, np.ndarray] | None = None
    """Its own codes of chroma, if it keeps any."""
    stamp: np.ndarray | None = None
    """Where it keeps them, bool [h, w] of any size; None for everywhere."""
    captions: av.VideoFrame | None = None
    """The decoded frame, if captions travel with it."""

    @property
    def is_in_color(self) -> bool:
        """Whether it stays as it is."""
        return self.own is not None and self.stamp is None


@dataclass
class Written:
    """The frame that was encoded last, and how much chroma changed in held frames."""

    made: tuple[np.ndarray, np.ndarray] | av.VideoFrame | None = None
    """As `_made`."""
    chroma: tuple[np.ndarray, np.ndarray] | None = None
    """Its codes of chroma, as the encoder was given them."""
    held: int = 0
    change: float = 0.0
    """The sum over the held frames of the mean change of their codes, of 255 levels."""

    def state(self) -> dict[str, np.ndarray]:
        """Returns what `restored` continues from; without luminance lock no picture is kept."""
        kept = {"held": np.array([self.held, self.change])}
        return kept | ({"made": np.stack(self.made)} if isinstance(self.made, tuple) else {})

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> "Written":
        """Makes it anew as it was when `state` was taken."""
        made = tuple(state["made"]) if "made" in state else None
        held, change = state["held"].tolist()
        return cls(made, made, int(held), change)


def shots_of(source: Path, treat_as: str | None, parts: Path) -> Shots | None:
    """Finds the shots of a film that is to be coloured; None of one that is in colour all through.

    What was found is kept in `parts`. It raises SourceError as `media.read_video`.
    """
    if treat_as == "color" or (treat_as is None and is_in_color(source)):
        return None
    shots = Shots.found(source, parts / "shots.npz", treat_as is None)
    return None if shots.in_color.all() else shots


def color_film(source: Path, target: Path, model: Model, settings: Settings, parts: Path,
               shots: Shots) -> dict:
    """Colours a film, keeping the luma of every frame and all that goes with it.

    The pieces lie in `parts` until the film is whole; those found there are not made again. It
    raises errors as `Film.open`, `Film.frames` and `Film.rehearse`, and returns the film's record.
    """
    settings = replace(settings, lock=settings.lock or "luminance")
    film = Film.open(source, target, settings)
    steadier, written, skipped = Steadier(), Written(), 0
    done, record = _pieces(parts), shots.record()
    if done:
        with np.load(done[-1].with_suffix(".npz")) as file:
            state = dict(file)
        steadier.restore(state)
        written = Written.restored(state)
        skipped = (len(done) - 1) * PIECE + int(state["frames"])
    else:
        film.rehearse()
    size = film.size_for(model, settings.scale)
    found = keyframes.placed(keyframes.listed(settings.keyframes), shots)
    suppose = _supposing(film, model, settings)
    told = keyframes.told(found, film, shots, size, skipped, suppose)
    coming = ahead(_read(film, shots, skipped, told))
    colored = ahead(_colored(coming, film, model, size, settings.lock, steadier))
    progress = tqdm(colored, source.name, record["frames"], unit="frame", delay=2, initial=skipped)
    _encode(progress, film, settings.lock, parts, steadier, written)
    notes = film_writer.join(_pieces(parts), source, target, film.turn.degrees, record["frames"])
    if shots.captioned.any() and film.encoding.codec not in film_writer.CAPTIONED:
        notes.append(f"captions in its pictures left out, as {film.encoding.codec} takes none: "
                     f"{shots.captioned.sum()}")
    if record["color_share"]:
        notes.append(f"{record['color_share']:.1%} of its frames were in colour, and keep their "
                     "chroma")
    if suppose is not None:
        alone = sum(1 for start, end in shots.spans() if not shots.in_color[start]
                    and not any(start <= number < end for number in found))
        notes.append(f"{alone} of its shots were told by references")
    before, after = steadier.flicker.means()
    if settings.keyframes is not None:
        record |= keyframes.record(found, shots)
    return {**record, "codec": film.encoding.codec, "notes": notes,
            "flicker_before": round(before, 3), "flicker_after": round(after, 3),
            "flicker_held": round(written.change / max(1, written.held), 3)}


def _supposing(film: Film, model: Model, settings: Settings,
               ) -> Callable[[np.ndarray], np.ndarray | None] | None:
    """Makes what colours a drawing as references tell it, for `keyframes.told`, if any do."""
    if not (settings.reference and model.matches_references):
        return None

    def suppose(guide: np.ndarray) -> np.ndarray | None:
        upright = np.ascontiguousarray(np.rot90(guide, film.turn.quarters))
        dots = references.dots(model, settings.reference, settings.scale, upright,
                               model.colorize(upright))
        if dots is None:
            return None
        picture = np.rot90(model.colorize(upright, dots), -film.turn.quarters)
        return np.dstack([picture, np.full(guide.shape, 255, np.uint8)])

    return suppose


def line(target: Path, record: dict) -> str:
    """Returns the line that a user reads of a film."""
    notes = "".join(f"; {note}" for note in record["notes"])
    if "keyframes" in record:
        notes = f"; {keyframes.line(record['keyframes'])}{notes}"
    if record["kind"] == "color":
        return f"{target}: is in colour, copied {record['copied']}{notes}"
    return (f"{target}: {record['frames']} frames in {record['shots']} shots, {record['held']} "
            f"held; flicker {record['flicker_before']:.2f} before and "
            f"{record['flicker_after']:.2f} after steadying, {record['flicker_held']:.2f} in held "
            f"frames{notes}")


def _read(film: Film, shots: Shots, skipped: int, told: Iterator[np.ndarray | None],
          ) -> Iterator[Shown]:
    """Gives the frames from `skipped` on, with what they keep of their own colour, or are told."""
    for pts, frame in film.frames():
        number = frame.number
        if number < skipped:
            continue
        shown = Shown(number, pts, film.luma(frame), bool(shots.cuts[number]),
                      bool(shots.held[number]), told=next(told))
        if shots.captioned[number]:
            shown.captions = frame.decoded
        if shots.in_color[number]:
            shown.own = film.chroma(frame)
        elif shots.kinds[number] == STAMPED:
            shown.own, shown.stamp = film.chroma(frame), film.stamp(frame)
        yield shown


def _colored(coming: Iterable[Shown], film: Film, model: Model, size: tuple[int, int], lock: str,
             steadier: Steadier) -> Iterator[Shown]:
    """Gives the frames with their colour; held ones take it over."""
    values, guide = steadier.chroma, steadier.guide

    def frames() -> Iterator[Shown]:
        has_colors = values is not None
        for shown in coming:
            shown.is_held &= has_colors
            has_colors = True
            yield shown

    for shown, task in in_order(lambda shown: _seen(shown, film, model, size), frames(),
                                model.together):
        picture = task.result()
        if shown.is_cut:
            steadier.cut()
        if picture is not None:
            guide = shown.guide
            if lock == "luminance":
                values = steadier.steady(guide, pixels.chroma(picture), shown.told)
            else:
                values = flats(picture, guide, model) if lock == "ink" else picture
        shown.values, shown.guide = values, guide
        if (shown.number + 1) % PIECE == 0:
            shown.state = steadier.state()
        yield shown


def _seen(shown: Shown, film: Film, model: Model, size: tuple[int, int]) -> np.ndarray | None:
    """Computes the network's picture of a frame, uint8 RGB [size, 3].

    The network sees it upright. A frame that is held or in colour has none.
    """
    if shown.is_held or shown.is_in_color:
        return None
    shown.guide = film.guide(shown.codes, size)
    condition = shown.guide if model.input != "edge" else pixels.edges(
        planes.lightness(shown.codes, film.layout), size, model.zoom)
    upright = [each if each is None else np.ascontiguousarray(np.rot90(each, film.turn.quarters))
               for each in (condition, shown.told)]
    return np.ascontiguousarray(np.rot90(model.colorize(*upright), -film.turn.quarters))


def _encode(coming: Iterable[Shown], film: Film, lock: str, parts: Path, steadier: Steadier,
            written: Written) -> None:
    """Writes the frames into pieces, each of which appears when it is whole."""
    coming = iter(coming)
    while (shown := next(coming, None)) is not None:
        piece = parts / f"piece{shown.number // PIECE:05}.nut"
        with whole_file(piece) as temporary:
            encoder = film_writer.Encoder(temporary, film.encoding)
            frames = 0
            while shown is not None:
                frame = _frame(shown, film.layout, lock, written)
                if shown.captions is not None:
                    frame = planes.with_captions(frame, shown.captions)
                encoder.encode(frame, shown.pts)
                frames += 1
                if shown.state is not None:
                    break
                shown = next(coming, None)
            encoder.close()
            state = steadier.state() if shown is None else shown.state
            with whole_file(piece.with_suffix(".npz")) as place:
                np.savez(place, frames=frames, **written.state(), **state)


def _frame(shown: Shown, layout: planes.Layout, lock: str, written: Written) -> av.VideoFrame:
    """Makes the next frame to encode, which becomes the one that is `written`."""
    if shown.is_in_color:
        written.made = written.chroma = None
        return planes.frame_of(shown.codes, shown.own, layout)
    if written.made is None or not shown.is_held:
        written.made = _made(shown, layout, lock)
    frame = planes.frame_of(shown.codes, written.made, layout) if lock == "luminance" \
        else written.made
    if shown.stamp is not None:
        planes.lay(frame, shown.codes, shown.own, shown.stamp)
    chroma = planes.chroma_of(frame)
    if shown.is_held and written.chroma is not None:
        written.held += 1
        written.change += planes.change(written.chroma, chroma, layout)
    written.chroma = chroma
    return frame


def _made(shown: Shown, layout: planes.Layout, lock: str):
    """Makes the chroma planes of a frame; without luminance lock the whole frame."""
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
    """Lists the pieces that are there, in order; only the last of a film can be a short one."""
    return sorted(parts.glob("piece*.nut"))


def place_of(source: Path, target: Path, is_named: bool, is_copied: bool) -> Path:
    """Chooses the file that a film becomes; an animation that is copied keeps its suffix.

    It raises SourceError as `container_for`, and where the film would overwrite itself.
    """
    if is_copied and is_animated(source):
        place = target.with_suffix(source.suffix)
        if place.resolve() == source.resolve():
            raise SourceError(source, "is in colour and would be copied to itself",
                              "name another --out, or colour it anew by --treat-as gray")
        return place
    if is_copied and source.suffix.lower() == target.suffix.lower():
        return target
    return film_writer.container_for(source, target, is_named)


def copy_film(source: Path, target: Path) -> dict:
    """Copies a film, its bytes or into another container its packets, and returns its record.

    It raises SourceError where the container cannot hold what the film holds.
    """
    if source.suffix.lower() != target.suffix.lower():
        return {"kind": "color", "copied": "packet by packet",
                "notes": film_writer.remux(source, target)}
    with whole_file(target) as temporary:
        copyfile(source, temporary)
    return {"kind": "color", "copied": "untouched", "notes": []}
