"""Chroma over time: steadied from one drawing to the next, and its flicker measured."""

from dataclasses import dataclass

import cv2
import numpy as np

KEPT = 0.8  # share of the chroma before that stays where the same surface is seen again
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


class Steadier:
    """Follows the surfaces of a shot and steadies their chroma, one new drawing after the other.

    Dense optical flow of luminance (DIS, Kroeger et al. 2016) finds where a surface went. A surface
    that is not found again, by its luminance, takes the network's chroma as it is.
    """

    def __init__(self):
        self.flicker = Flicker()
        self._motion = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._guide = self._raw = self._steady = self._places = None

    def cut(self) -> None:
        """Forgets everything: a new shot begins."""
        self._guide = self._raw = self._steady = None

    def steady(self, guide: np.ndarray, chroma: np.ndarray) -> np.ndarray:
        """Steadies the chroma of the next drawing.

        Args:
            guide: its luminance, uint8 [h, w].
            chroma: the network's, float32 [h, w, 2].

        Returns:
            float32 [h, w, 2].
        """
        raw = steadied = np.asarray(chroma, np.float32)
        if self._guide is not None:
            raw_before, steady_before, trust = self._found_again(guide)
            weight = cv2.merge([KEPT * trust] * 2)
            steadied = cv2.add(raw, cv2.multiply(weight, cv2.subtract(steady_before, raw)))
            known = 2 * float(trust.sum()) + 1e-6
            self.flicker.frames += 1
            for name, now, then in (("before", raw, raw_before),
                                    ("after", steadied, steady_before)):
                change = float(np.einsum("ijk,ij->", cv2.absdiff(now, then), trust)) / known
                setattr(self.flicker, name, getattr(self.flicker, name) + change)
        self._guide, self._raw, self._steady = guide, raw, steadied
        return steadied

    def _found_again(self, guide: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Moves the last chroma, raw and steadied, along; and how sure that is, float32 0..1."""
        before = self._raw, self._steady, self._guide
        if min(guide.shape) >= LEAST_SIDE:
            if self._places is None or self._places.shape[:2] != guide.shape:
                self._places = np.dstack(np.meshgrid(*(np.arange(length, dtype=np.float32)
                                                       for length in guide.shape[::-1])))
            place = cv2.add(self._places, self._motion.calc(guide, self._guide, None))
            before = [cv2.remap(each, place, None, cv2.INTER_LINEAR,
                                borderMode=cv2.BORDER_REPLICATE) for each in before]
        raw, steady, then = before
        return raw, steady, cv2.LUT(cv2.blur(cv2.absdiff(guide, then), (3, 3)), _TRUST)

    def state(self) -> dict[str, np.ndarray]:
        """Returns what `restore` continues from."""
        flicker = self.flicker
        kept = {"flicker": np.array([flicker.frames, flicker.before, flicker.after])}
        if self._guide is not None:
            kept |= {"guide": self._guide, "raw": self._raw, "steady": self._steady}
        return kept

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from where `state` was taken."""
        frames, before, after = state["flicker"].tolist()
        self.flicker = Flicker(int(frames), before, after)
        self._guide, self._raw, self._steady = (state.get(name)
                                                for name in ("guide", "raw", "steady"))

    @property
    def chroma(self) -> np.ndarray | None:
        """The steadied chroma of the drawing that was seen last."""
        return self._steady

    @property
    def guide(self) -> np.ndarray | None:
        """The luminance of the drawing that was seen last."""
        return self._guide
