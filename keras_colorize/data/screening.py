"""Frames that teach little: nearly black, colourless or blank ones, and repeats of one drawing."""

import cv2
import numpy as np

from keras_colorize.image import pixels

DARK = 24  # luminance, 0..255: below it nothing is to be seen
PALE = 8  # CIELAB chroma: below it lie gray under codec noise, and the tint of old paper
ONE_TONE = 5  # CIELAB difference from the commonest tone
SHARES = {"black": 0.99, "gray": 0.98, "blank": 0.95}  # of the pixels that must be so
SAME_DRAWING = 8  # levels of luminance: H.264 noise is up to 6 at crf 23, a new drawing 10 or more
NEIGHBOURHOOD = (5, 5)  # pixels of a thumbnail over which differences are averaged


def is_near_black(picture: np.ndarray) -> bool:
    """Whether 99 % of the pixels, uint8 RGB [h, w, 3], have a luminance below `DARK`."""
    luminance = cv2.cvtColor(pixels.narrowed(picture), cv2.COLOR_RGB2GRAY)
    return bool(np.mean(luminance < DARK) >= SHARES["black"])


def is_near_gray(picture: np.ndarray) -> bool:
    """Whether 98 % of the pixels, uint8 RGB [h, w, 3], have a CIELAB chroma below `PALE`.

    Such are gray films and ink drawings, on tinted paper too, and the page of credits.
    """
    chroma = np.linalg.norm(_lab(picture)[..., 1:], axis=2)
    return bool(np.mean(chroma < PALE) >= SHARES["gray"])


def is_near_blank(picture: np.ndarray) -> bool:
    """Whether 95 % of the pixels, uint8 RGB [h, w, 3], are of one tone.

    That is within `ONE_TONE` (Delta E 1976) of the median colour: empty paper, an empty sky.
    """
    lab = _lab(picture)
    distance = np.linalg.norm(lab - np.median(lab, axis=(0, 1)), axis=2)
    return bool(np.mean(distance < ONE_TONE) >= SHARES["blank"])


class HeldDetector:
    """Numbers the drawings of a video, whose frames it is shown in order.

    A frame shows the drawing of the frame before it while it differs from that drawing's first
    frame by no more than codec noise: everywhere the root mean square difference of luminance over
    a neighbourhood is at most `SAME_DRAWING`. What moves slowly thus becomes a new drawing as soon
    as it has moved visibly, and luminance has to change: a change of hue alone is not seen.
    """

    def __init__(self):
        self._first: np.ndarray | None = None
        self._number = -1

    def drawing(self, thumbnail: np.ndarray) -> int:
        """The number, from 0, of the drawing that a frame shows.

        Args:
            thumbnail: of the next frame, uint8 BGR [h, w, 3], about 256 pixels wide.
        """
        luminance = cv2.cvtColor(thumbnail, cv2.COLOR_BGR2GRAY)
        if self._first is None or self._differs(luminance):
            self._first = luminance
            self._number += 1
        return self._number

    def _differs(self, luminance: np.ndarray) -> bool:
        if luminance.shape != self._first.shape:
            return True
        squares = cv2.sqrBoxFilter(cv2.absdiff(luminance, self._first), cv2.CV_32F, NEIGHBOURHOOD)
        return bool(squares.max() > SAME_DRAWING ** 2)


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.float32(pixels.narrowed(picture)) / 255, cv2.COLOR_RGB2Lab)
