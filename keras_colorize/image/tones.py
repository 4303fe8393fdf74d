"""Tone and ink of a printed page: which pixels are lines, and which shade the dots mean."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

WORKING_PIXELS = 700_000  # a page is looked at as if it were 1000 high and 700 wide
DOT = 3.5  # working pixels: the widest dot of a tone, or the widest hole of a dark one
DOT_DEPTH = 24  # of 255: how much darker than what is around it a dot is
DOT_WINDOW = 11  # working pixels: dots are counted in squares of this side, or of four pitches
FEWEST_DOTS = 7  # in such a square, where it lies in a tone
SCREEN_SHARE = 0.45  # of the dots that a tone of the page's pitch has: it is such a tone
COARSEST = 5.5  # working pixels from dot to dot: what lies wider apart is a tone only on a grid
COARSE_DOTS = (1.9, 6.0)  # working pixels: the width of the dots of such a grid
COARSEST_GRID = 11.0  # working pixels from dot to dot
EQUALLY_FAR = 1.15  # the farthest of a dot's four neighbours on a grid by the nearest
FEWEST_OF_GRID = 40  # dots: fewer are a pattern of the drawing
AROUND_DOT = 0.8  # of the pitch of a grid: a tone reaches so far around each of its dots
GRID_SHARE = 0.2  # of the pieces as wide lie on a grid, or it is a coincidence of finer dots
DOTS_BLUR = 1.3  # working pixels, or half the pitch: the blur that turns dots into gray
LINE_WIDTH = 9  # working pixels: what is wider is a surface, not a line
LINE_DEPTH = 22  # of 255: how much darker than its surroundings a line is, on plain paper
LINE_DEPTH_IN_DOTS = 20
LINE_PEAK = 45  # and how much darker it is in at least one place
LINE_PEAK_IN_DOTS = 36
SHORTEST_LINE = 5  # working pixels
SHORTEST_LINE_IN_DOTS = 9  # working pixels
BLACK = 70  # of 255: what is darker is ink, however wide


@dataclass(frozen=True)
class Tones:
    """A page at its working scale.

    Attributes:
        scale: working pixels per pixel of the page, at most 1.
        gray: uint8 [h, w], the page itself, made smaller.
        shade: uint8 [h, w], the shade between the lines: dots smoothed, lines painted out.
        ink: bool [h, w], lines and solid blacks, letters included.
        dotted: bool [h, w], where small pieces of ink lie dense: dots, or fine hatching.
        screen: bool [h, w], where they lie as dense as the dots of a printed tone.
        pitch: how far its dots lie apart, in working pixels.
    """

    scale: float
    gray: np.ndarray
    shade: np.ndarray
    ink: np.ndarray
    dotted: np.ndarray
    screen: np.ndarray
    pitch: float


def read_tones(luminance: np.ndarray) -> Tones:
    """Tells lines from tones.

    Args:
        luminance: uint8 [h, w], stretched so that paper is 255 and ink 0.
    """
    height, width = luminance.shape
    scale = min(1.0, (WORKING_PIXELS / (height * width)) ** 0.5)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    gray = shrink(luminance, size)
    counts, pitch = _count_dots(luminance, scale, size)
    regular = SCREEN_SHARE * (max(DOT_WINDOW, round(4 * pitch)) / pitch) ** 2
    dotted, screen = (_even_out(counts >= least) for least in (FEWEST_DOTS, regular))
    solid = _solid(gray) if pitch > COARSEST else np.zeros(gray.shape, bool)
    even = np.where(dotted, _blur_between(gray, solid, max(DOTS_BLUR, pitch / 2)), gray)
    ink = _find_ink(gray, even, dotted) | (solid & dotted)
    return Tones(scale, gray, _paint_lines_out(even, ink), ink, dotted, screen, pitch)


def stretch(luminance: np.ndarray) -> np.ndarray:
    """The page with its paper at 255 and its ink at 0, uint8, whatever paper and scanner did."""
    sample = luminance[::3, ::3]
    ink, paper = np.percentile(sample, (1, 92))
    if paper - ink < 64:
        return luminance
    levels = (np.arange(256) - ink - 4) * (255 / max(paper - ink - 12, 1))
    return cv2.LUT(luminance, np.clip(levels, 0, 255).astype(np.uint8))


def shrink(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at (width, height), each pixel the mean of those that it stands for."""
    if picture.shape[1::-1] == size:
        return picture
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def disc(radius: float) -> np.ndarray:
    """A round structuring element, uint8."""
    reach = int(np.ceil(radius))
    rows, columns = np.mgrid[-reach:reach + 1, -reach:reach + 1]
    return (rows ** 2 + columns ** 2 <= (radius + 0.25) ** 2).astype(np.uint8)


def _count_dots(page: np.ndarray, scale: float, size: tuple[int, int]
                ) -> tuple[np.ndarray, float]:
    """How many small pieces of ink, or small holes in it, lie around each working pixel.

    Also how far apart they lie, in working pixels.
    """
    side = round(4 / scale) | 1
    around = cv2.blur(page, (side, side))
    dark = cv2.compare(cv2.add(page, DOT_DEPTH), around, cv2.CMP_LT)
    counts, grid = np.zeros(size[::-1], np.float32), np.zeros(size[::-1], np.uint8)
    places, pitch = [], 0.0
    for part in (dark, ~dark):
        centers, widest = _small_pieces(part, scale)
        on_grid, far = _find_grid(centers, widest)
        places.append(centers[widest <= DOT])
        grid[_pixels(centers[on_grid], size)] = 1
        pitch = max(pitch, far)
    pitch = pitch or _pitch(np.concatenate(places))
    np.add.at(counts, _pixels(np.concatenate(places), size), 1)
    window = max(DOT_WINDOW, round(4 * pitch))
    counts = cv2.boxFilter(counts, -1, (window, window), normalize=False)
    counts[cv2.dilate(grid, disc(AROUND_DOT * pitch)) > 0] = window ** 2
    return counts, pitch


def _pixels(places: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of places in a picture of size (width, height)."""
    return tuple(np.minimum(places, np.subtract(size[::-1], 1)).astype(int).T)


def _solid(gray: np.ndarray) -> np.ndarray:
    """The ink that is no dot of a coarse grid, whose blur would smear it: bool [h, w]."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((gray < 128).astype(np.uint8))
    widest = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    widest[0] = 0
    return (widest > COARSE_DOTS[1])[pieces]


def _blur_between(gray: np.ndarray, solid: np.ndarray, spread: float) -> np.ndarray:
    """The page blurred, uint8 [h, w], as if there were none of its solid ink."""
    if not solid.any():
        return cv2.GaussianBlur(gray, (0, 0), spread)
    clear = 1 - cv2.dilate(solid.astype(np.float32), disc(1))
    weight = cv2.GaussianBlur(clear, (0, 0), spread)
    blurred = cv2.GaussianBlur(gray * clear, (0, 0), spread) / np.maximum(weight, 1e-3)
    return np.where(weight > 1e-3, blurred, gray).astype(np.uint8)


def _even_out(mask: np.ndarray) -> np.ndarray:
    """A mask without specks and small holes."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(3))
    return cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disc(4)) > 0


def _small_pieces(part: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The centres (row, column) of the pieces of a mask, and their widths, in working pixels."""
    _, _, stats, centers = cv2.connectedComponentsWithStats(part, None, None, None, 4)
    widest = np.maximum(stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT])
    return centers[1:, ::-1] * scale, widest * scale


def _find_grid(places: np.ndarray, widest: np.ndarray) -> tuple[np.ndarray, float]:
    """Which pieces of some width are dots of a coarse grid, and how far these lie apart, or 0.

    A dot of a grid has four neighbours equally far away; at its border it is beside such a dot.
    """
    dots = np.flatnonzero((widest >= COARSE_DOTS[0]) & (widest <= COARSE_DOTS[1]))
    is_on = np.zeros(len(places), bool)
    if len(dots) < FEWEST_OF_GRID:
        return is_on, 0.0
    far, beside = cKDTree(places[dots]).query(places[dots], 5)
    nearest = far[:, 1]
    inner = (far[:, 4] <= EQUALLY_FAR * nearest) & (nearest > COARSEST)
    inner &= nearest <= COARSEST_GRID
    if inner.sum() < max(FEWEST_OF_GRID, GRID_SHARE * len(dots)):
        return is_on, 0.0
    is_on[dots[beside[inner]]] = True
    return is_on, float(np.median(nearest[inner]))


def _pitch(places: np.ndarray) -> float:
    """How far a dot typically lies from the nearest one."""
    if len(places) < FEWEST_DOTS:
        return 1.0
    sample = places[::max(1, len(places) // 4000)]
    pitch = float(np.median(cKDTree(places).query(sample, 2)[0][:, 1]))
    return pitch if pitch < COARSEST else 1.0


def _find_ink(gray: np.ndarray, even: np.ndarray, dotted: np.ndarray) -> np.ndarray:
    """Lines by how much darker than both their sides they are; solid blacks by themselves."""
    element = disc(LINE_WIDTH / 2)
    plain = cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, element)
    among_dots = cv2.morphologyEx(even, cv2.MORPH_BLACKHAT, element)
    lines = _keep_long((plain > LINE_DEPTH) & ~dotted, plain, SHORTEST_LINE, LINE_PEAK)
    faint = _keep_long((among_dots > LINE_DEPTH_IN_DOTS) & dotted, among_dots,
                       SHORTEST_LINE_IN_DOTS, LINE_PEAK_IN_DOTS)
    black = cv2.morphologyEx((even < BLACK).astype(np.uint8), cv2.MORPH_OPEN, disc(1.5)) > 0
    return lines | faint | black


def _keep_long(lines: np.ndarray, depth: np.ndarray, shortest: int, deepest: int) -> np.ndarray:
    """Those lines which are long enough, and somewhere dark enough, not to be chance."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8))
    peak = np.zeros(count, np.uint8)
    np.maximum.at(peak, pieces[lines], depth[lines])
    reach = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    keep = (reach >= shortest) & (peak >= deepest)
    keep[0] = False
    return keep[pieces]


def _paint_lines_out(even: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """The shade beside the lines carried over them, and evened where it changes softly."""
    clear = cv2.erode((~ink).astype(np.uint8), disc(1)).astype(np.float32)
    shade = even.astype(np.float32)
    known = np.zeros_like(shade)
    painted = np.zeros_like(shade)
    for spread in (1.5, 4.0, 12.0):
        weight = cv2.GaussianBlur(clear, (0, 0), spread)
        value = cv2.GaussianBlur(shade * clear, (0, 0), spread) / np.maximum(weight, 1e-6)
        share = np.clip(weight / 0.1, 0, 1) * (1 - known)
        painted += share * value
        known += share
    painted += (1 - known) * shade
    own = np.where(clear > 0, shade, painted).astype(np.uint8)
    return cv2.bilateralFilter(cv2.medianBlur(own, 5), 9, 24, 3)
