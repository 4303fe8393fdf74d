"""Screening of frames: those that teach little, repeats of one drawing, and where a shot begins."""

from functools import partial

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

from keras_colorize.image import pixels

DARK = 24  # luminance, 0..255: nothing can be seen below it
PALE = 8  # CIELAB chroma: gray under codec noise and the tint of old paper lie below it
ONE_TONE = 5  # CIELAB difference from the commonest tone
SHARES = {"black": 0.99, "gray": 0.98, "blank": 0.95}  # of the pixels that must be so
SAME_DRAWING = 8  # levels of luminance: H.264 noise is up to 6 at crf 23, a new drawing 10 or more
NEIGHBOURHOOD = (5, 5)  # pixels of a thumbnail over which differences are averaged
SHOT_WIDTH = 128  # pixels: frames are compared at this width, enough to tell shots apart


def is_near_black(picture: np.ndarray) -> bool:
    """Tells whether 99 % of the pixels, uint8 RGB [h, w, 3], have a luminance below `DARK`."""
    luminance = cv2.cvtColor(pixels.narrowed(picture), cv2.COLOR_RGB2GRAY)
    return bool(np.mean(luminance < DARK) >= SHARES["black"])


def is_near_gray(picture: np.ndarray) -> bool:
    """Tells whether 98 % of the pixels, uint8 RGB [h, w, 3], have a CIELAB chroma below `PALE`.

    Examples are gray films, ink drawings, also on tinted paper, and the page of credits.
    """
    chroma = np.linalg.norm(_lab(picture)[..., 1:], axis=2)
    return bool(np.mean(chroma < PALE) >= SHARES["gray"])


def is_near_blank(picture: np.ndarray) -> bool:
    """Tells whether 95 % of the pixels, uint8 RGB [h, w, 3], have one tone.

    They lie within `ONE_TONE` (Delta E 1976) of the median colour: empty paper, an empty sky.
    """
    lab = _lab(picture)
    distance = np.linalg.norm(lab - np.median(lab, axis=(0, 1)), axis=2)
    return bool(np.mean(distance < ONE_TONE) >= SHARES["blank"])


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.float32(pixels.narrowed(picture)) / 255, cv2.COLOR_RGB2Lab)


class HeldDetector:
    """Numbers the drawings of a video, whose frames it sees in order.

    A frame shows the drawing of the frame before it while it differs from that drawing's first
    frame by codec noise alone: everywhere the root mean square difference of luminance over a
    neighbourhood is at most `SAME_DRAWING`. So what moves slowly becomes a new drawing once it has
    moved visibly. A change of hue alone does not count.
    """

    def __init__(self):
        self._first: np.ndarray | None = None
        self._number = -1

    def drawing(self, thumbnail: np.ndarray) -> int:
        """Returns the number, from 0, of the drawing that the next frame shows.

        It takes the frame's thumbnail, uint8 BGR [h, w, 3], about 256 pixels wide.
        """
        first, luminance = self._first, cv2.cvtColor(thumbnail, cv2.COLOR_BGR2GRAY)
        if first is None or luminance.shape != first.shape or cv2.sqrBoxFilter(
                cv2.absdiff(luminance, first), cv2.CV_32F, NEIGHBOURHOOD).max() > SAME_DRAWING ** 2:
            self._first = luminance
            self._number += 1
        return self._number


class ShotDetector:
    """Numbers the shots of a video, whose frames it sees in order.

    A cut is where the content changes by more than PySceneDetect's default, or where the shape of
    the frames changes. `luma_only` ignores hue and saturation, for frames without colour.
    """

    def __init__(self, luma_only: bool = False):
        self._detector = partial(ContentDetector, min_scene_len=0, luma_only=luma_only)
        self._cuts, self._shape, self._frames, self._number = self._detector(), None, 0, 0

    def shot(self, thumbnail: np.ndarray) -> int:
        """Returns the number, from 0, of the shot that the next frame belongs to.

        It takes the frame's thumbnail, uint8 BGR [h, w, 3], about `SHOT_WIDTH` wide.
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
