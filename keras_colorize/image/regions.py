"""Regions of a printed page: what its lines enclose, and what stays white paper."""

import heapq
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy import sparse
from skimage.segmentation import watershed

from keras_colorize.image import white_paper
from keras_colorize.image.insets import inset_margins
from keras_colorize.image.line_ends import bridge_gaps, long_lines
from keras_colorize.image.tones import Tones, disc, read_tones, stretch

# Lengths are in working pixels: a page is about 1000 of them high.
BALLS = (14, 9, 6, 4, 3, 2)  # radii, the largest first
STEP_OF_TONE = 30  # of 255 within five pixels: a boundary without a line
DENSE = 4  # lines closer than two of these lie dense, as in hair and hatching
DENSE_SURFACE = 6  # half the width from which dense lines are a surface of their own
OPEN = 0.45  # of the diameter of the smaller region: a wider opening joins both
OPEN_OF_LONG = 0.15  # of the root of its area, too: a gutter is long, and no part of a panel
LIKE_TONE = 20  # of 255
HATCHED = 0.3  # of a region that is hatching, or hair, is ink
WIDEST_OF_HATCHING = 11  # diameter of one of both: a gutter between frames is a third ink, too
LIKE_HATCHING = 38  # of 255, ink included
SMALLEST = 60  # area: a smaller region joins what it opens to
TINIEST = 16  # area: a smaller region joins whatever is beside it
BRIDGE, STEP, LINE = 1, 2, 3  # what bounds regions: an end of a line carried on, a tone, ink


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
        barrier: uint8 [h, w], where there is a `LINE`, a `STEP` of tone, or a `BRIDGE` from the end
            of a line to what it points at; 0 elsewhere.
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
    barrier: np.ndarray
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
    barrier, dense = _find_barrier(lines, _steps_of_tone(tones) & ~lines)
    parts = _divide(barrier, dense, tones.shade)
    labels = _merge(parts, barrier, tones)
    balloons = lettering.balloons > 0
    labels[balloons] = labels.max() + lettering.balloons[balloons]
    labels = _renumber(labels)[1]
    white, margin = white_paper.find_white(labels, lines, tones, lettering)
    insets = inset_margins(tones.gray, lines, white_paper.PAPER_GRAY) & ~(margin[labels] | balloons)
    labels[insets] = len(white)
    used, labels = _renumber(labels)
    white, margin = (np.append(each, True)[used] for each in (white, margin))
    known = _measure(labels, lines, tones.gray, tones.shade, len(white))
    neighbors, contact, opening = _touching(labels, barrier)
    return Regions(labels=labels, page_labels=_sharpen(labels, page), white=white,
                   neighbors=neighbors, contact=contact, opening=opening,
                   panel=_panels(labels, margin), barrier=barrier, tones=tones, **known)


def _renumber(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels in use after a 0, int64 [count + 1], and what they become: int32 [h, w] from 1."""
    used, labels_from_0 = np.unique(labels, return_inverse=True)
    return np.append(0, used), labels_from_0.reshape(labels.shape).astype(np.int32) + 1


def relabel(regions: Regions, labels: np.ndarray, page_labels: np.ndarray,
            parent: np.ndarray) -> Regions:
    """Describes the regions of a page anew, some of which were divided.

    Args:
        regions: before.
        labels: int32 [h, w] at the working scale.
        page_labels: int32 [height, width].
        parent: int [count + 1], of each new label the one before, whose paper and panel it has.
    """
    is_part = np.bincount(parent)[parent] > 1
    left, top, width, height = cv2.boundingRect(is_part[labels].astype(np.uint8))
    box = np.s_[top:top + height, left:left + width]
    anew = _measure(np.where(is_part, np.arange(len(parent)), 0)[labels[box]],
                    regions.barrier[box] == LINE, regions.tones.gray[box],
                    regions.tones.shade[box], len(parent))
    known = {name: np.where(is_part, values, getattr(regions, name)[parent])
             for name, values in anew.items()}
    neighbors, contact, opening = _touching(labels, regions.barrier)
    return replace(regions, labels=labels, page_labels=page_labels, white=regions.white[parent],
                   panel=regions.panel[parent], neighbors=neighbors, contact=contact,
                   opening=opening, **known)


def _steps_of_tone(tones: Tones) -> np.ndarray:
    """Where one tone meets another without a line between them: bool [h, w]."""
    reach = disc(max(2, round(tones.pitch)))  # coarse dots, once smoothed, make wide steps
    change = cv2.morphologyEx(tones.shade, cv2.MORPH_GRADIENT, reach)
    steps = (change > STEP_OF_TONE).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(steps)
    long = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= 12
    long[0] = False
    return long[pieces]


def _find_barrier(lines: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What bounds regions, as `Regions.barrier`, and where lines lie dense: bool [h, w]."""
    dense = _dense_surfaces(lines)
    barrier = np.where(lines, LINE, STEP * steps).astype(np.uint8)
    bridges = bridge_gaps(long_lines(lines) & ~dense, barrier > 0)
    barrier[bridges & (barrier == 0)] = BRIDGE
    return barrier, dense


def _divide(barrier: np.ndarray, dense: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Many small regions: what balls of several sizes reach, grown until they meet."""
    lines, barrier = barrier == LINE, barrier > 0
    cores = _cores(~barrier & ~dense)
    surfaces = _surfaces(dense)
    cores[surfaces > 0] = surfaces[surfaces > 0] + cores.max()
    room = room_in(~barrier)
    change = cv2.morphologyEx(shade, cv2.MORPH_GRADIENT, disc(1)).astype(np.float32)
    depth = room_in(lines)
    height = np.where(lines, 500 + 50 * depth, np.where(barrier, change, -10 * room))
    return watershed(np.round(height).astype(np.int32), cores).astype(np.int32)


def room_in(free: np.ndarray) -> np.ndarray:
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


def _measure(labels: np.ndarray, lines: np.ndarray, gray: np.ndarray, shade: np.ndarray,
             count: int) -> dict[str, np.ndarray]:
    """What can be measured of each of so many labels alone, by the names of `Regions`."""
    flat = labels.ravel()
    area = np.bincount(flat, minlength=count)
    weight = np.where(lines, 0.02, 1.0).ravel()
    tone = np.bincount(flat, shade.ravel() * weight, count)
    tone /= np.maximum(np.bincount(flat, weight, count), 1e-6)
    diameter = np.zeros(count, np.float32)
    np.maximum.at(diameter, flat, 2 * room_in(~lines).ravel())
    means = [np.bincount(flat, values.ravel(), count) / np.maximum(area, 1)
             for values in (gray, lines)]
    return {"area": area, "tone": tone.astype(np.float32), "diameter": diameter,
            "gray": means[0].astype(np.float32), "ink": means[1].astype(np.float32)}


def _touching(labels: np.ndarray, barrier: np.ndarray
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of labels that touch, how long they do, and how much of that has no line."""
    closed = barrier >= STEP
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

    def __init__(self, labels: np.ndarray, barrier: np.ndarray, tones: Tones):
        known = _measure(labels, barrier == LINE, tones.gray, tones.shade, int(labels.max()) + 1)
        self.area, self.tone, self.diameter = (
            known[name].tolist() for name in ("area", "tone", "diameter"))
        self.gray, self.ink = known["gray"].tolist(), known["ink"].tolist()
        self.owner = list(range(len(self.area)))
        self.beside: list[dict[int, list[int]]] = [{} for _ in self.area]
        for pair, contact, opening in zip(*_touching(labels, barrier), strict=True):
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
        both = min(self.ink[part], self.ink[other]) >= HATCHED and (
            min(self.diameter[part], self.diameter[other]) <= WIDEST_OF_HATCHING)
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


def _merge(labels: np.ndarray, barrier: np.ndarray, tones: Tones) -> np.ndarray:
    """Joins parts across wide openings, the smallest first, each with its widest neighbour."""
    parts = _Parts(labels, barrier, tones)
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
    return settle(large, page, max(1.0, page.shape[0] / labels.shape[0]))


def settle(labels: np.ndarray, page: np.ndarray, reach: float) -> np.ndarray:
    """Moves the boundaries of labels, float32 [h, w], under the lines of a page of their size.

    Args:
        page: uint8 [h, w].
        reach: pixels by which a boundary may move.

    Returns:
        int32 [h, w].
    """
    element = disc(reach)
    inside = cv2.dilate(labels, element) == cv2.erode(labels, element)
    markers = np.where(inside, labels, 0).astype(np.int32)
    flooded = cv2.watershed(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR), markers)
    return np.where(flooded > 0, flooded, labels.astype(np.int32))
