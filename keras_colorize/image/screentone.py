"""Screentone: tones drawn as dots, as manga is printed, and dots found and turned into tones again.

Pages are gray, uint8 [h, w], and so are the pages made of them.
"""

import cv2
import numpy as np
from scipy import fft

PITCH = (2.5, 7.0)  # pixels from dot to dot, of what is drawn
TONES = (4, 7)  # from 4 to 6 tones on a page, black and white among them
LIGHTER = (0.5, 1.0)  # the exponent of a page's tones
LINE_CONTRAST = (4.0, 9.0)  # how much darker than its surroundings a line of ink is, of 255

TILE = 96  # pixels, room for seven of the coarsest dots
COARSEST = 14  # pixels from dot to dot
DOT_CONTRAST = 30  # levels: black dots on white paper vary more, even where a scan softens them
PEAKED = (0.2, 0.08)  # the share that two crossed waves have of dots: among grays, and without
FEW_GRAYS = 0.3  # share of a tile's pixels
BIN = np.ones((3, 3), np.uint8)
WINDOW = np.outer(np.hanning(TILE), np.hanning(TILE)).astype(np.float32)
FREQUENCY = np.hypot(*np.meshgrid(*[np.fft.fftfreq(TILE)] * 2, indexing="ij"))
EVEN = np.where(FREQUENCY > 1 / COARSEST, FREQUENCY ** 2, 0).astype(np.float32)  # evens out edges


def draw(gray: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draws a gray picture as a manga page prints it: black ink on white paper, and no grays.

    The tones, lightened by a random exponent, become a few flat ones: bare paper, solid ink, and
    between them dots on a grid of random pitch and angle, which cover as much of the paper as the
    tone is dark. Lines and the dark sides of edges are drawn over the dots. The result is gray only
    where a pixel is inked in part.
    """
    height, width = gray.shape
    double = (2 * width, 2 * height)
    flat = cv2.GaussianBlur(cv2.medianBlur(gray, 3), (0, 0), 1.2)
    flat = cv2.resize(flat, double, interpolation=cv2.INTER_LINEAR)
    fine = cv2.GaussianBlur(cv2.resize(gray, double, interpolation=cv2.INTER_CUBIC), (0, 0), 1)
    steps = int(generator.integers(*TONES)) - 1
    light = (np.arange(256) / 255) ** generator.uniform(*LIGHTER)
    share = np.rint(light * steps).astype(int) * (len(COVERED) - 1) // steps
    pitch = 2 * PITCH[0] * (PITCH[1] / PITCH[0]) ** generator.random()
    screen = waves(*flat.shape, pitch, generator)
    page = cv2.compare(cv2.LUT(flat, COVERED[share]), screen, cv2.CMP_GT)
    unlined = cv2.compare(cv2.subtract(flat, fine), generator.uniform(*LINE_CONTRAST), cv2.CMP_LE)
    return cv2.resize(cv2.bitwise_and(page, unlined), (width, height), interpolation=cv2.INTER_AREA)


def waves(height: int, width: int, pitch: float, generator: np.random.Generator) -> np.ndarray:
    """Draws two crossed waves of random angle, float32 [height, width] in -2..2.

    A tone that covers a share of the paper is ink where they lie below `COVERED` at that share.
    """
    angle = generator.uniform(0, np.pi / 2)
    x = np.arange(width) * 2 * np.pi / pitch + generator.uniform(0, 2 * np.pi)
    y = np.arange(height)[:, None] * 2 * np.pi / pitch
    # cos(a + b) = cos a cos b - sin a sin b: a product of thin matrices, not a cosine a pixel.
    a, b = y * [np.sin(angle), np.cos(angle)], np.outer([np.cos(angle), -np.sin(angle)], x)
    column, row = np.hstack([np.cos(a), np.sin(a)]), np.vstack([np.cos(b), -np.sin(b)])
    return column.astype(np.float32) @ row.astype(np.float32)


def _covered() -> np.ndarray:
    """Computes, as entry 60 * s, the value that a share s of a screen's points lies below."""
    wave = np.cos(np.linspace(0, np.pi, 500))
    values = np.quantile(wave + wave[:, None], np.linspace(0, 1, 61)).astype(np.float32)
    values[0], values[-1] = -np.inf, np.inf
    return values


COVERED = _covered()


def find_dots(luminance: np.ndarray, thorough: bool = True) -> tuple[np.ndarray, float]:
    """Finds where a page is printed in dots: tiles whose fine detail is a few strong waves.

    Args:
        luminance: uint8 [h, w].
        thorough: False stops after every second tile, as on a chessboard, if none of those is dots.
            Such a page has hardly any.

    Returns:
        For each tile whether it is dots, bool [rows, columns] (a partial last tile is judged by
        the last whole one), and the median pitch in pixels, 0 without dots.
    """
    rows, columns = (max(1, length // TILE) for length in luminance.shape)
    dotted, pitches = np.zeros((rows, columns), bool), []
    for parity in (0, 1):
        for row in range(rows):
            dots = _dots(luminance[row * TILE:(row + 1) * TILE], (row + parity) % 2)
            dotted[row, list(dots)] = True
            pitches += dots.values()
        if not (pitches or thorough):
            break
    return dotted, float(np.median(pitches)) if pitches else 0.0


def _dots(strip: np.ndarray, first: int) -> dict[int, float]:
    """Finds the tiles of dots in a strip as high as a tile, uint8, and the pitch in each.

    It looks at every second tile, beginning with tile `first`.
    """
    tiles = {}
    for column in range(first, strip.shape[1] // TILE if len(strip) == TILE else 0, 2):
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
    """Measures how much detail of tiles [n, TILE, TILE] is two crossed waves, and their length.

    Edges are made of waves of one direction and of all lengths; a grid of dots is made of two of
    one length at a right angle.
    """
    tiles = tiles - tiles.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    spectra = fft.fft2(tiles * WINDOW)  # of float32: complex64
    power = (spectra.real ** 2 + spectra.imag ** 2) * EVEN
    judged = []
    for spectrum in power:
        # A wave between two bins of the spectrum, seen through the window, fills 3x3 of them.
        around = cv2.copyMakeBorder(spectrum, 2, 2, 2, 2, cv2.BORDER_WRAP)
        summed = cv2.boxFilter(around, -1, (3, 3), normalize=False)
        turned = np.ascontiguousarray(_quarter_turn(summed[2:-2, 2:-2]))
        crossing = cv2.dilate(cv2.copyMakeBorder(turned, 2, 2, 2, 2, cv2.BORDER_WRAP), BIN)
        both = np.minimum(summed, crossing)[2:-2, 2:-2]
        at = np.unravel_index(np.argmax(both), both.shape)
        judged.append((float(4 * both[at] / (spectrum.sum() + 1e-6)),  # each has its mirror image
                       float(1 / max(FREQUENCY[at], 1 / TILE))))
    return judged


def _quarter_turn(spectrum: np.ndarray) -> np.ndarray:
    """Moves each wave to the place of the wave that crosses it: (y, x) to (x, -y)."""
    return np.roll(spectrum.T[:, ::-1], 1, axis=1)


def descreen(luminance: np.ndarray, dots: np.ndarray | None, pitch: float) -> np.ndarray:
    """Gives the tones that the dots of a page stand for.

    It smooths only tiles of dots, as far as their pitch asks for, and leaves the rest as it is.
    `dots` and `pitch` are as of `find_dots`, None or 0 where the page has no dots.
    """
    if dots is None or not pitch:
        return luminance
    height, width = luminance.shape
    smooth = cv2.GaussianBlur(luminance, (0, 0), 0.5 * pitch)
    grown = cv2.dilate(dots.astype(np.uint8), BIN)  # tiles that are dots in part
    share = cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.where(share > 0, smooth, luminance)
