"""White paper of a printed page: its margins, its gutters, and what holds lettering."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from keras_colorize.image.tones import Tones, disc

LARGEST = 46  # working pixels: the longer side of a letter, or of letters that touch
SMALLEST_AREA = 2.5  # working pixels
REACH = 6  # working pixels: letters of one text lie closer
CLEAR = 0.88  # of what surrounds a text is white paper
FEWEST_PIECES = 3
FEWEST_LETTERS = 2.0  # the area of a text's box, in squares of its letters' size
MOST_STROKES = 0.6  # of the pieces of a text are single straight strokes
SOLID = 0.33  # of a piece's longer side: half of how thick a stroke of a letter is at most
STRAIGHT = 0.6  # working pixels: a stroke deviates less from its axis
WHITE = 232  # of 255
PAPER_GRAY = 236  # of 255
MANY_PIECES = 8  # of ink, which no drawing has in the guise of letters
GAPS_OF_BALLOONS = (1, 2.5, 4, 6)  # working pixels: half of how wide an outline may be open
MIN_BALLOON = 250  # working pixels, of area
MAX_BALLOON = 0.06  # of the page, with as little lettering as two pieces
SOUNDS = (600, 6000)  # working pixels: the area of an oval with the letters of a sound
BESIDE_LETTER = 5  # working pixels: paper beyond a letter that touches the outline lies so near
LETTER_STROKE = 3.8  # working pixels: half of how thick its strokes are at most
STRAIGHT_SIDE = 60  # working pixels: the side of a frame is longer


@dataclass(frozen=True)
class Lettering:
    """The texts of a page at its working scale.

    Attributes:
        letters: bool [h, w], the ink of letters.
        texts: int32 [h, w], the number of the text in and between its letters; 0 elsewhere.
        pieces: int64 [n], of how many pieces of ink each text from 1 on is.
        balloons: int32 [h, w], the number of the balloon whose outline encloses a pixel, or 0.
    """

    letters: np.ndarray
    texts: np.ndarray
    pieces: np.ndarray
    balloons: np.ndarray


def find_lettering(tones: Tones) -> Lettering:
    """Finds texts: groups of small pieces of ink, alike in size, with white paper around them.

    What stands in the middle of a balloon is text too, however few its pieces.
    """
    dark = (tones.gray < 150) | tones.ink
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8))
    widest = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    small = (widest <= LARGEST) & (stats[:, cv2.CC_STAT_AREA] >= SMALLEST_AREA)
    small[0] = False
    candidates = small[pieces]
    groups = _group(candidates, dark & ~candidates)
    owner = _owners(groups, pieces, dark, count)
    strokes = _straight_strokes(pieces, count)
    sizes = _sizes(owner, stats, strokes, _clear_surroundings(groups, tones))
    letter = (sizes[owner] > 0) & ((widest <= 2.2 * sizes[owner]) | strokes)
    balloons, written = _find_balloons(tones, dark, _Pieces(pieces, stats, strokes))
    letter |= written
    _add_sounds(balloons, tones, dark)
    numbers = np.cumsum(sizes > 0) * (sizes > 0)
    members = np.bincount(owner[letter], minlength=len(sizes))
    return Lettering(letter[pieces], numbers[groups].astype(np.int32), members[sizes > 0],
                     balloons)


def _group(candidates: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Numbers candidates which lie close, and have no other ink between them."""
    near = cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_CLOSE, disc(REACH))
    near = cv2.dilate(near, disc(1))
    near[cv2.dilate(others.astype(np.uint8), disc(1)) > 0] = 0
    near[candidates] = 1
    return cv2.connectedComponents(near)[1]


def _owners(groups: np.ndarray, pieces: np.ndarray, dark: np.ndarray, count: int) -> np.ndarray:
    """The group of each piece of ink, 0 for none: int64 [count]."""
    owner = np.zeros(count, np.int64)
    inside = (groups > 0) & dark
    owner[pieces[inside]] = groups[inside]
    owner[0] = 0
    return owner


def _sizes(owner: np.ndarray, stats: np.ndarray, strokes: np.ndarray,
           clear: np.ndarray) -> np.ndarray:
    """Of each group, the size of its letters, or 0 where it is no text: float32 [groups]."""
    sizes = np.zeros(len(clear), np.float32)
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(len(sizes) + 1))
    for group in range(1, len(sizes)):
        members = order[bounds[group]:bounds[group + 1]]
        if len(members) >= FEWEST_PIECES and clear[group] >= CLEAR:
            sizes[group] = _letter_size(stats[members], strokes[members])
    return sizes


class _Pieces(NamedTuple):
    """Connected pieces of ink: their numbers, what OpenCV tells of each, which are strokes."""

    numbers: np.ndarray
    stats: np.ndarray
    strokes: np.ndarray


def _find_balloons(tones: Tones, dark: np.ndarray, pieces: _Pieces
                   ) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the balloons, and tells which pieces of ink are written in them: bool [pieces]."""
    paper = ((tones.gray >= PAPER_GRAY) & ~dark).astype(np.uint8)
    written = np.zeros(len(pieces.stats), bool)
    balloons = np.zeros(paper.shape, np.int32)
    for gap in GAPS_OF_BALLOONS:
        room = cv2.morphologyEx(paper, cv2.MORPH_OPEN, disc(gap))
        room[balloons > 0] = 0
        _, fields, stats, _ = cv2.connectedComponentsWithStats(room, None, None, None, 4)
        sizes = stats[:, cv2.CC_STAT_AREA]
        possible = (sizes >= MIN_BALLOON) & (sizes <= MAX_BALLOON * paper.size)
        for field in np.flatnonzero(possible[1:]) + 1:
            left, top, width, height, _ = stats[field]
            origin = (max(0, top - 2), max(0, left - 2))
            box = np.s_[origin[0]:top + height + 2, origin[1]:left + width + 2]
            own = fields[box] == field
            whole = ndimage.binary_fill_holes(own)
            if _is_apart(whole) and _fits_its_text(whole, own, dark[box], pieces, origin):
                written[np.unique(pieces.numbers[box][whole & dark[box]])] = True
                grown = cv2.dilate(whole.astype(np.uint8), disc(gap)) > 0
                grown |= _hull(whole)[1] & dark[box]
                balloons[box][grown] = balloons.max() + 1
    return balloons, written


def _add_sounds(balloons: np.ndarray, tones: Tones, dark: np.ndarray) -> None:
    """Numbers the ovals with a sound, too, whose letters touch the outline and divide the paper."""
    paper = ((tones.gray >= PAPER_GRAY) & ~dark & (balloons == 0)).astype(np.uint8)
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
                             disc(GAPS_OF_BALLOONS[-1]))
    sizes = cv2.connectedComponentsWithStats(parts)[2][1:, cv2.CC_STAT_AREA]
    return bool((sizes > 0.12 * whole.sum()).sum() <= 1)


def _hull(whole: np.ndarray) -> tuple[float, np.ndarray]:
    """The area of the convex hull of a shape, and the hull itself: bool [h, w]."""
    outlines, _ = cv2.findContours(whole.astype(np.uint8), cv2.RETR_EXTERNAL,
                                   cv2.CHAIN_APPROX_NONE)
    corners = cv2.convexHull(np.concatenate(outlines))
    filled = cv2.fillConvexPoly(np.zeros(whole.shape, np.uint8), corners, 1)
    return float(filled.sum()), filled > 0


def _fits_its_text(whole: np.ndarray, own: np.ndarray, dark: np.ndarray, pieces: _Pieces,
                   origin: tuple[int, int]) -> bool:
    """Whether a field is a round or pointed balloon with something written in its middle.

    Args:
        whole: bool [h, w], the field in its box, what it encloses included.
        own: bool [h, w], the field itself.
        dark: bool [h, w], the ink there.
        pieces: of the ink of the page.
        origin: row and column of the box on the page.
    """
    box = np.s_[origin[0]:origin[0] + whole.shape[0], origin[1]:origin[1] + whole.shape[1]]
    inside = np.bincount(pieces.numbers[box][whole & dark], minlength=len(pieces.stats))
    area = pieces.stats[:, cv2.CC_STAT_AREA]
    inner = np.flatnonzero((inside == area) & (area >= SMALLEST_AREA))
    enclosed = (whole & ~own & ~dark).sum()
    if len(inner) < FEWEST_PIECES or enclosed > 0.08 * whole.sum() or (
            whole.sum() < 0.68 * _hull(whole)[0] or pieces.strokes[inner].mean() > MOST_STROKES):
        return False
    if _solid_share(dark, pieces, inner, box) > 0.3:
        return False
    left, top, width, height, area = pieces.stats[inner].T
    low = np.array([top.min(), left.min()]) - origin
    high = np.array([(top + height).max(), (left + width).max()]) - origin
    rows, columns = np.nonzero(whole)
    spans = (high - low) / (np.ptp(rows) + 1, np.ptp(columns) + 1)
    middle = np.abs((high + low) / 2 - (rows.mean(), columns.mean())) / whole.shape
    dense = area.sum() / np.prod(high - low)
    return bool((dense >= 0.18 or (len(inner) >= 12 and dense >= 0.08))
                and 0.02 <= area.sum() / whole.sum() <= 0.4
                and spans.max() >= 0.5 and spans.min() >= 0.15 and middle.max() <= 0.12)


def _letter_size(stats: np.ndarray, strokes: np.ndarray) -> float:
    """The size of a text's letters, or 0 where its pieces are not like letters."""
    left, top, width, height, area = stats.T
    extent = np.maximum(width, height)
    size = float(np.percentile(extent, 70))
    box = (np.ptp(np.r_[left, left + width]), np.ptp(np.r_[top, top + height]))
    squares = box[0] * box[1] / size ** 2
    filled = area.sum() / (box[0] * box[1])
    alike = np.mean(extent[extent > size / 2] < 1.8 * size)
    if size < 4 or squares < FEWEST_LETTERS or not 0.08 <= filled <= 0.75 or alike < 0.8:
        return 0.0
    return size if strokes.mean() <= MOST_STROKES else 0.0


def _straight_strokes(pieces: np.ndarray, count: int) -> np.ndarray:
    """Which pieces are single straight strokes, as of hatching: bool [count]."""
    rows, columns = np.nonzero(pieces)
    owner = pieces[rows, columns]
    number = np.maximum(np.bincount(owner, minlength=count), 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values, minlength=count) / number

    y, x = mean(rows), mean(columns)
    yy, xx = mean(rows ** 2.0) - y * y, mean(columns ** 2.0) - x * x
    xy = mean(rows * columns.astype(float)) - x * y
    spread = np.sqrt(((yy - xx) / 2) ** 2 + xy ** 2)
    short, long = (yy + xx) / 2 - spread, (yy + xx) / 2 + spread
    return (np.sqrt(np.maximum(short, 0)) < STRAIGHT) & (long > 3)


def _clear_surroundings(groups: np.ndarray, tones: Tones) -> np.ndarray:
    """Of each group, how much of the ring around it is white paper: float [groups], 0..1."""
    ring = cv2.dilate(groups.astype(np.float32), disc(4)).astype(np.int64)
    ring[groups > 0] = 0
    clear = (tones.gray >= WHITE) & ~tones.dotted
    total = np.bincount(ring.ravel(), minlength=groups.max() + 1)
    return np.bincount(ring.ravel(), clear.ravel(), groups.max() + 1) / np.maximum(total, 1)


def find_white(labels: np.ndarray, lines: np.ndarray, tones: Tones, lettering: Lettering
               ) -> tuple[np.ndarray, np.ndarray]:
    """Tells which regions stay white: margins and gutters, and what holds lettering.

    Args:
        labels: int32 [h, w].
        lines: bool [h, w], the ink without letters.
        tones: the page at its working scale.
        lettering: its texts.

    Returns:
        Two bool [labels.max() + 1]: what stays white, and what of that is margin or gutter.
    """
    count = int(labels.max()) + 1
    paper = (tones.gray >= PAPER_GRAY) & ~lines
    free = np.bincount(labels.ravel(), ~lines.ravel(), count)
    blank = np.bincount(labels.ravel(), paper.ravel(), count) >= 0.8 * np.maximum(free, 1)
    boxes = [None, *ndimage.find_objects(labels, count - 1)]
    margin = _margins(labels, blank, boxes, lines)
    in_balloons = np.bincount(labels.ravel(), lettering.balloons.ravel() > 0, count)
    balloons = in_balloons >= 0.6 * np.maximum(np.bincount(labels.ravel()), 1)
    return margin | balloons | (blank & _lettered(labels, lettering)), margin


def _lettered(labels: np.ndarray, lettering: Lettering) -> np.ndarray:
    """Which regions hold lettering that is theirs: bool [regions]."""
    area = np.bincount(labels.ravel())
    inside = lettering.texts > 0
    where = np.zeros((len(area), len(lettering.pieces) + 1))
    np.add.at(where, (labels[inside], lettering.texts[inside]), 1)
    own = where >= 0.5 * np.maximum(where.sum(0), 1)
    cover = (where * own).sum(1) / np.maximum(area, 1)
    most = (own * np.r_[0, lettering.pieces]).max(1)
    return ((most >= MANY_PIECES) & (cover >= 0.1)) | ((most >= 3 * MANY_PIECES) & (cover >= 0.04))


def _solid_share(dark: np.ndarray, pieces: _Pieces, inner: np.ndarray, box: tuple) -> float:
    """The share of solid pieces, such as pupils and buttons, among the larger ones."""
    depth = cv2.distanceTransform(np.pad(dark, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    thickness = np.zeros(len(pieces.stats), np.float32)
    np.maximum.at(thickness, pieces.numbers[box].ravel(), depth.ravel())
    width, height = pieces.stats[inner, cv2.CC_STAT_WIDTH:cv2.CC_STAT_HEIGHT + 1].T
    extent = np.maximum(width, height)
    large = extent >= extent.max() / 3
    return float((thickness[inner] > SOLID * extent)[large].mean())


def _margins(labels: np.ndarray, blank: np.ndarray, boxes: list,
             lines: np.ndarray) -> np.ndarray:
    """Blank regions at the page's edge, or long and thin, with straight sides."""
    margin = np.zeros(len(blank), bool)
    corners = labels[[0, 0, -1, -1], [0, -1, 0, -1]]
    maybe = []
    for region in np.flatnonzero(blank):
        box = boxes[region]
        extent = max(part.stop - part.start for part in box) if box else 0
        if extent < 40:
            continue
        own = (labels[box] == region).astype(np.uint8)
        width = 2 * cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 3).max()
        at_edge = any(part.start == 0 or part.stop == size
                      for part, size in zip(box, labels.shape, strict=True))
        if not at_edge and width > 0.25 * extent:
            continue
        maybe.append(region)
        if at_edge:
            straight, total = _outline(own, box, labels.shape)
            page_high = max(labels.shape)
            margin[region] = (straight >= 0.85 * total and extent >= 0.1 * page_high
                              and total >= 40) or (
                region in corners and straight >= 0.6 * total and extent >= 0.2 * page_high)
    _continue_margins(labels, margin, maybe, lines)
    return margin


def _continue_margins(labels: np.ndarray, margin: np.ndarray, maybe: list[int],
                      lines: np.ndarray) -> None:
    """Adds to the margins those regions which add little else than straight sides to them."""
    page = np.s_[0:labels.shape[0], 0:labels.shape[1]]
    for region in 2 * maybe:
        known = margin[labels]
        beside = cv2.dilate((known & ~lines).astype(np.uint8), disc(1))
        beside = beside[(labels == region) & ~lines].sum()
        if margin[region] or beside < 6:
            continue
        before = _outline(known.astype(np.uint8), page, labels.shape)
        both = known | (labels == region)
        straight, total = np.subtract(_outline(both.astype(np.uint8), page, labels.shape), before)
        margin[region] = straight >= 0.4 * total


def _outline(own: np.ndarray, box: tuple, shape: tuple[int, int]) -> tuple[float, float]:
    """The length of the long straight sides of a region, and of its whole outline.

    What lies at the page's edge does not count.
    """
    outlines, _ = cv2.findContours(own, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    straight = total = 1e-6
    low = np.array([box[1].start, box[0].start])
    high = np.array([shape[1], shape[0]]) - 3 - low
    for outline in outlines:
        corners = cv2.approxPolyDP(outline, 3.0, True)[:, 0]
        following = np.roll(corners, -1, 0)
        length = np.hypot(*(following - corners).T)
        edge = ((corners <= 2 - low) & (following <= 2 - low)) | (
            (corners >= high) & (following >= high))
        length[edge.any(1)] = 0
        total += length.sum()
        straight += length[length >= STRAIGHT_SIDE].sum()
    return straight, total
