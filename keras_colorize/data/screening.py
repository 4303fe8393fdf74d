"""Screening of frames: those that teach little, repeats of one drawing, and where a shot begins."""

import cv2
import numpy as np

from keras_colorize.image import pixels

DARK = 24  # luminance, 0..255: nothing can be seen below it
PALE = 8  # CIELAB chroma: gray under codec noise and the tint of old paper lie below it
ONE_TONE = 5  # CIELAB difference from the commonest tone
SHARES = {"black": 0.99, "gray": 0.98, "blank": 0.95}  # of the pixels that must be so
SAME_DRAWING = 8  # levels of luminance: H.264 noise is up to 6 at crf 23, a new drawing 10 or more
NEIGHBOURHOOD = (5, 5)  # pixels of a thumbnail over which differences are averaged
CUT = 27  # mean change of hue (0..179), saturation and value: PySceneDetect's default
SHOT_WIDTH = 128  # pixels: frames are compared at this width, enough to tell shots apart


def is_near_black(picture: np.ndarray) -> bool:
    """Tells whether 99 % of the pixels, uint8 RGB [h, w, 3], have a luminance below `DARK`."""
    luminance = cv2.cvtColor(pixels.narrowed(picture), cv2.COLOR_RGB2GRAY)
    return bool(np.mean(luminance < DARK) >= SHARES["black"])


def is_near_gray(picture: np.ndarray) -> bool:
    """Tells whether 98 % of the pixels, uint8 RGB [h, w, 3], have a CIELAB chroma below `PALE`.

    Examples are gray films, ink drawings, also on tinted paper, and the page of credits.
    """
    _, green_red, blue_yellow = cv2.split(_lab(picture))
    return bool(np.mean(cv2.magnitude(green_red, blue_yellow) < PALE) >= SHARES["gray"])


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

        It takes the frame's thumbnail, uint8 BGR [h, w, 3] or luminance [h, w], about 256 pixels
        wide.
        """
        first, luminance = self._first, thumbnail if thumbnail.ndim == 2 else \
            cv2.cvtColor(thumbnail, cv2.COLOR_BGR2GRAY)
        if first is None or luminance.shape != first.shape or cv2.sqrBoxFilter(
                cv2.absdiff(luminance, first), cv2.CV_32F, NEIGHBOURHOOD).max() > SAME_DRAWING ** 2:
            self._first = luminance
            self._number += 1
        return self._number


class ShotDetector:
    """Numbers the shots of a video, whose frames it sees in order.

    A cut is where hue, saturation and value change by `CUT` or more, as for the ContentDetector of
    PySceneDetect, or where the shape of the frames changes.
    """

    def __init__(self):
        self._last: np.ndarray | None = None
        self._number = 0

    def shot(self, thumbnail: np.ndarray) -> int:
        """Returns the number, from 0, of the shot that the next frame belongs to.

        It takes the frame's thumbnail, about `SHOT_WIDTH` wide: uint8 BGR [h, w, 3], or luminance
        [h, w] of a video without colour, where that alone must change by `CUT`.
        """
        last, self._last = self._last, thumbnail if thumbnail.ndim == 2 else \
            cv2.cvtColor(thumbnail, cv2.COLOR_BGR2HSV)
        if last is not None and (last.shape != self._last.shape or cv2.norm(
                last, self._last, cv2.NORM_L1) >= CUT * last.size):
            self._number += 1
        return self._number
