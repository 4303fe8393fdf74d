"""Regions of a printed page: what its lines enclose, and what stays white paper."""

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import sparse
from skimage.morphology import skeletonize
from skimage.segmentation import watershed

from keras_colorize.image import white_paper
from keras_colorize.image.tones import Tones, disc, read_tones, stretch

# Lengths are in working pixels: a page is about 1000 of them high.
BALLS = (14, 9, 6, 4, 3, 2)  # radii, the largest first
STEP_OF_TONE = 30  # of 255 within five pixels: a boundary without a line
DENSE = 4  # lines closer than two of these lie dense, as in hair and hatching
DENSE_SURFACE = 6  # half the width from which dense lines are a surface of their own
LINE_END = 8  # a line is at least this long where its end points somewhere
LONG_LINE = 48  # and its ink reaches this far, or it points at nothing
FARTHEST_POINT = 40  # how far the end of a line points
OPEN = 0.45  # of the diameter of the smaller region: a wider opening joins both
OPEN_OF_LONG = 0.15  # of the root of its area, too: a gutter is long, and no part of a panel
LIKE_TONE = 20  # of 255
HATCHED = 0.3  # of a region that is hatching, or hair, is ink
LIKE_HATCHING = 38  # of 255, ink included
LARGEST_LETTERS = 800  # area
SMALLEST = 60  # area: a smaller region joins what it opens to
TINIEST = 16  # area: a smaller region joins whatever is beside it


@dataclass(frozen=True)
class Regions:
    """The regions of one page. Label 0 is no region; regions are 1 to `count`.

    Attributes:
        labels: int32 [h, w] at the working scale; every pixel belongs to a region.
        page_labels: int32 [height, width], the same on the page itself.
        white: bool [count + 1], the regions which stay white paper.
        tone: float32 [count + 1], 0..255, the mean shade of each region between its lines.
        gray: float32 [count + 1], 0..255, the mean of each region, its lines included.
        ink: float32 [count + 1], 0..1, the share of each region that is ink.
        area: int64 [count + 1], in working pixels.
        diameter: float32 [count + 1], of the largest disc that each region holds.
        neighbors: int32 [n, 2], the pairs of regions that touch, the lower label first.
        contact: int32 [n], how long each pair touches, in working pixels.
        opening: int32 [n], how much of that has no line.
        panel: int32 [count + 1], the panel of each region; 0 for margins and gutters.
        tones: the page at its working scale, with its ink, its shade and its dots.
    """

    labels: np.ndarray
    page_labels: np.ndarray
    white: np.ndarray
    tone: np.ndarray
    gray: np.ndarray
    ink: np.ndarray
    area: np.ndarray
    diameter: np.ndarray
    neighbors: np.ndarray
    contact: np.ndarray
    opening: np.ndarray
    panel: np.ndarray
    tones: Tones

    @property
    def count(self) -> int:
        """How many regions there are."""
        return len(self.area) - 1

    def at(self, row: float, column: float) -> int:
        """The label of the region at a pixel of the page."""
        height, width = self.page_labels.shape
        if not (0 <= row < height and 0 <= column < width):
            raise ValueError(f"({row}, {column}) lies outside the page of {height}x{width} pixels")
        return int(self.page_labels[int(row), int(column)])


def find_regions(luminance: np.ndarray) -> Regions:
    """Divides a printed page into the regions that its lines, and the steps of its tones, bound.

    Args:
        luminance: uint8 [height, width], black ink on light paper.

    Returns:
        The regions, the same at every call.

    Raises:
        ValueError: `luminance` is not uint8 of two dimensions.
    """
    if luminance.dtype != np.uint8 or luminance.ndim != 2:
        raise ValueError(f"a page is uint8 [height, width], not {luminance.dtype} "
                         f"{list(luminance.shape)}")
    page = stretch(luminance)
    tones = read_tones(page)
    lettering = white_paper.find_lettering(tones)
    lines = tones.ink & ~lettering.letters
    steps = _steps_of_tone(tones) & ~lines
    parts = _divide(lines, steps, tones.shade)
    labels = _merge(parts, lines, steps, tones)
    balloons = lettering.balloons > 0
    labels[balloons] = labels.max() + lettering.balloons[balloons]
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32) + 1
    return _describe(labels, lines, steps, tones, lettering, page)


def _describe(labels: np.ndarray, lines: np.ndarray, steps: np.ndarray, tones: Tones,
              lettering: white_paper.Lettering, page: np.ndarray) -> Regions:
    """All that is known of the final regions."""
    area, tone, diameter = _measure(labels, lines, tones.shade)
    neighbors, contact, opening = _touching(labels, lines, steps)
    white, margin = white_paper.find_white(labels, lines, tones, lettering)
    white |= _inside_white(white & ~margin, area, neighbors, contact)
    gray, ink = _mean(labels, tones.gray), _mean(labels, lines)
    return Regions(labels, _sharpen(labels, page), white, tone, gray, ink, area, diameter,
                   neighbors, contact, opening, _panels(labels, margin), tones)


def _inside_white(balloons: np.ndarray, area: np.ndarray, neighbors: np.ndarray,
                  contact: np.ndarray) -> np.ndarray:
    """Which small regions lie, more than half, beside a balloon: letters that touch its outline."""
    whole = np.zeros(len(area))
    shared = np.zeros(len(area))
    for one, other in (neighbors.T, neighbors.T[::-1]):
        np.add.at(whole, one, contact)
        np.add.at(shared, one, contact * balloons[other])
    return (shared > 0.6 * np.maximum(whole, 1)) & (area < LARGEST_LETTERS)


def _steps_of_tone(tones: Tones) -> np.ndarray:
    """Where one tone meets another without a line between them: bool [h, w]."""
    reach = disc(max(2, round(tones.pitch)))  # coarse dots, once smoothed, make wide steps
    change = cv2.morphologyEx(tones.shade, cv2.MORPH_GRADIENT, reach)
    steps = (change > STEP_OF_TONE).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(steps)
    long = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= 12
    long[0] = False
    return long[pieces]


def _divide(lines: np.ndarray, steps: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Many small regions: what balls of several sizes reach, grown until they meet."""
    dense = _dense_surfaces(lines)
    barrier = lines | steps
    barrier |= _bridges(_long_lines(lines) & ~dense, barrier)
    cores = _cores(~barrier & ~dense)
    surfaces = _surfaces(dense)
    cores[surfaces > 0] = surfaces[surfaces > 0] + cores.max()
    room = _room(~barrier)
    change = cv2.morphologyEx(shade, cv2.MORPH_GRADIENT, disc(1)).astype(np.float32)
    depth = _room(lines)
    height = np.where(lines, 500 + 50 * depth, np.where(barrier, change, -10 * room))
    return watershed(np.round(height).astype(np.int32), cores).astype(np.int32)


def _room(free: np.ndarray) -> np.ndarray:
    """How far each pixel of a mask lies from its edge, at most the size of the mask."""
    room = cv2.distanceTransform(free.astype(np.uint8), cv2.DIST_L2, 5)
    return np.minimum(room, max(free.shape))  # without any edge OpenCV says infinite


def _dense_surfaces(lines: np.ndarray) -> np.ndarray:
    """Where lines lie so dense that they are a surface: hair, hatching, solid black."""
    free = (~lines).astype(np.uint8)
    dense = 1 - cv2.morphologyEx(free, cv2.MORPH_OPEN, disc(DENSE), borderValue=1)
    return cv2.morphologyEx(dense, cv2.MORPH_OPEN, disc(DENSE_SURFACE)) > 0


def _surfaces(dense: np.ndarray) -> np.ndarray:
    """Numbers dense surfaces, apart where only a narrow neck joins them."""
    inner = cv2.erode(dense.astype(np.uint8), disc(DENSE_SURFACE - 1))
    return cv2.connectedComponents(inner)[1]


def _cores(free: np.ndarray) -> np.ndarray:
    """Trapped balls: each number is one place where balls of one size can roll, int32 [h, w]."""
    left = free.astype(np.uint8)
    cores = np.zeros(free.shape, np.int32)
    for radius in BALLS:
        room = cv2.distanceTransform(cv2.copyMakeBorder(left, 1, 1, 1, 1, cv2.BORDER_REPLICATE),
                                     cv2.DIST_L2, 5)[1:-1, 1:-1]
        middles = (room >= radius).astype(np.uint8)
        _, numbers = cv2.connectedComponents(middles)
        new = middles > 0
        cores[new] = numbers[new] + cores.max()
        reach = cv2.distanceTransform(1 - middles, cv2.DIST_L2, 5)
        left[reach <= radius + 1] = 0
    return cores


def _bridges(lines: np.ndarray, barrier: np.ndarray) -> np.ndarray:
    """Closes gaps: each end of a line carried on to the line that it points at, if one is near."""
    ends, direction = _line_ends(skeletonize(lines))
    solid = cv2.dilate(barrier.astype(np.uint8), disc(1)) > 0
    bridges = np.zeros(lines.shape, np.uint8)
    steps = np.arange(1, FARTHEST_POINT + 1)
    points = np.round(ends[:, None] + steps[None, :, None] * direction[:, None]).astype(int)
    inside = ((points >= 0) & (points < lines.shape)).all(2)
    points = np.clip(points, 0, np.array(lines.shape) - 1)
    hits = solid[points[..., 0], points[..., 1]]
    hits &= inside & np.maximum.accumulate(~hits, 1)  # not the line itself
    first = hits.argmax(1)
    for index in np.flatnonzero(hits.any(1)):
        start, end = ends[index], points[index, first[index]]
        cv2.line(bridges, (int(start[1]), int(start[0])), (int(end[1]), int(end[0])), 1, 2)
    return bridges > 0


def _long_lines(lines: np.ndarray) -> np.ndarray:
    """The lines without the small pieces which stand alone, such as letters of a sound."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8))
    long = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= LONG_LINE
    long[0] = False
    return long[pieces]


def _line_ends(thin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of thin lines and where they point: int [n, 2] and unit vectors [n, 2]."""
    padded = np.pad(thin, 1).astype(np.uint8)
    around = cv2.filter2D(padded, -1, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT)
    ends = np.argwhere((padded > 0) & (around == 2))
    offsets = np.array([(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c])
    here, before = ends.copy(), ends.copy()
    alive = np.ones(len(ends), bool)
    for _ in range(LINE_END):
        near = here[:, None] + offsets
        open_ = padded[near[..., 0], near[..., 1]] > 0
        open_ &= np.abs(near - before[:, None]).max(2) > (0 if (here == before).all() else 1)
        alive &= open_.any(1)
        following = near[np.arange(len(here)), open_.argmax(1)]
        following[~alive] = here[~alive]
        before, here = here, following
    way = (ends - here).astype(float)
    length = np.hypot(*way.T)
    good = alive & (length >= LINE_END / 2)
    return ends[good] - 1, way[good] / length[good, None]


def _measure(labels: np.ndarray, lines: np.ndarray, shade: np.ndarray
             ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Area, mean shade and diameter of each region, by label."""
    count = int(labels.max()) + 1
    area = np.bincount(labels.ravel(), minlength=count)
    clear = (~lines).ravel()
    weight = np.maximum(clear, 0.02)
    tone = np.bincount(labels.ravel(), shade.ravel() * weight, count)
    tone /= np.maximum(np.bincount(labels.ravel(), weight, count), 1e-6)
    room = _room(~lines)
    diameter = np.zeros(count, np.float32)
    np.maximum.at(diameter, labels.ravel(), 2 * room.ravel())
    return area, tone.astype(np.float32), diameter


def _mean(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean of some values within each label, float32 [labels.max() + 1]."""
    total = np.bincount(labels.ravel(), values.ravel())
    return (total / np.maximum(np.bincount(labels.ravel()), 1)).astype(np.float32)


def _touching(labels: np.ndarray, lines: np.ndarray, steps: np.ndarray
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of labels that touch, how long they do, and how much of that has no line."""
    closed = lines | steps
    pairs, free = [], []
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = labels[one] != labels[other]
        pairs.append(np.stack([labels[one][differ], labels[other][differ]], 1))
        free.append(~(closed[one] | closed[other])[differ])
    both, free = np.sort(np.concatenate(pairs), 1), np.concatenate(free)
    count = int(labels.max()) + 1
    keys, which = np.unique(both[:, 0].astype(np.int64) * count + both[:, 1], return_inverse=True)
    contact = np.bincount(which, minlength=len(keys))
    opening = np.bincount(which, free, len(keys))
    neighbors = np.stack([keys // count, keys % count], 1)
    return neighbors.astype(np.int32), contact.astype(np.int32), opening.astype(np.int32)


class _Parts:
    """Parts of a page that become one another's: lists by label, changed at every merge."""

    def __init__(self, labels: np.ndarray, lines: np.ndarray, steps: np.ndarray, tones: Tones):
        area, tone, diameter = _measure(labels, lines, tones.shade)
        self.area, self.tone, self.diameter = area.tolist(), tone.tolist(), diameter.tolist()
        self.gray, self.ink = (_mean(labels, values).tolist() for values in (tones.gray, lines))
        self.owner = list(range(len(area)))
        self.beside: list[dict[int, list[int]]] = [{} for _ in self.area]
        for pair, contact, opening in zip(*_touching(labels, lines, steps), strict=True):
            one, other = pair.tolist()
            self.beside[one][other] = [int(opening), int(contact)]
            self.beside[other][one] = [int(opening), int(contact)]

    def partner(self, part: int) -> int:
        """The neighbour that a part belongs to, or 0."""
        beside = sorted(self.beside[part].items())
        open_to = [(opening, contact, -other) for other, (opening, contact) in beside
                   if self._one_surface(part, other, opening)]
        hatched = [(contact, -other) for other, (_, contact) in beside
                   if self._one_hatching(part, other, contact)]
        if open_to or hatched:
            return -max(open_to or hatched)[-1]
        if self.area[part] >= SMALLEST or not beside:
            return 0
        widest = max((opening, contact, -other) for other, (opening, contact) in beside)
        if widest[0] == 0 and self.area[part] >= TINIEST:
            return 0
        return -widest[-1]

    def _one_surface(self, part: int, other: int, opening: int) -> bool:
        like = abs(self.tone[other] - self.tone[part]) <= LIKE_TONE
        smaller = min(part, other, key=lambda label: self.area[label])
        needed = max(OPEN * min(self.diameter[part], self.diameter[other]),
                     OPEN_OF_LONG * self.area[smaller] ** 0.5)
        return like and opening >= max(needed, 1)

    def _one_hatching(self, part: int, other: int, contact: int) -> bool:
        both = min(self.ink[part], self.ink[other]) >= HATCHED
        like = abs(self.gray[part] - self.gray[other]) <= LIKE_HATCHING
        return both and like and contact >= 0.35 * min(self.area[part], self.area[other]) ** 0.5

    def join(self, part: int, target: int) -> None:
        """Makes a part one with another."""
        share = self.area[part] / (self.area[part] + self.area[target])
        for values in (self.tone, self.gray, self.ink):
            values[target] += share * (values[part] - values[target])
        self.area[target] += self.area[part]
        self.diameter[target] = max(self.diameter[target], self.diameter[part])
        self.owner[part] = target
        for other, (opening, contact) in self.beside[part].items():
            del self.beside[other][part]
            if other != target:
                widths = self.beside[target].setdefault(other, [0, 0])
                widths[0] += opening
                widths[1] += contact
                self.beside[other][target] = list(widths)
        self.beside[part] = {}


def _merge(labels: np.ndarray, lines: np.ndarray, steps: np.ndarray, tones: Tones) -> np.ndarray:
    """Joins parts across wide openings, the smallest first, each with its widest neighbour."""
    parts = _Parts(labels, lines, steps, tones)
    waiting = [(area, part) for part, area in enumerate(parts.area) if part and area]
    heapq.heapify(waiting)
    while waiting:
        area, part = heapq.heappop(waiting)
        if parts.owner[part] != part or area != parts.area[part]:
            continue
        target = parts.partner(part)
        if target:
            parts.join(part, target)
            heapq.heappush(waiting, (parts.area[target], target))
    owner = np.array(parts.owner)
    while (owner[owner] != owner).any():
        owner = owner[owner]
    used = np.unique(owner[np.unique(labels)])
    return (np.searchsorted(used, owner[labels]) + 1).astype(np.int32)


def _panels(labels: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """The panel of each region: what margins and gutters surround."""
    inside = cv2.erode((~margin[labels]).astype(np.uint8), disc(3))
    _, panels = cv2.connectedComponents(inside)
    count = int(labels.max()) + 1
    votes = sparse.coo_array((np.ones(labels.size), (labels.ravel(), panels.ravel()))).tocsr()
    votes = votes[:count].toarray()
    votes[:, 0] = 0.5
    return np.where(margin, 0, votes.argmax(1)).astype(np.int32)


def _sharpen(labels: np.ndarray, page: np.ndarray) -> np.ndarray:
    """The labels at the page's own size, their boundaries moved under its lines."""
    large = cv2.resize(labels.astype(np.float32), page.shape[::-1],
                       interpolation=cv2.INTER_NEAREST)
    reach = max(1.0, page.shape[0] / labels.shape[0])
    element = disc(reach)
    inside = cv2.dilate(large, element) == cv2.erode(large, element)
    markers = np.where(inside, large, 0).astype(np.int32)
    flooded = cv2.watershed(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), markers)
    return np.where(flooded > 0, flooded, large.astype(np.int32))
