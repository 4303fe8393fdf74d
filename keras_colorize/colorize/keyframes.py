"""Keyframes: a film's frames that a user has coloured, and how their colours reach their shots."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise, repeat
from pathlib import Path

import cv2
import numpy as np

from keras_colorize import media
from keras_colorize.colorize import hints
from keras_colorize.colorize.gray_film import Film
from keras_colorize.colorize.inputs import Work
from keras_colorize.colorize.shots import Shots
from keras_colorize.colorize.steadying import Motion, likeness
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.export.graph import OPAQUE
from keras_colorize.files import read_bytes, sha256_of_all
from keras_colorize.image import pixels

FRAME = re.compile(r"\d+")
TIME = re.compile(r"(\d+(?:\.\d+)?)s|(?:(\d+)-)?(\d\d?)-(\d\d?(?:\.\d+)?)")
NAMED = ("name it by the frame's number from 0 (000123.png), or its time (62.5s.png, 01-02.500.png "
         "or 0-01-02.500.png)")
SHAPE = 0.02  # by which a picture may be narrower or wider than its film, as sizes are rounded
ASTRAY = 1.0  # pixels from its place at which motion there and back may end
REACH = 1440  # frames from a keyframe, a minute: its colour is not carried farther


@dataclass(frozen=True)
class Keyframe:
    """A picture of one frame of a film, in colour or with strokes of colour."""

    path: Path
    place: int | float
    """The number of its frame, or the seconds of its time."""

    @classmethod
    def named(cls, path: Path) -> "Keyframe":
        """Reads from the name of a file which frame it shows; raises UsageError if it says none."""
        if FRAME.fullmatch(path.stem):
            return cls(path, int(path.stem))
        time = TIME.fullmatch(path.stem)
        if time is None:
            raise UsageError(path, "is named by no frame of a film", NAMED)
        seconds, *parts = (float(part or 0) for part in time.groups())
        return cls(path, seconds + 3600 * parts[0] + 60 * parts[1] + parts[2])

    def frame(self, shots: Shots) -> int:
        """Finds the number of its frame; raises SourceError where the film is shorter.

        Of a time that is the frame nearest to it. It is the first of a drawing that is held.
        """
        count, number = len(shots.held), self.place
        if isinstance(number, float):
            seconds = (shots.times[-1] - shots.times[0]) * count / max(1, count - 1)
            number = count if number > seconds else int(np.abs(shots.times - number).argmin())
        if number >= count:
            raise SourceError(self.path, f"is beyond the film, whose last frame is {count - 1}, at "
                              f"{shots.times[-1]:.3f} s", NAMED)
        return number - int(shots.held[number::-1].argmin())

    def read(self, sizes: list[tuple[int, int]]) -> np.ndarray:
        """Reads the picture, uint8 RGBA [h, w, 4]; without transparency it is opaque all over.

        Args:
            sizes: height and width of the film's frames as they are shown, and as they are stored.

        Raises:
            SourceError: it cannot be read, has another shape than the film, or tells no colour.
        """
        file = read_bytes(self.path)
        stored = media.read_stored_picture(file, self.path)
        colors = pixels.eight_bits(media.stored_colors(file, self.path))
        height, width = colors.shape[:2]
        if all(abs(width * size[0] / (height * size[1]) - 1) > SHAPE for size in sizes):
            raise SourceError(self.path, f"is {width}x{height}, and the film is {sizes[0][1]}x"
                              f"{sizes[0][0]}", "give a whole frame, in the shape of the film")
        alpha = np.full((height, width), 255, np.uint8) if stored.alpha is None else \
            pixels.eight_bits(stored.alpha)
        if not (alpha >= OPAQUE).any():
            raise SourceError(self.path, "holds no opaque stroke, so it tells nothing",
                              "draw on it, or take it out")
        if alpha.min() >= OPAQUE and pixels.is_gray(colors):
            raise SourceError(self.path, "is gray all over, so it tells no colour",
                              "colour it, or take it out")
        return np.dstack([colors, alpha])


def find(place: Path, work: Work, is_single: bool) -> Path | None:
    """Finds the folder of a film's keyframes: named as the film, or for the only film `place`.

    Raises:
        UsageError: a picture lies in `place` and there are several films, or its only film has
            nothing there.
    """
    own = [place / name for name in (work.name, *([work.source.name] if is_single else []))]
    folder = next((each for each in own if each.is_dir()), None)
    beside = _pictures(place)
    if is_single and folder is None:
        if not beside:
            raise UsageError(place, "holds no keyframe", NAMED)
        return place
    if beside and not is_single:
        raise UsageError(beside[0], "is a keyframe of one film, and there are several",
                         f"put it into the folder of its film, such as {own[0]}")
    return folder


def listed(folder: Path | None) -> list[Keyframe]:
    """Lists the keyframes in a folder; raises UsageError where a picture's name says no frame."""
    return [Keyframe.named(path) for path in _pictures(folder)] if folder else []


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and media.is_picture(path)
                  and not path.name.startswith("."))


def digest(folder: Path | None) -> str:
    """Computes a SHA-256 of the names and bytes of a folder's keyframes; an empty text for none."""
    paths = [key.path for key in listed(folder)]
    return sha256_of_all(paths) if paths else ""


def placed(keys: list[Keyframe], shots: Shots) -> dict[int, Keyframe]:
    """Finds the frames that keyframes show.

    It raises SourceError as `Keyframe.frame`, and where two are of one drawing, or a frame is in
    colour.
    """
    found: dict[int, Keyframe] = {}
    for key in keys:
        number = key.frame(shots)
        if number in found:
            raise SourceError(key.path, f"and {found[number].path.name} show one drawing, that of "
                              f"frame {number}", "take one of them out")
        if shots.in_color[number]:
            raise SourceError(key.path, f"is of frame {number}, which is in colour and stays so",
                              "take it out, or give --treat-as gray")
        found[number] = key
    return found


def record(found: dict[int, Keyframe], shots: Shots) -> dict:
    """Returns what the report says: of each shot without colour of its own its keyframes."""
    names = {number: key.path.name for number, key in sorted(found.items())}
    return {"keyframes": [
        {"from": start, "to": end - 1, "seconds": round(float(shots.times[start]), 3),
         "keyframes": [name for number, name in names.items() if start <= number < end]}
        for start, end in shots.spans() if not shots.in_color[start]]}


def line(shots: list[dict]) -> str:
    """Returns a clause on what `record` says."""
    counts = [len(shot["keyframes"]) for shot in shots]
    plural = "s" * (sum(counts) != 1)
    return f"{sum(counts)} keyframe{plural}, in {np.count_nonzero(counts)} of {len(counts)} shots"


def told(found: dict[int, Keyframe], film: Film, shots: Shots, size: tuple[int, int], skipped: int,
         suppose: Callable[[np.ndarray], np.ndarray | None] | None = None,
         ) -> Iterator[np.ndarray | None]:
    """Reads keyframes, and gives what each frame from `skipped` on is told by them.

    It reads the film beside its colouring, to the end of each shot with keyframes.

    Args:
        found: by the frame's number.
        size: height and width of the frames that the network sees, as they are stored.
        suppose: colours the middle drawing of a shot without keyframes, which is then its keyframe,
            and several of a long shot: uint8 [*size] to RGBA [*size, 4], or to None.

    Returns:
        uint8 RGBA [*size, 4] as of `carry`; None where nothing is told.

    It raises SourceError at once as `Keyframe.read`, and where strokes are too thin to be seen.
    """
    small = {}
    for number, key in found.items():
        stored = np.ascontiguousarray(np.rot90(key.read(film.sizes), -film.turn.quarters))
        small[number] = hints.scale(stored, size)
        if not small[number][..., 3].any():
            raise SourceError(key.path, f"has strokes too thin for a network that sees {size[1]}x"
                              f"{size[0]} pixels", "draw them thicker")
    return _told(small, film, shots, size, skipped, suppose)


def _told(small: dict[int, np.ndarray], film: Film, shots: Shots, size: tuple[int, int],
          skipped: int, suppose: Callable | None) -> Iterator[np.ndarray | None]:
    coming, read = film.frames(), 0
    for start, end in shots.spans():
        keys = {number: small[number] for number in range(start, end) if number in small}
        is_supposed = suppose is not None and not keys and not shots.in_color[start]
        if is_supposed:
            parts = np.linspace(start, end, 1 + -(-(end - start) // REACH)).astype(int).tolist()
            for middle in ((first + last) // 2 for first, last in pairwise(parts)):
                keys[middle - int(shots.held[middle::-1].argmin())] = None
        if end <= skipped or not keys:
            yield from [None] * (end - max(start, skipped))
            continue
        reached = {frame.number: film.guide(film.luma(frame), size)
                   for _, frame in islice(coming, start - read, end - read)
                   if not shots.held[frame.number]
                   and min(abs(frame.number - key) for key in keys) <= REACH}
        if is_supposed:
            supposed = {number: suppose(reached[number]) for number in keys}
            keys = {number: each for number, each in supposed.items() if each is not None}
        read, carried = end, carry(keys, reached) if keys else {}
        yield from (unpack(carried.get(number)) for number in range(max(start, skipped), end))
    yield from repeat(None)


def carry(keys: dict[int, np.ndarray], guides: dict[int, np.ndarray]) -> dict[int, bytes]:
    """Carries keyframes to the drawings of their shot.

    Between two of them each counts the more, the nearer it is; where one alone tells a colour, that
    colour is sure for half of the way and fades until the other.

    Args:
        keys: by the frame's number, uint8 RGBA [h, w, 4], opaque where they tell a colour.
        guides: the luminance of all drawings of the shot by number, uint8 [h, w].

    Returns:
        By number, and packed, uint8 RGBA [h, w, 4]: the colours, and how sure they are, below 255
        but in the keyframes themselves.
    """
    told, numbers = {number: _packed(key) for number, key in keys.items()}, sorted(guides)
    for first, last in pairwise([None, *sorted(keys), None]):
        between = [number for number in numbers
                   if (first is None or number >= first) and (last is None or number <= last)]
        found = [dict(_followed(keys[key], [(number, guides[number]) for number in way]))
                 for key, way in ((first, between), (last, between[::-1])) if key is not None]
        for number in set(between) - {first, last}:
            nearness = 1.0 if len(found) == 1 else (last - number) / (last - first)
            parts = [share * _premultiplied(unpack(each[number]))
                     for share, each in zip((nearness, 1 - nearness), found, strict=False)
                     if number in each]
            if parts:
                told[number] = _packed(_divided(2 * sum(parts)))
    return told


def _followed(picture: np.ndarray, drawings: list[tuple[int, np.ndarray]],
              ) -> Iterator[tuple[int, bytes]]:
    """Finds the surfaces of a picture, which shows the first drawing, in one after the other.

    A surface is lost for good where motion there and back again does not end where it began, and as
    long as it has another luminance than in the picture.
    """
    motion, first = Motion(), drawings[0][1]
    own = motion.grid(first.shape)
    last, places, known = first, own, np.ones(first.shape, bool)
    limits = np.array(first.shape[::-1]) - 1
    for number, guide in drawings:
        if guide is not first:
            there, back = motion.places(guide, last), motion.places(last, guide)
            near = np.rint(there).astype(np.intp)
            inside = ((near >= 0) & (near <= limits)).all(axis=2)
            column, row = np.moveaxis(np.clip(near, 0, limits), 2, 0)
            moved = there - near.astype(np.float32)
            astray = np.abs(back[row, column] + moved - own).max(axis=2)
            known = known[row, column] & inside & (astray < ASTRAY)
            places, last = places[row, column] + moved, guide
            if not known.any():
                return
        sure = likeness(guide, cv2.remap(first, places, None, cv2.INTER_LINEAR)) * known
        seen = cv2.remap(_premultiplied(picture), places, None, cv2.INTER_LINEAR)
        yield number, _packed(_divided(seen * sure[..., None]))


def _premultiplied(rgba: np.ndarray) -> np.ndarray:
    """Multiplies uint8 RGBA [h, w, 4] by its opacity, which becomes 0..1: float32 [h, w, 4]."""
    opacity = rgba[..., 3:] / np.float32(255)
    return np.dstack([rgba[..., :3] * opacity, opacity])


def _divided(premultiplied: np.ndarray) -> np.ndarray:
    """Makes uint8 RGBA again, never wholly opaque; what is nearly clear becomes clear."""
    color, opacity = premultiplied[..., :3], premultiplied[..., 3:]
    rgba = np.dstack([color / np.maximum(opacity, 1e-6), np.minimum(opacity, 1) * 254])
    return np.where(opacity > 1 / 255, np.rint(rgba), 0).astype(np.uint8)


def _packed(rgba: np.ndarray) -> bytes:
    return cv2.imencode(".png", rgba)[1].tobytes()


def unpack(packed: bytes | None) -> np.ndarray | None:
    """Unpacks a picture of `carry`, uint8 RGBA [h, w, 4]; None stays None."""
    return None if packed is None else \
        cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_UNCHANGED)
