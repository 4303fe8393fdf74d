"""Where the shots of a video begin."""

import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

WIDTH = 128  # pixels that frames are compared at, enough to tell shots apart


class ShotDetector:
    """Numbers the shots of a video, whose frames it is shown in order.

    A cut is where the content changes by more than PySceneDetect's default, or the shape of the
    frames.

    Args:
        luma_only: whether hue and saturation count for nothing, as in frames without colour.
    """

    def __init__(self, luma_only: bool = False):
        self._luma_only = luma_only
        self._cuts, self._shape, self._frames, self._number = self._detector(), None, 0, 0

    def shot(self, thumbnail: np.ndarray) -> int:
        """The number, from 0, of the shot that the next frame belongs to.

        Args:
            thumbnail: of the frame, uint8 BGR [h, w, 3], about `WIDTH` wide.
        """
        if self._shape not in (None, thumbnail.shape):  # which the detector cannot compare
            self._cuts = self._detector()
            self._number += 1
        self._shape = thumbnail.shape
        # The detector asks for a clock; frame numbers are clock enough.
        clock = FrameTimecode(self._frames, 25.0)
        self._frames += 1
        self._number += bool(self._cuts.process_frame(clock, thumbnail))
        return self._number

    def _detector(self) -> ContentDetector:
        return ContentDetector(min_scene_len=0, luma_only=self._luma_only)
