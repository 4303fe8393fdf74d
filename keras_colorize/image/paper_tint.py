"""Tint of a page's paper: found where a page without colour is lightest, taken off, laid on again.

A network that is shown tinted paper as gray makes blotches of it.
"""

import numpy as np

from keras_colorize.image import line_lock, pixels

LIGHT = 75  # percentile of lightness, from which on pixels may be paper
PAPER = 97  # percentile of the luminance, which is the paper's
DIMMEST = 128  # luminance, below which nothing is paper
FAINT = 0.03  # of the luminance: channels that differ less are gray
PALEST = 0.5  # of the luminance: channels that differ more are no paper's tint


def find_tint(colors: np.ndarray) -> np.ndarray | None:
    """Finds the colour of the paper of a page without colour.

    Args:
        colors: of the page, uint8 RGB [h, w, 3] or gray [h, w].

    Returns:
        RGB, float32 [3] in 0..255; None where the paper is white or gray, or there is none.
    """
    if colors.ndim == 2:
        return None
    small = np.ascontiguousarray(pixels.narrowed(colors))
    level, total = pixels.gray(small), small.sum(axis=2)
    paper = float(np.percentile(level, PAPER))
    if paper < DIMMEST:
        return None
    light = total >= np.percentile(total, LIGHT)  # luminance would choose the green of noise
    shares = np.median(small[light] / np.maximum(level[light], 1)[:, None], axis=0)
    span = float(np.ptp(shares))
    return np.float32(np.minimum(shares * paper, 255)) if FAINT <= span <= PALEST else None


def off(page: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """Takes the tint off a page, so that its paper is white.

    Args:
        page: uint8 or uint16, RGB [h, w, 3] or its luminance [h, w].
        tint: of `find_tint`.
    """
    by = tint if page.ndim == 3 else float(_luminance(tint))
    most = np.iinfo(page.dtype).max
    return np.rint(np.minimum(page * (255 / by), most)).astype(page.dtype)


def on(colored: np.ndarray, tint: np.ndarray, luminance: np.ndarray | None = None) -> np.ndarray:
    """Lays a coloured page whose paper is white on tinted paper.

    Args:
        colored: RGB [h, w, 3], uint8 or uint16.
        tint: of `find_tint`.
        luminance: of the tinted page, which is to stay; None where it need not.
    """
    most = np.iinfo(colored.dtype).max
    laid = colored * (tint / 255)
    if luminance is None:
        return np.rint(laid).astype(colored.dtype)
    chroma = (laid[..., ::2] - _luminance(laid)[..., None]) * np.float32(255 / most)
    return line_lock.join(luminance, chroma.astype(np.float32))


def _luminance(colors: np.ndarray) -> np.ndarray:
    return colors @ np.float32([pixels.RED, pixels.GREEN, pixels.BLUE])
