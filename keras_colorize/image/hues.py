"""Hues: which pixels of a picture have a colour, not just a tint, a fringe, a stain or noise."""

import cv2
import numpy as np

from keras_colorize.image import pixels

HUED = 10  # CIELAB distance from the tint of a page's grays, beyond which a pixel is coloured
FREQUENT = 0.05  # share of pixels from which on a lightness has a tint of its own
FRINGE = 12  # levels by which a channel leaves the range of another's neighbours
LINES = 0.35  # of their contrast, by which it may leave it besides, for lines thinner than a pixel
NEIGHBOURS = 5  # pixels across which channels may be shifted against each other
NOISE = 30  # CIELAB distance: the noise of chroma on old tapes stays below it
FAINT = 8  # CIELAB distance from gray that half of a noisy picture's pixels stay below
ONE_SIDED = 0.3  # mean of the directions of hue, of length 0..1, below which they are noise
STEADY = 0.3  # share of chroma that a field has on average; of noise, little is left
STAINED = 40  # CIELAB distance that no tint of paper, and no stain of yellow or brown, exceeds
SOFT = 8.0  # CIELAB distance from pixel to pixel; stains stay below it, drawn colours do not
SMALL = 0.03  # share of a page's pixels that a stamp or logo stays below
COMPACT = 0.1  # share of a page's fields that it stays below
FIELDS = 10  # across and down
PLAIN = 5  # CIELAB distance from its tint that a page without colour keeps within
PALE = 0.25  # CIELAB distance from gray that its tint keeps within, as a share of lightness
DARK = 15  # of lightness, below which a tint is not seen


def coloured(picture: np.ndarray) -> np.ndarray:
    """Tells which pixels of uint8 RGB [h, w, 3] have a colour, bool [h, w].

    These are not colours: a tint that all pixels of about the same lightness share, as of old paper
    or sepia ink; the fringes of channels that are shifted against each other; soft stains of yellow
    or brown; and faint noise of all hues at once.
    """
    lab = cv2.cvtColor(np.float32(picture) / 255, cv2.COLOR_RGB2Lab)
    chroma = lab[..., 1:]
    if np.abs(chroma).max() < HUED:
        return np.zeros(picture.shape[:2], bool)
    off = _off_tint(lab)
    distance = np.linalg.norm(off, axis=2)
    found = distance > HUED
    if not found.any() or _is_noise(chroma, off, distance):
        return np.zeros_like(found)
    found &= ~_fringes(picture)
    return found & ~_stains(lab, chroma, off, found)


def is_stamp(picture: np.ndarray, found: np.ndarray) -> bool:
    """Tells whether all that is coloured is a stamp or a logo on a page without colour.

    Args:
        picture: uint8 RGB [h, w, 3].
        found: of `coloured`.
    """
    if not found.any() or found.mean() >= SMALL or _fields(found).mean() >= COMPACT:
        return False
    lab = cv2.cvtColor(np.float32(picture) / 255, cv2.COLOR_RGB2Lab)
    rest = cv2.dilate(found.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    if not rest.any():
        return False
    if np.percentile(np.linalg.norm(_off_tint(lab), axis=2)[rest], 98) >= PLAIN:
        return False
    seen = lab[rest & (lab[..., 0] > DARK)]
    tint = np.linalg.norm(seen[:, 1:], axis=1) / seen[:, 0]
    return not tint.size or float(np.percentile(tint, 95)) < PALE


def _fields(found: np.ndarray) -> np.ndarray:
    """Tells which fields of a page have any pixel of a mask, bool [FIELDS, FIELDS]."""
    fields = cv2.resize(found.astype(np.uint8) * 255, (8 * FIELDS, 8 * FIELDS),
                        interpolation=cv2.INTER_AREA).reshape(FIELDS, 8, FIELDS, 8)
    return fields.max(axis=(1, 3)) > 0


def stamp_of(picture: np.ndarray) -> np.ndarray:
    """Finds the stamp of uint8 RGB [h, w, 3], with its soft rim, which is fainter; bool [h, w]."""
    return cv2.dilate(coloured(picture).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def with_stamp(colored: np.ndarray, luminance: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Lays the coloured pixels of a page on its coloured copy, at the page's luminance.

    Args:
        colored: the copy, RGB [h, w, 3] of the type of `luminance`.
        luminance: of the page, uint8 or uint16 [h, w].
        shown: the page, uint8 RGB [h, w, 3].
    """
    most = np.iinfo(luminance.dtype).max
    chroma = (shown.astype(np.int32) - pixels.gray(shown)[..., None]) * (most // 255)
    own = np.clip(luminance[..., None] + chroma, 0, most).astype(luminance.dtype)
    return np.where(stamp_of(shown)[..., None], own, colored)


def _off_tint(lab: np.ndarray) -> np.ndarray:
    """Returns the chroma of pixels, from that which most of their lightness have, [h, w, 2].

    A lightness that few have, as that of a stamp on white paper, has the tint of those beside it.
    """
    chroma, level = lab[..., 1:], np.clip(lab[..., 0] / 10, 0, 9).astype(int)
    counts = np.bincount(level.ravel(), minlength=10)
    common = [step for step in range(10) if counts[step] >= FREQUENT * level.size]
    medians = np.array([np.median(chroma[level == step], axis=0) for step in common])
    medians[np.linalg.norm(medians, axis=1) > STAINED] = 0  # a flat colour, and no paper's tint
    places = [-0.5, *common]  # black has no tint
    tint = [np.interp(range(10), places, [0, *medians[:, axis]]) for axis in (0, 1)]
    return chroma - np.float32(tint).T[level]


def _is_noise(chroma: np.ndarray, off: np.ndarray, distance: np.ndarray) -> bool:
    """Tells whether chroma is faint, all over, and of no hue more than of others."""
    if np.percentile(distance, 99.5) >= NOISE or \
            np.median(np.linalg.norm(chroma, axis=2)) >= FAINT:
        return False
    some = distance > HUED / 2
    directions = off[some] / distance[some][:, None]
    means = cv2.resize(off, (FIELDS, FIELDS), interpolation=cv2.INTER_AREA)
    power = cv2.resize(distance ** 2, (FIELDS, FIELDS), interpolation=cv2.INTER_AREA)
    steady = np.linalg.norm(means, axis=2) / np.sqrt(power + 1e-6)
    return float(np.linalg.norm(directions.mean(axis=0))) < ONE_SIDED and \
        float(_fields(some).mean()) > 0.8 and float(np.median(steady)) < STEADY


def _fringes(picture: np.ndarray) -> np.ndarray:
    """Tells where each channel is within what the others are nearby, bool [h, w]."""
    paper = np.maximum(np.percentile(picture.reshape(-1, 3), 95, axis=0), 1)
    white = np.clip(picture * (paper.max() / paper), 0, 255).astype(np.uint8)
    channels, square = cv2.split(white), np.ones((NEIGHBOURS, NEIGHBOURS), np.uint8)
    ranges = [(cv2.erode(each, square), cv2.dilate(each, square)) for each in channels]
    gap, contrast = np.zeros((2, *picture.shape[:2]), np.uint8)
    for least, most in ranges:
        contrast = cv2.max(contrast, cv2.subtract(most, least))
    for one, channel in enumerate(channels):
        for other, (least, most) in enumerate(ranges):
            if one != other:
                gap = cv2.max(gap, cv2.max(cv2.subtract(channel, most),
                                           cv2.subtract(least, channel)))
    return gap < FRINGE + LINES * contrast


def _stains(lab: np.ndarray, chroma: np.ndarray, off: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Tells which pixels belong to soft patches of pale yellow or brown, bool [h, w]."""
    red, yellow = chroma[..., 0], chroma[..., 1]
    brown = found & (off[..., 1] > 0) & (np.abs(red) < 0.6 * yellow) & \
        (np.linalg.norm(chroma, axis=2) < STAINED)
    if not brown.any():
        return brown
    # As a share of the light, so that ink on a stain does not count as an edge of it.
    lit = lab[..., 0] > 30
    tint = np.where(lit[..., None], chroma * (100 / np.maximum(lab[..., :1], 30)), np.nan)
    steps = np.zeros(found.shape, np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(tint, axis=axis), axis=2)
        place = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        steps[place] = np.fmax(steps[place], np.nan_to_num(step))
    near = cv2.dilate(brown.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    edges = near & (steps > SOFT)
    return brown if edges.sum() < 0.1 * _outline(brown) else np.zeros_like(brown)


def _outline(mask: np.ndarray) -> int:
    """Counts the pixels on the outline of a mask, bool [h, w]."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    return max(1, int(mask.sum()) - int(inner.sum()))
