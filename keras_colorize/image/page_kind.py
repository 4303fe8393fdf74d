"""The kind of a page: colour, gray, screentone or line art, judged by its pixels alone."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import fft

from keras_colorize.image import pixels

KINDS = ("color", "gray", "screentone", "line_art")

COLORED = 0.0008  # share of a colour page's pixels that differ from the tint of its paper
HUED = 10  # CIELAB distance from the tint of a page's grays, beyond which a pixel is coloured
TONED = 0.04  # share of a screentone page's inked tiles that carry dots
GRAYS = 0.1  # share of pixels between ink and paper that line art stays below

FEWEST = 4  # tiles of dots: one or two are a fence, or a shirt of checks

TILE = 96  # pixels, room for seven of the coarsest dots
COARSEST = 14  # pixels from dot to dot
LEAST_CONTRAST = 12  # levels: the noise of compression is below it
DOT_CONTRAST = 30  # levels: black dots on white paper vary more, even where a scan softens them
PEAKED = (0.2, 0.08)  # share of a tile's fine detail that two crossed waves make up, where it is
# dots: among grays, and where nearly all is black or white
FEW_GRAYS = 0.3  # share of a tile's pixels
BIN = np.ones((3, 3), np.uint8)
WINDOW = np.outer(np.hanning(TILE), np.hanning(TILE)).astype(np.float32)
FREQUENCY = np.hypot(*np.meshgrid(*[np.fft.fftfreq(TILE)] * 2, indexing="ij"))
EVEN = np.where(FREQUENCY > 1 / COARSEST, FREQUENCY ** 2, 0).astype(np.float32)  # evens out edges


@dataclass(frozen=True)
class Route:
    """The kind of a page, and how clearly it is of that kind."""

    kind: str
    scores: dict[str, float]
    """For `color`, `screentone` and `line_art` how clearly it is that, 0..1; from 0.5 on it is."""
    pitch: float = 0.0
    """Pixels from dot to dot of its screentone; 0 where it has none."""
    dots: np.ndarray | None = None
    """For each tile whether it carries dots, bool [rows, columns]; None but for screentone."""


def route(picture: np.ndarray, luminance: np.ndarray | None = None) -> Route:
    """Judges whether a page has colour, then whether it has dots, then whether it has grays.

    Args:
        picture: uint8 RGB [h, w, 3] or gray [h, w].
        luminance: uint8 [h, w], where it is known already.
    """
    luminance = pixels.gray(picture) if luminance is None else luminance
    colored = _score(colored_share(picture), COLORED)
    if colored >= 0.5:
        return Route("color", {"color": colored})
    dots, pitch = find_dots(luminance)
    lines = _score(GRAYS, gray_share(luminance))
    inked = max(1, int(_contrasts(luminance).sum()))
    toned = _score(float(dots.sum() / inked), TONED) if dots.sum() >= FEWEST else 0.0
    scores = {"color": colored, "screentone": toned, "line_art": lines}
    if toned >= 0.5:
        return Route("screentone", scores, pitch, dots)
    return Route("line_art" if lines >= 0.5 else "gray", scores)


def colored_share(picture: np.ndarray) -> float:
    """Returns the share of the pixels of uint8 RGB [h, w, 3] or gray [h, w] that have a colour.

    A tint that all pixels of about the same lightness share, as of old paper or sepia ink, is not a
    colour.
    """
    if picture.ndim == 2:
        return 0.0
    small = pixels.narrowed(picture)
    lab = cv2.cvtColor(np.float32(small) / 255, cv2.COLOR_RGB2Lab).reshape(-1, 3)
    chroma = lab[:, 1:]
    if np.abs(chroma).max() < HUED:
        return 0.0
    level = np.clip(lab[:, 0] / 10, 0, 9).astype(int)
    tint = np.array([np.median(chroma[level == step], axis=0) if (level == step).any() else (0, 0)
                     for step in range(10)])
    return float(np.mean(np.linalg.norm(chroma - tint[level], axis=1) > HUED))


def gray_share(luminance: np.ndarray) -> float:
    """Returns the share of pixels, uint8 [h, w], that are neither near black nor near white."""
    return cv2.countNonZero(cv2.inRange(luminance, 49, 207)) / luminance.size


def find_dots(luminance: np.ndarray) -> tuple[np.ndarray, float]:
    """Where a page is printed in dots: tiles whose fine detail is a few strong waves.

    Args:
        luminance: uint8 [h, w].

    Returns:
        For each tile whether it is dots, bool [rows, columns] (the last of each may be partial and
        is judged by the last whole one), and the median pitch in pixels, 0 without dots.
    """
    rows, columns = (max(1, length // TILE) for length in luminance.shape)
    found, pitches = np.zeros((rows, columns), bool), []
    for row in range(rows):
        dots = _dots(luminance[row * TILE:(row + 1) * TILE])
        found[row, list(dots)] = True
        pitches += dots.values()
    return found, float(np.median(pitches)) if pitches else 0.0


def _dots(strip: np.ndarray) -> dict[int, float]:
    """Of a strip as high as a tile, uint8, the tiles of dots, and the pitch in each."""
    tiles = {}
    for column in range(strip.shape[1] // TILE if len(strip) == TILE else 0):
        tile = np.ascontiguousarray(strip[:, column * TILE:(column + 1) * TILE])
        if cv2.meanStdDev(tile)[1].item() > DOT_CONTRAST:
            tiles[column] = tile
    if not tiles:
        return {}
    stack = np.stack(list(tiles.values()))
    grays = np.mean((stack > 64) & (stack < 192), axis=(1, 2))
    return {column: pitch for column, gray, (peaked, pitch)
            in zip(tiles, grays, _waves(stack), strict=True)
            if peaked > PEAKED[bool(gray < FEW_GRAYS)]}


def _waves(tiles: np.ndarray) -> list[tuple[float, float]]:
    """For tiles [n, TILE, TILE] how much of the detail is two crossed waves, and how long they are.

    Edges are made of waves of one direction and of all lengths; a grid of dots is made of two of
    one length at a right angle.
    """
    tiles = tiles - tiles.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    waves = fft.fft2(tiles * WINDOW)  # of float32: complex64
    power = (waves.real ** 2 + waves.imag ** 2) * EVEN
    judged = []
    for spectrum in power:
        # A wave between two bins of the spectrum, seen through the window, fills 3x3 of them.
        around = cv2.copyMakeBorder(spectrum, 2, 2, 2, 2, cv2.BORDER_WRAP)
        waves = cv2.boxFilter(around, -1, (3, 3), normalize=False)
        turned = np.ascontiguousarray(_quarter_turn(waves[2:-2, 2:-2]))
        crossing = cv2.dilate(cv2.copyMakeBorder(turned, 2, 2, 2, 2, cv2.BORDER_WRAP), BIN)
        both = np.minimum(waves, crossing)[2:-2, 2:-2]
        at = np.unravel_index(np.argmax(both), both.shape)
        judged.append((float(4 * both[at] / (spectrum.sum() + 1e-6)),  # each has its mirror image
                       float(1 / max(FREQUENCY[at], 1 / TILE))))
    return judged


def _quarter_turn(spectrum: np.ndarray) -> np.ndarray:
    """Each wave at the place of the wave that crosses it: (y, x) to (x, -y)."""
    return np.roll(spectrum.T[:, ::-1], 1, axis=1)


def _contrasts(luminance: np.ndarray) -> np.ndarray:
    """For each tile whether there is anything on it, bool [rows, columns]."""
    rows, columns = (max(1, length // TILE) for length in luminance.shape)
    if min(luminance.shape) > 2 * TILE:
        luminance = pixels.halved(luminance)
    small = cv2.resize(luminance, (columns * 8, rows * 8), interpolation=cv2.INTER_AREA)
    blocks = small.reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(rows, columns, 64)
    return blocks.astype(np.float32).std(axis=2) > LEAST_CONTRAST


def _score(value: float, threshold: float) -> float:
    """Returns 0.5 for a value at its threshold, and goes to 0 below it and to 1 above it."""
    return value / (value + threshold) if value + threshold else 0.0


def descreen(luminance: np.ndarray, route: Route) -> np.ndarray:
    """The tones that a page's dots stand for: uint8 [h, w] to uint8 [h, w].

    Only tiles of dots are smoothed, as far as their pitch asks for; the rest stays as it is.
    """
    if route.dots is None or not route.pitch:
        return luminance
    height, width = luminance.shape
    smooth = cv2.GaussianBlur(luminance, (0, 0), 0.5 * route.pitch)
    grown = cv2.dilate(route.dots.astype(np.uint8), BIN)  # tiles that are dots in part
    share = cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.where(share > 0, smooth, luminance)
