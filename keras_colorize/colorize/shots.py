"""The shots of a film, found before it is coloured: cuts, held drawings, and what is in colour."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type
from tqdm import tqdm

from keras_colorize import media
from keras_colorize.data import screening
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.image import page_kind, pixels
from keras_colorize.media.pictures import is_animated

GRAY, STAMPED, COLOR, PLAIN = range(4)
"""Kinds of frames: gray, gray with a coloured stamp or logo, in colour, and without any grays, such
as credits and black frames, which go with the frames before them."""
TOGETHER = 8  # frames of a shot that are judged by their mean, in which the noise of tapes is less
SURE = 16  # places all over a film: if it is gray in none of them, the film is in colour


@dataclass(frozen=True)
class Shots:
    """What is known of each frame of a film, in order; arrays of one length."""

    cuts: np.ndarray
    """Whether a shot begins there, or colour begins or ends; bool."""
    held: np.ndarray
    """Whether it repeats the drawing before it, and is to get the same colour; bool."""
    kinds: np.ndarray
    """`GRAY`, `STAMPED` or `COLOR`, uint8."""
    captioned: np.ndarray
    """Whether captions (CEA-608 or 708) travel with it, bool."""
    times: np.ndarray | None = None
    """When it is shown, in seconds from the first, float64; None as earlier versions found it."""

    @property
    def in_color(self) -> np.ndarray:
        """Which frames are in colour, bool."""
        return self.kinds == COLOR

    def record(self) -> dict[str, float]:
        """Returns the numbers of frames, held frames and shots, and the share that is in colour."""
        return {"frames": len(self.kinds), "held": int(self.held.sum()),
                "shots": 1 + int(self.cuts.sum()),
                "color_share": round(float(self.in_color.mean()), 4)}

    def spans(self) -> list[tuple[int, int]]:
        """Lists the first frame of each shot, and that after its last."""
        starts = [0, *np.flatnonzero(self.cuts).tolist(), len(self.cuts)]
        return list(pairwise(starts))

    @classmethod
    def found(cls, path: Path, place: Path, is_judged: bool = True) -> "Shots":
        """Reads a whole film; what was found is kept in the file `place`, and read from there.

        If it is not to be judged, all is gray. It raises SourceError as `media.read_video`.
        """
        if place.exists():
            with np.load(place) as file:
                return cls(**file)
        cuts, held = screening.ShotDetector(), screening.HeldDetector()
        numbers, drawings, captioned, times, judge = [], [], [], [], _Judge()
        frames = tqdm(media.read_video(path), f"{path.name}: shots",
                      media.frame_count(path) or None, unit="frame", delay=2)
        for frame in frames:
            small = small_of(frame)
            gray = pixels.gray(small)
            numbers.append(cuts.shot(pixels.narrowed(gray, screening.SHOT_WIDTH)))
            drawings.append(held.drawing(gray))
            captioned.append(Type.A53_CC in frame.decoded.side_data)
            times.append(frame.time)
            if is_judged:
                judge.see(small, numbers[-1])
        kinds = judge.kinds() if is_judged else np.full(len(numbers), GRAY, np.uint8)
        in_color = kinds == COLOR
        is_cut, is_held = (np.diff(each, prepend=each[0]) for each in (numbers, drawings))
        is_cut = (is_cut > 0) | (np.diff(in_color, prepend=in_color[0]))
        shots = cls(is_cut, (is_held == 0) & ~is_cut & ~in_color, kinds, np.array(captioned),
                    np.array(times))
        shots.held[0] = False
        with whole_file(place) as temporary, open(temporary, "wb") as file:
            np.savez(file, **shots.__dict__)
        return shots


def small_of(frame: media.VideoFrame) -> np.ndarray:
    """Returns the small upright copy by which a frame is judged, uint8 RGB [h, w, 3]."""
    width = min(pixels.JUDGED_WIDTH, frame.decoded.width)
    return np.ascontiguousarray(frame.thumbnail(width)[..., ::-1])


def is_in_color(path: Path) -> bool:
    """Whether a film is in colour all through, by a few frames from each of some places in it.

    It is False where the film has too few key frames to tell.
    """
    kinds = []
    with suppress(av.FFmpegError, SourceError):
        for frames in () if is_animated(path) else media.excerpts(path, SURE, TOGETHER):
            kinds.append(_kind(_mean([pixels.narrowed(frame.picture()) for frame in frames])))
    return len(kinds) == SURE and {COLOR} <= set(kinds) <= {COLOR, PLAIN}


def _mean(pictures: list[np.ndarray]) -> np.ndarray:
    return np.rint(np.mean(pictures, axis=0)).astype(np.uint8)


def _kind(picture: np.ndarray) -> int:
    """Judges one picture, uint8 RGB [h, w, 3]."""
    share, has_stamp = page_kind.colors(picture)
    if share > page_kind.COLORED:
        return COLOR
    if has_stamp:
        return STAMPED
    return PLAIN if page_kind.gray_share(pixels.gray(picture)) < page_kind.GRAYS else GRAY


class _Judge:
    """Judges frames, in order: groups of a shot by their mean, and where they differ, each alone.

    A group that differs from both its neighbours of a shot, which are alike, is as these.
    """

    def __init__(self):
        self._judged: list[int] = []
        self._groups: list[tuple[int, list[np.ndarray]]] = []
        self._waiting: list[np.ndarray] = []
        self._shot = None

    def see(self, picture: np.ndarray, shot: int) -> None:
        """Takes the next frame, uint8 RGB [h, w, 3], and the number of its shot."""
        if (shot, picture.shape) != self._shot:
            self._end_shot()
            self._shot = shot, picture.shape
        self._waiting.append(picture)
        if len(self._waiting) == TOGETHER:
            self._end_group()

    def kinds(self) -> np.ndarray:
        """Returns the kinds of all frames after the last, uint8; plain frames go with others."""
        self._end_shot()
        kinds = np.array(self._judged, np.uint8)
        known = np.flatnonzero(kinds != PLAIN)
        if not known.size:
            return np.full_like(kinds, GRAY)
        before = np.searchsorted(known, np.arange(len(kinds)), side="right") - 1
        return kinds[known[np.maximum(before, 0)]]

    def _end_group(self) -> None:
        self._groups.append((_kind(_mean(self._waiting)), self._waiting))
        self._waiting = []
        if len(self._groups) == 3:
            first, middle, last = (kind for kind, _ in self._groups)
            if first == last != middle:
                self._groups[1] = first, self._groups[1][1]
            self._pass_on()

    def _pass_on(self) -> None:
        """Notes the first group; where colour begins or ends in it or the next, both of them."""
        kind, pictures = self._groups.pop(0)
        after = self._groups[0][0] if self._groups else kind
        if kind != after and COLOR in (kind, after) and PLAIN not in (kind, after):
            pictures = pictures + self._groups.pop(0)[1]
            self._judged += map(_kind, pictures)
        else:
            self._judged += [kind] * len(pictures)

    def _end_shot(self) -> None:
        if self._waiting:
            self._end_group()
        while self._groups:
            self._pass_on()
