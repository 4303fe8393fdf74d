"""Distances between pictures, in RGB and in chroma, each a number a picture.

All take pictures and their truth, uint8 RGB [n, h, w, 3] each, give float64 [n], and raise
ValueError where the shapes differ.
"""

import numpy as np
from skimage.metrics import structural_similarity

from keras_colorize.image import pixels

ROUNDING = 1 / 12  # the variance of rounding to whole levels: no two pictures are known nearer


def l1(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean absolute difference per pixel-channel, 0..255 (table 1)."""
    return np.abs(difference(pictures, truth)).mean(axis=(1, 2, 3))


def l2(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean squared difference per pixel-channel (table 1)."""
    return np.square(difference(pictures, truth)).mean(axis=(1, 2, 3))


def psnr(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio in dB; 58.92 of equal pictures, as of mere rounding."""
    return 10 * np.log10(255**2 / np.maximum(l2(pictures, truth), ROUNDING))


def ssim(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity, at most 1, the mean over the channels.

    As Wang, Bovik, Sheikh and Simoncelli 2004 have it: Gaussian windows of sigma 1.5.
    """
    difference(pictures, truth)
    return np.array([structural_similarity(picture, true, channel_axis=2, data_range=255,
                                           gaussian_weights=True, sigma=1.5,
                                           use_sample_covariance=False)
                     for picture, true in zip(pictures, truth, strict=True)], np.float64)


def chroma_l1(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean absolute difference of chroma (red and blue less the luminance), in levels of 255.

    It sees the colour alone: a wrong luminance of the right hue counts as nothing.
    """
    return chroma_error(pictures, truth).mean(axis=(1, 2))


def chroma_error(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The error of `chroma_l1` of each pixel, float64 [n, h, w]."""
    difference(pictures, truth)
    errors = [np.abs(pixels.chroma(picture) - pixels.chroma(true)).mean(axis=-1)
              for picture, true in zip(pictures, truth, strict=True)]
    return np.array(errors, np.float64)


def difference(pictures: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pictures less their truth, float64; ValueError where their shapes differ."""
    if pictures.shape != truth.shape:
        raise ValueError(f"pictures have shape {pictures.shape}, their truth {truth.shape}")
    return pictures.astype(np.float64) - truth
