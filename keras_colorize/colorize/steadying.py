"""Chroma over time: steadied from one drawing to the next, and its flicker measured."""

from dataclasses import dataclass

import cv2
import numpy as np

from keras_colorize.image import pixels

KEPT = 0.8  # share of the chroma before that stays where the same surface is seen again
KEPT_TOLD = 0.95  # the same where keyframes tell colours, which hardly change from frame to frame
SAME = 8.0  # levels of luminance by which a surface that has moved may differ from itself
_TRUST = np.exp(-(np.arange(256) / SAME) ** 2).astype(np.float32)
LEAST_SIDE = 32  # pixels, below which motion is not looked for


@dataclass
class Flicker:
    """The mean change of chroma, of 255 levels, of surfaces that are seen in two frames."""

    frames: int = 0
    before: float = 0.0
    """The sum over frames, as the network gives them."""
    after: float = 0.0
    """The same, as they are written."""

    def means(self) -> tuple[float, float]:
        """Returns the means a frame, before and after."""
        return self.before / max(1, self.frames), self.after / max(1, self.frames)


class Motion:
    """Finds where surfaces were, by dense optical flow of luminance (DIS, Kroeger et al. 2016)."""

    def __init__(self):
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._grid = None

    def grid(self, size: tuple[int, int]) -> np.ndarray:
        """Gives each pixel of a picture its own place, x and y, float32 [*size, 2]."""
        if self._grid is None or self._grid.shape[:2] != size:
            self._grid = np.dstack(np.meshgrid(*(np.arange(length, dtype=np.float32)
                                                 for length in size[::-1])))
        return self._grid

    def places(self, now: np.ndarray, then: np.ndarray) -> np.ndarray:
        """Finds the place that each pixel of a drawing had in another: x and y, float32 [h, w, 2].

        Both are uint8 [h, w]. What looks the same as before stands still, though something moves
        beside it. Small pictures are taken to stand still.
        """
        grid = self.grid(now.shape)
        if min(now.shape) < LEAST_SIDE:
            return grid
        moved = ~pixels.still(now, then)
        return grid + self._flow.calc(now, then, None) * moved[..., None]


def likeness(now: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Judges by luminance, uint8 [h, w] each, how surely each pixel shows one surface: 0..1."""
    return cv2.LUT(cv2.blur(cv2.absdiff(now, then), (3, 3)), _TRUST)


class Steadier:
    """Follows the surfaces of a shot and steadies their chroma, one new drawing after the other.

    A surface that is not found again, by its luminance, takes the network's chroma as it is.
    """

    guide: np.ndarray | None
    """The luminance of the drawing that was seen last."""
    chroma: np.ndarray | None
    """Its steadied chroma."""

    def __init__(self):
        self.flicker = Flicker()
        self._motion = Motion()
        self.cut()

    def cut(self) -> None:
        """Forgets everything: a new shot begins."""
        self.guide = self._raw = self.chroma = None

    def steady(self, guide: np.ndarray, chroma: np.ndarray, told: np.ndarray | None = None,
               ) -> np.ndarray:
        """Steadies the network's chroma of the next drawing, float32 [h, w, 2].

        Args:
            guide: its luminance, uint8 [h, w].
            told: of keyframes, uint8 RGBA [h, w, 4]: the surer a colour is, the more of it counts
                in place of the network's; 255 is a keyframe's own, which stays as it is.
        """
        chroma = np.asarray(chroma, np.float32)
        if told is not None:
            given = pixels.chroma(np.ascontiguousarray(told[..., :3]))
            chroma = chroma + told[..., 3:] / np.float32(255) * (given - chroma)
        raw = steadied = chroma
        before = None if self.guide is None else self._found_again(guide)
        if before is not None:
            _, steady_before, trust = before
            weight = cv2.merge([(KEPT if told is None else KEPT_TOLD) * trust] * 2)
            steadied = cv2.add(raw, cv2.multiply(weight, cv2.subtract(steady_before, raw)))
        if told is not None:
            steadied = np.where(told[..., 3:] == 255, given, steadied)
        if before is not None:
            self._measure(raw, steadied, *before)
        self.guide, self._raw, self.chroma = guide, raw, steadied
        return steadied

    def _measure(self, raw: np.ndarray, steadied: np.ndarray, raw_before: np.ndarray,
                 steady_before: np.ndarray, trust: np.ndarray) -> None:
        """Adds the change of chroma since the last drawing to the flicker."""
        known = 2 * float(trust.sum()) + 1e-6
        self.flicker.frames += 1
        before, after = (float(np.einsum("ijk,ij->", cv2.absdiff(now, then), trust)) / known
                         for now, then in ((raw, raw_before), (steadied, steady_before)))
        self.flicker.before += before
        self.flicker.after += after

    def _found_again(self, guide: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Moves the last chroma, raw and steadied, along; and how sure that is, float32 0..1."""
        places = self._motion.places(guide, self.guide)
        raw, steady, then = (cv2.remap(each, places, None, cv2.INTER_LINEAR,
                                       borderMode=cv2.BORDER_REPLICATE)
                             for each in (self._raw, self.chroma, self.guide))
        return raw, steady, likeness(guide, then)

    def state(self) -> dict[str, np.ndarray]:
        """Returns what `restore` continues from."""
        flicker = self.flicker
        kept = {"flicker": np.array([flicker.frames, flicker.before, flicker.after])}
        if self.guide is not None:
            kept |= {"guide": self.guide, "raw": self._raw, "steady": self.chroma}
        return kept

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from where `state` was taken."""
        frames, before, after = state["flicker"].tolist()
        self.flicker = Flicker(int(frames), before, after)
        self.guide, self._raw, self.chroma = map(state.get, ("guide", "raw", "steady"))
