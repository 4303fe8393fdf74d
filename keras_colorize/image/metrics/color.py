"""Figures of colour as people see it: CIEDE2000 and colourfulness."""

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from keras_colorize.image.metrics.distances import difference


def ciede2000(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The mean CIEDE2000 colour difference, uint8 sRGB [n, h, w, 3] to float64 [n].

    About 1 is just seen side by side, 10 at a glance. White is D65.
    """
    return difference_maps(pictures, truth).mean(axis=(1, 2))


def ciede2000_p95(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The CIEDE2000 difference that 95 % of a picture's pixels stay below, as `ciede2000`."""
    return np.percentile(difference_maps(pictures, truth), 95, axis=(1, 2))


def difference_maps(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The CIEDE2000 difference of each pixel, uint8 sRGB [n, h, w, 3] to float64 [n, h, w]."""
    difference(pictures, truth)
    return deltaE_ciede2000(rgb2lab(truth), rgb2lab(pictures))


def colourfulness(pictures: np.ndarray) -> np.ndarray:
    """How colourful pictures are, uint8 RGB [n, h, w, 3] to float64 [n]: M3 of Hasler and
    Suesstrunk 2003. Gray pictures have 0, "moderately colourful" ones about 33, "extremely" 109.
    """
    red, green, blue = np.moveaxis(pictures.astype(np.float64), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue])  # [2, n, h, w]
    return (np.linalg.norm(opponents.std(axis=(2, 3)), axis=0)
            + 0.3 * np.linalg.norm(opponents.mean(axis=(2, 3)), axis=0))
