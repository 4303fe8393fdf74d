"""Where and when colour goes wrong: at edges, and from frame to frame."""

import cv2
import numpy as np

from keras_colorize.image import pixels
from keras_colorize.image.metrics.distances import chroma_error

REACH = 3  # pixels from a strong edge within which colour has bled
STILL = 2  # levels of luminance that codec noise changes in a picture that stands still
AROUND = np.ones((5, 5), np.uint8)  # a pixel stands still where all of these around it do
LEAST_STILL = 0.01  # of the pixels: less of them say nothing about flicker


def edge_bleed(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """By how much the chroma error within `REACH` pixels of strong edges exceeds that elsewhere.

    Edges are those that Canny's detector finds in the luminance of the truth. Levels of 255, as
    `chroma_l1`; 0 where all is well; below 0 where colour is wrong mostly within the shapes; NaN
    for a picture without edges, as a black one, or with nothing but edges.

    Args:
        pictures, truth: uint8 RGB [n, h, w, 3].

    Returns:
        float64 [n].
    """
    errors = chroma_error(pictures, truth)
    bleed = np.full(len(errors), np.nan)
    for index, (error, true) in enumerate(zip(errors, truth, strict=True)):
        near = near_edges(pixels.gray(true))
        if near.any() and not near.all():
            bleed[index] = error[near].mean() - error[~near].mean()
    return bleed


def near_edges(luminance: np.ndarray) -> np.ndarray:
    """The pixels within `REACH` of a strong edge: uint8 [h, w] to bool [h, w]."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    return cv2.dilate(cv2.Canny(luminance, *pixels.CANNY), brush) > 0


def flicker(pictures: np.ndarray, luminance: np.ndarray) -> float | None:
    """How much the chroma of two frames differs where their input does not.

    Args:
        pictures: what became of the two, uint8 RGB [2, h, w, 3].
        luminance: uint8 [2, h, w], of the two frames as they were.

    Returns:
        The mean absolute difference of chroma, in levels of 255, over the pixels around which the
        luminance changed by `STILL` at the most; None where these are fewer than `LEAST_STILL`.
    """
    moved = cv2.absdiff(luminance[0], luminance[1]) > STILL
    still = cv2.dilate(moved.astype(np.uint8), AROUND) == 0
    if still.mean() < LEAST_STILL:
        return None
    before, after = (pixels.chroma(picture) for picture in pictures)
    return float(np.abs(after - before)[still].mean())
