"""Figures of pictures: distance from the truth, colour as people see it, bleeding and flicker.

All but `colourfulness` and `flicker` take pictures and their truth, uint8 RGB [n, h, w, 3] each,
give float64 [n], and raise ValueError where the shapes differ.
"""

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from keras_colorize.image import line_lock, pixels

ROUNDING = 1 / 12  # the variance of rounding to whole levels: no difference is known better
REACH = 3  # pixels from a strong edge within which colour has bled
BIN = 10  # of CIELAB's a and b: colours within it look alike at a glance
ALTERNATING = np.array([[1, -3, 3, -1]], np.float32) / 8  # 1 for a grid of two pixels, 0 for edges
LEAST_ALTERNATION = 0.1  # levels of 255
LEAST_STILL = 0.01  # of the pixels: less of them say nothing about flicker


def l1(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the mean absolute difference per pixel-channel, 0..255 (table 1)."""
    return np.abs(difference(pictures, truth)).mean(axis=(1, 2, 3))


def l2(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the mean squared difference per pixel-channel (table 1)."""
    return np.square(difference(pictures, truth)).mean(axis=(1, 2, 3))


def psnr(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the peak signal-to-noise ratio in dB, at most 58.92: that of mere rounding."""
    return 10 * np.log10(255**2 / np.maximum(l2(pictures, truth), ROUNDING))


def ssim(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the structural similarity, at most 1, as the mean over the channels.

    It is that of Wang, Bovik, Sheikh and Simoncelli 2004: Gaussian windows of sigma 1.5.
    """
    difference(pictures, truth)
    return np.array([structural_similarity(picture, true, channel_axis=2, data_range=255,
                                           gaussian_weights=True, sigma=1.5,
                                           use_sample_covariance=False)
                     for picture, true in zip(pictures, truth, strict=True)], np.float64)


def chroma_l1(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the mean absolute difference of chroma, red and blue less the luminance, 0..255.

    It sees the colour alone: a wrong luminance of the right hue counts as nothing.
    """
    return chroma_error(pictures, truth).mean(axis=(1, 2))


def chroma_error(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the error of `chroma_l1` of each pixel, float64 [n, h, w]."""
    difference(pictures, truth)
    errors = [np.abs(pixels.chroma(picture) - pixels.chroma(true)).mean(axis=-1)
              for picture, true in zip(pictures, truth, strict=True)]
    return np.array(errors, np.float64)


def difference(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Subtracts the truth from pictures, float64; raises ValueError where the shapes differ."""
    if pictures.shape != truth.shape:
        raise ValueError(f"pictures have shape {pictures.shape}, their truth {truth.shape}")
    return pictures.astype(np.float64) - truth


def ciede2000(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the mean CIEDE2000 colour difference, with the white D65.

    People just see a difference of 1 side by side, and one of 10 at a glance.
    """
    return difference_maps(pictures, truth).mean(axis=(1, 2))


def ciede2000_p95(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the CIEDE2000 difference that 95 % of a picture's pixels stay below."""
    return np.percentile(difference_maps(pictures, truth), 95, axis=(1, 2))


def difference_maps(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the CIEDE2000 difference of each pixel, float64 [n, h, w]."""
    difference(pictures, truth)
    return deltaE_ciede2000(rgb2lab(truth), rgb2lab(pictures))


def vivid_gain(luminances: list[np.ndarray], chromas: list[np.ndarray], wanted: float,
               between: tuple[float, float], halvings: int) -> float:
    """Finds by what the chroma of pictures is multiplied to be as colourful as wanted.

    Args:
        luminances, chromas: uint8 [h, w] and float32 [h, w, 2] of each picture.
        wanted: the mean `colourfulness` to reach.
        between: the range in which the gain is sought.
        halvings: how often the range is halved.

    Returns:
        The least gain of the range where that is enough, else one that is, or the largest.
    """
    def reached(gain: float) -> bool:
        pictures = [line_lock.join(luminance, np.float32(gain) * chroma)
                    for luminance, chroma in zip(luminances, chromas, strict=True)]
        return colourfulness(np.stack(pictures)).mean() >= wanted

    low, high = between
    if reached(low):
        return low
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def colourfulness(pictures: np.ndarray) -> np.ndarray:
    """Returns how colourful pictures are, uint8 RGB [n, h, w, 3] to float64 [n].

    It is M3 of Hasler and Suesstrunk 2003: gray pictures have 0, "moderately colourful" ones about
    33, "extremely" colourful ones 109.
    """
    red, green, blue = np.moveaxis(pictures.astype(np.float64), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue])  # [2, n, h, w]
    return (np.linalg.norm(opponents.std(axis=(2, 3)), axis=0)
            + 0.3 * np.linalg.norm(opponents.mean(axis=(2, 3)), axis=0))


def edge_error(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the mean chroma error within `REACH` pixels of edges, in levels of 255.

    Edges are those that Canny's detector finds in the luminance of the truth. It is NaN for a
    picture without edges, such as a black one, or with nothing but edges.
    """
    return _errors_by_edges(pictures, truth)[0]


def edge_bleed(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns how much larger `edge_error` is than the chroma error elsewhere.

    It is 0 where all is well, and below 0 where colour is wrong mostly within the shapes.
    """
    near, elsewhere = _errors_by_edges(pictures, truth)
    return near - elsewhere


def _errors_by_edges(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the mean chroma error near edges, and elsewhere, float64 [2, n]."""
    errors = chroma_error(pictures, truth)
    means = np.full((2, len(errors)), np.nan)
    for index, (error, true) in enumerate(zip(errors, truth, strict=True)):
        near = near_edges(pixels.gray(true))
        if near.any() and not near.all():
            means[:, index] = error[near].mean(), error[~near].mean()
    return means


def near_edges(luminance: np.ndarray) -> np.ndarray:
    """Marks the pixels within `REACH` of a strong edge: uint8 [h, w] to bool [h, w]."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    return cv2.dilate(cv2.Canny(luminance, *pixels.CANNY), brush) > 0


def flicker(pictures: np.ndarray, luminance: np.ndarray) -> float | None:
    """Returns how much the chroma of two frames differs where their input does not.

    Args:
        pictures: the two frames after colouring, uint8 RGB [2, h, w, 3].
        luminance: the two frames before it, uint8 [2, h, w].

    Returns:
        The mean absolute difference of chroma, in levels of 255, over the pixels around which the
        luminance stands still (`pixels.still`); None where these are fewer than `LEAST_STILL`.
    """
    still = pixels.still(*luminance)
    if still.mean() < LEAST_STILL:
        return None
    before, after = (pixels.chroma(picture) for picture in pictures)
    return float(np.abs(after - before)[still].mean())


def histogram_overlap(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the share of a picture's colours that are as frequent in the truth, 0..1.

    The histograms are of CIELAB's a and b, in bins of `BIN`. The share is high where the hues are
    as varied as the truth's, whatever their places. A picture in one brown has a low share, even if
    its distance from the truth is small.
    """
    difference(pictures, truth)
    overlaps = [np.minimum(hues(picture), hues(true)).sum()
                for picture, true in zip(pictures, truth, strict=True)]
    return np.array(overlaps, np.float64)


def hues(picture: np.ndarray) -> np.ndarray:
    """Returns the share of the pixels in each bin of a and b, float64 [bins, bins]."""
    edges = np.arange(-110, 111, BIN)
    return np.histogramdd(rgb2lab(picture)[..., 1:].reshape(-1, 2), (edges, edges))[0] \
        / picture[..., 0].size


def grid(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns how strongly pixels alternate, as a multiple of the truth.

    A decoder may leave a grid of two pixels when it doubles the size (Odena, Dumoulin and Olah
    2016). Then the value is above 1. A picture softer than the truth has a value below 1. It is NaN
    where the truth hardly alternates, as in a black picture.
    """
    difference(pictures, truth)
    own, true = (np.array([_alternation(each) for each in all_of]) for all_of in (pictures, truth))
    return np.where(true > LEAST_ALTERNATION, own / np.maximum(true, LEAST_ALTERNATION), np.nan)


def _alternation(picture: np.ndarray) -> float:
    """Returns the root mean square of what alternates along rows and columns, 0..255."""
    planes = picture.astype(np.float32)
    both = [cv2.filter2D(planes, -1, kernel, borderType=cv2.BORDER_REFLECT)
            for kernel in (ALTERNATING, ALTERNATING.T)]
    return float(np.sqrt(np.mean(np.square(both))))


PICTURE_METRICS = {
    "l1": l1, "l2": l2, "psnr": psnr, "ssim": ssim, "chroma_l1": chroma_l1,
    "ciede2000": ciede2000, "ciede2000_p95": ciede2000_p95, "edge_error": edge_error,
    "edge_bleed": edge_bleed, "histogram_overlap": histogram_overlap, "grid": grid,
}
"""The figures that need the truth, by the names that reports give them."""


def of_pictures(pictures: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Returns all of `PICTURE_METRICS`; makes what several of them share once."""
    maps = difference_maps(pictures, truth)
    near, elsewhere = _errors_by_edges(pictures, truth)
    known = {"ciede2000": maps.mean(axis=(1, 2)),
             "ciede2000_p95": np.percentile(maps, 95, axis=(1, 2)),
             "edge_error": near, "edge_bleed": near - elsewhere}
    return {name: known[name] if name in known else metric(pictures, truth)
            for name, metric in PICTURE_METRICS.items()}
