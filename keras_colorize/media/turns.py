"""Turns and mirrorings by which the frames of a video are brought upright for showing."""

import math
from dataclasses import dataclass

import av
import numpy as np
from av.sidedata.sidedata import Type


@dataclass(frozen=True)
class Turn:
    """What a display matrix says of a stored frame: to mirror it, then to turn it."""

    degrees: int = 0
    """Counterclockwise, from -180 to 180."""
    is_mirrored: bool = False
    """Whether left and right of the stored frame are exchanged before."""

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Turn":
        """Reads the turn of a decoded frame; one without a display matrix is upright."""
        data = frame.side_data.get(Type.DISPLAYMATRIX)
        if data is None:
            return cls()
        a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
        is_mirrored = a * d - b * c < 0
        if is_mirrored:
            a, b = -a, -b
        return cls(round(-math.degrees(math.atan2(b, a))), is_mirrored)

    @property
    def quarters(self) -> int:
        """How many quarter turns, counterclockwise, bring a frame upright."""
        return round(self.degrees / 90) % 4

    def mirrored(self, pixels: np.ndarray) -> np.ndarray:
        """Mirrors the stored pixels [h, w, ...] where that is due, and leaves the turn undone."""
        return np.ascontiguousarray(pixels[:, ::-1]) if self.is_mirrored else pixels

    def upright(self, pixels: np.ndarray) -> np.ndarray:
        """Brings the stored pixels [h, w, ...] upright."""
        return np.ascontiguousarray(np.rot90(self.mirrored(pixels), self.quarters))
