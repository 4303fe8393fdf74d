"""Balloons of a printed page: white paper with an outline, and something written in it."""

import cv2
import numpy as np
from scipy import ndimage

from keras_colorize.image.letters import (
    FEWEST_PIECES,
    MOST_STROKES,
    SMALLEST_AREA,
    Pieces,
    are_of_one_pen,
)
from keras_colorize.image.tones import disc

PAPER_GRAY = 236  # of 255
GAPS = (1, 2.5, 4, 6)  # working pixels: half of how wide an outline may be open
SMALLEST = 250  # working pixels, of area
LARGEST = 0.06  # of the page, with as little lettering as two pieces
ENCLOSED = 0.055  # of a balloon is paper that its letters enclose, at most
SOLID = 0.33  # of a piece's longer side: half of how thick a stroke of a letter is at most
MOST_SOLID = 0.8  # of the larger pieces of a text are thicker: a tone is of dots
SOUNDS = (600, 6000)  # working pixels: the area of an oval with the letters of a sound
BESIDE_LETTER = 5  # working pixels: paper beyond a letter that touches the outline lies so near
LETTER_STROKE = 3.8  # working pixels: half of how thick its strokes are at most


def find_balloons(pieces: Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Finds balloons by what is written in their middle, and small ovals with a sound.

    Returns:
        int32 [h, w], the number of the balloon whose outline encloses a pixel, or 0; and bool
        [pieces], which pieces of ink are written in one.
    """
    dark = pieces.numbers > 0
    balloons, written = _find_written(pieces, dark)
    _add_sounds(balloons, pieces.gray, dark)
    return balloons, written


def _find_written(pieces: Pieces, dark: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the balloons, and tells which pieces of ink are written in them: bool [pieces]."""
    paper = ((pieces.gray >= PAPER_GRAY) & ~dark).astype(np.uint8)
    written = np.zeros(len(pieces.stats), bool)
    balloons = np.zeros(paper.shape, np.int32)
    for gap in GAPS:
        fields = _rooms(np.where(balloons > 0, np.uint8(0), paper), gap)
        sizes, boxes = np.bincount(fields.ravel()), ndimage.find_objects(fields)
        possible = (sizes >= SMALLEST) & (sizes <= LARGEST * paper.size)
        for field in np.flatnonzero(possible[1:]) + 1:
            rows, columns = boxes[field - 1]
            origin = (max(0, rows.start - 2), max(0, columns.start - 2))
            box = np.s_[origin[0]:rows.stop + 2, origin[1]:columns.stop + 2]
            own = fields[box] == field
            whole = ndimage.binary_fill_holes(own)
            if _is_apart(whole) and _fits_its_text(whole, own, pieces, origin):
                written[np.unique(pieces.numbers[box][whole & dark[box]])] = True
                grown = cv2.dilate(whole.astype(np.uint8), disc(gap)) > 0
                grown |= _hull(whole)[1] & dark[box]
                balloons[box][grown] = balloons.max() + 1
    return balloons, written


def _rooms(paper: np.ndarray, gap: float) -> np.ndarray:
    """Numbers what discs of a radius can cover that pass through no narrower gap: int32 [h, w]."""
    middles = cv2.connectedComponents(cv2.erode(paper, disc(gap)))[1]
    return cv2.dilate(middles.astype(np.float32), disc(gap)).astype(np.int32)


def _add_sounds(balloons: np.ndarray, gray: np.ndarray, dark: np.ndarray) -> None:
    """Numbers the ovals with a sound, too, whose letters touch the outline and divide the paper."""
    paper = ((gray >= PAPER_GRAY) & ~dark & (balloons == 0)).astype(np.uint8)
    _, fields, stats, _ = cv2.connectedComponentsWithStats(paper, None, None, None, 4)
    width, height, area = stats[:, cv2.CC_STAT_WIDTH:].T
    possible = (area >= SOUNDS[0] / 3) & (area <= SOUNDS[1]) & (np.maximum(width, height) >= 24)
    for field in np.flatnonzero(possible[1:]) + 1:
        left, top, width, height, _ = stats[field]
        origin = (max(0, top - 14), max(0, left - 14))
        box = np.s_[origin[0]:top + height + 14, origin[1]:left + width + 14]
        own = _with_paper_beside(fields[box], field, stats[:, cv2.CC_STAT_AREA], dark[box])
        hull = _hull(own)[1]
        if _holds_a_sound(hull, own, dark[box], paper[box]):
            balloons[box][hull] = balloons.max() + 1


def _with_paper_beside(fields: np.ndarray, field: int, area: np.ndarray, dark: np.ndarray
                       ) -> np.ndarray:
    """A field with the smaller ones beyond its letters that round it off: bool [h, w]."""
    own = fields == field
    if own.sum() < 0.5 * _hull(own)[0]:
        return own
    near = np.unique(fields[cv2.dilate(own.astype(np.uint8), disc(BESIDE_LETTER)) > 0])
    near = near[(near > 0) & (near != field) & (area[near] < 0.45 * area[field])]
    inside = np.isin(fields, near) | dark
    for other in near[area[near] >= 4]:
        more = own | (fields == other)
        hull = _hull(more)[1]
        if (hull & ~more & ~inside).sum() <= 0.02 * hull.sum() and (
                (hull & (more | dark)).sum() >= 0.93 * hull.sum()):
            own = more
    return own


def _holds_a_sound(hull: np.ndarray, own: np.ndarray, dark: np.ndarray, paper: np.ndarray
                   ) -> bool:
    """Whether a hull of paper is a long oval, apart from other paper, with strokes all along it."""
    area = hull.sum()
    outline, _ = cv2.findContours(hull.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    sides = np.add(cv2.minAreaRect(outline[0])[1], 1)
    ring = (cv2.dilate(hull.astype(np.uint8), disc(3)) > 0) & ~hull
    inner = cv2.erode(hull.astype(np.uint8), disc(2.5)) > 0
    letters = dark & inner
    if not (SOUNDS[0] <= area <= SOUNDS[1] and 0.65 <= area / sides.prod() <= 0.86
            and 1.9 <= sides.max() / sides.min() <= 5
            and (hull & ~own & ~dark).sum() <= 0.07 * area
            and 0.12 * inner.sum() <= letters.sum() <= 0.4 * inner.sum()):
        return False
    depth = cv2.distanceTransform(np.pad(dark, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    _, _, stats, _ = cv2.connectedComponentsWithStats(letters.astype(np.uint8))
    sizes = stats[1:, cv2.CC_STAT_AREA]
    strokes = (sizes >= 4).sum()
    places, inked = np.argwhere(hull), np.argwhere(letters)
    along = np.linalg.svd(places - places.mean(0), full_matrices=False)[2][0]
    whole, written = (np.ptp(each @ along) for each in (places, inked))
    middle = np.mean([(inked @ along).min(), (inked @ along).max()]) - places.mean(0) @ along
    return bool(depth[letters].max() <= LETTER_STROKE and written >= 0.65 * whole
                and abs(middle) <= 0.1 * whole and strokes >= 2
                and sizes.max() >= 0.46 * sizes.sum()  # dots are many and small
                and (paper[ring] > 0).mean() <= (0.17 if strokes > 3 else 0.05))


def _is_apart(whole: np.ndarray) -> bool:
    """Whether a field is one balloon, and not a balloon open to what lies beside it."""
    parts = cv2.morphologyEx(np.pad(whole, 6).astype(np.uint8), cv2.MORPH_OPEN,
                             disc(GAPS[-1]))
    sizes = cv2.connectedComponentsWithStats(parts)[2][1:, cv2.CC_STAT_AREA]
    return bool((sizes > 0.12 * whole.sum()).sum() <= 1)


def _hull(whole: np.ndarray) -> tuple[float, np.ndarray]:
    """The area of the convex hull of a shape, and the hull itself: bool [h, w]."""
    outlines, _ = cv2.findContours(whole.astype(np.uint8), cv2.RETR_EXTERNAL,
                                   cv2.CHAIN_APPROX_NONE)
    corners = cv2.convexHull(np.concatenate(outlines))
    filled = cv2.fillConvexPoly(np.zeros(whole.shape, np.uint8), corners, 1)
    return float(filled.sum()), filled > 0


def _fits_its_text(whole: np.ndarray, own: np.ndarray, pieces: Pieces, origin: tuple[int, int]
                   ) -> bool:
    """Whether a field is a round or pointed balloon with something written in its middle.

    Args:
        whole: bool [h, w], the field in its box, what it encloses included.
        own: bool [h, w], the field itself.
        pieces: of the ink of the page.
        origin: row and column of the box on the page.
    """
    box = np.s_[origin[0]:origin[0] + whole.shape[0], origin[1]:origin[1] + whole.shape[1]]
    dark = pieces.numbers[box] > 0
    inside = np.bincount(pieces.numbers[box][whole & dark], minlength=len(pieces.stats))
    area = pieces.stats[:, cv2.CC_STAT_AREA]
    inner = np.flatnonzero((inside == area) & (area >= SMALLEST_AREA))
    enclosed = (whole & ~own & ~dark).sum()
    if len(inner) < FEWEST_PIECES or enclosed > ENCLOSED * whole.sum() or (
            whole.sum() < 0.68 * _hull(whole)[0] or pieces.strokes[inner].mean() > MOST_STROKES):
        return False
    if _solid_share(dark, pieces, inner, box) > MOST_SOLID or not are_of_one_pen(
            pieces.gray[box], np.isin(pieces.numbers[box], inner)):
        return False
    left, top, width, height, area = pieces.stats[inner].T
    low = np.array([top.min(), left.min()]) - origin
    high = np.array([(top + height).max(), (left + width).max()]) - origin
    rows, columns = np.nonzero(whole)
    spans = (high - low) / (np.ptp(rows) + 1, np.ptp(columns) + 1)
    middle = np.abs((high + low) / 2 - (rows.mean(), columns.mean())) / whole.shape
    dense = area.sum() / np.prod(high - low)
    widest = 0.5 if len(inner) < 5 else 0.4
    return bool((dense >= 0.18 or (len(inner) >= 12 and dense >= 0.08))
                and 0.02 <= area.sum() / whole.sum() <= 0.4
                and spans.max() >= widest and spans.min() >= 0.15 and middle.max() <= 0.12)


def _solid_share(dark: np.ndarray, pieces: Pieces, inner: np.ndarray, box: tuple) -> float:
    """The share of solid pieces, such as dots and buttons, among the larger ones."""
    depth = cv2.distanceTransform(np.pad(dark, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    thickness = np.zeros(len(pieces.stats), np.float32)
    np.maximum.at(thickness, pieces.numbers[box].ravel(), depth.ravel())
    width, height = pieces.stats[inner, cv2.CC_STAT_WIDTH:cv2.CC_STAT_HEIGHT + 1].T
    extent = np.maximum(width, height)
    large = extent >= extent.max() / 3
    return float((thickness[inner] > SOLID * extent)[large].mean())
