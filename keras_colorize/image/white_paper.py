"""White paper of a printed page: its margins, its gutters, and what holds lettering."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from keras_colorize.image.balloons import PAPER_GRAY, find_balloons
from keras_colorize.image.letters import FEWEST_PIECES, MOST_STROKES, SMALLEST_AREA, find_pieces
from keras_colorize.image.tones import Tones, disc

LARGEST = 46  # working pixels: the longer side of a letter, or of letters that touch
REACH = 6  # working pixels: letters of one text lie closer
CLEAR = 0.88  # of what surrounds a text is white paper
FEWEST_LETTERS = 2.0  # the area of a text's box, in squares of its letters' size
WHITE = 232  # of 255
MANY_PIECES = 8  # of ink, which no drawing has in the guise of letters
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
    pieces = find_pieces(tones)
    dark, stats, strokes = pieces.numbers > 0, pieces.stats, pieces.strokes
    widest = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    small = (widest <= LARGEST) & (stats[:, cv2.CC_STAT_AREA] >= SMALLEST_AREA)
    small[0] = False
    candidates = small[pieces.numbers]
    groups = _group(candidates, dark & ~candidates)
    owner = _owners(groups, pieces.numbers, dark, len(stats))
    sizes = _sizes(owner, stats, strokes, _clear_surroundings(groups, tones))
    letter = (sizes[owner] > 0) & ((widest <= 2.2 * sizes[owner]) | strokes)
    balloons, written = find_balloons(pieces)
    letter |= written
    numbers = np.cumsum(sizes > 0) * (sizes > 0)
    members = np.bincount(owner[letter], minlength=len(sizes))
    return Lettering(letter[pieces.numbers], numbers[groups].astype(np.int32), members[sizes > 0],
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
