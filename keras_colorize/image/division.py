"""Division of a region among clicks that mean unlike colours."""

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from keras_colorize.image.flat_color import COLORFUL, Click
from keras_colorize.image.regions import STEP, Regions, relabel, room_in, settle

# Colour is said to flow from each click as a current does, and resistances are of one pixel of the
# working scale, where blank paper has 1 if no other place of the region is farther from a line, and
# more by the square of how much nearer to one it is.
OF_LINE, OF_STEP, OF_BRIDGE = 10_000.0, 1_000.0, 30.0
PER_CHANGE = 0.5  # for each level of 255 by which the tone changes
NEARER = 0.25  # a click means all around it that is so much nearer than the next of another colour
HELD, LOOSE = 1e6, 1e-9  # conductances: to an electrode, and of nothing at all
CELLS = 8_000  # a larger region is divided at a coarser scale
MOST = 24  # colours that divide one region: of more the last
BORDER = 4  # working pixels: what is looked at beside a region

Place = tuple[float, float]


def divide(regions: Regions, page: np.ndarray, clicks: list[Click]) -> tuple[Regions, np.ndarray]:
    """Divides regions in which clicks of unlike colours lie, so that each colour has its part.

    The colours are electrodes, the page conducts, and a part is where the potential is nearest to
    its own colour's (a random walk from there comes to it first: Grady 2006). Lines and changes of
    tone resist, and a narrow opening lets little through. So the border lies in the narrowest
    opening between two clicks, and halfway where the page shows nothing.

    Args:
        regions: of the page.
        page: its luminance, uint8 [height, width].
        clicks: places and colours. Nearly the same colours do not divide.

    Returns:
        The regions, those not divided under their labels; the parts but the first have new ones.
        And of each label the one before, int [count + 1].
    """
    labels, page_labels = regions.labels.copy(), regions.page_labels.copy()
    parent = list(range(regions.count + 1))
    for region, groups in _by_region(regions, clicks).items():
        if len(groups) < 2:
            continue
        box, page_box = _boxes(regions, region)
        parts = _parts(regions, region, box, [_cells(group, regions, box) for group in groups])
        fine = _enlarge(parts, page[page_box])
        for number in range(1, len(groups)):
            labels[box][(parts == number) & (regions.labels[box] == region)] = len(parent)
            page_labels[page_box][(fine == number)
                                  & (regions.page_labels[page_box] == region)] = len(parent)
            parent.append(region)
    if len(parent) == regions.count + 1:
        return regions, np.array(parent)
    return relabel(regions, labels, page_labels, np.array(parent)), np.array(parent)


def _by_region(regions: Regions, clicks: list[Click]) -> dict[int, list[list[Place]]]:
    """Of each region with clicks their places, in one list for each colour."""
    found: dict[int, list[tuple[Click, list[Place]]]] = {}
    for click in clicks:
        groups = found.setdefault(regions.at(click.row, click.column), [])
        like = [places for first, places in groups
                if np.abs(np.subtract(first.color, click.color)).max() <= COLORFUL]
        if not like:
            groups.append((click, []))
        (like[0] if like else groups[-1][1]).append((click.row, click.column))
    return {region: [places for _, places in groups[-MOST:]] for region, groups in found.items()}


def _boxes(regions: Regions, region: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """What surrounds a region, at the working scale and on the page."""
    left, top, width, height = cv2.boundingRect((regions.labels == region).astype(np.uint8))
    box, page_box = [], []
    for first, length, size, whole in zip((top, left), (height, width), regions.labels.shape,
                                          regions.page_labels.shape, strict=True):
        first, last = max(0, first - BORDER), min(size, first + length + BORDER)
        box.append(slice(first, last))
        page_box.append(slice(first * whole // size, -(-last * whole // size)))
    return tuple(box), tuple(page_box)


def _cells(places: list[Place], regions: Regions, box: tuple[slice, slice]) -> np.ndarray:
    """The places of the page within a box of the working scale, int [n, 2]."""
    scale = np.divide(regions.labels.shape, regions.page_labels.shape)
    cells = (np.array(places) * scale).astype(int) - (box[0].start, box[1].start)
    return np.clip(cells, 0, np.subtract(regions.labels[box].shape, 1))


def _parts(regions: Regions, region: int, box: tuple[slice, slice], seeds: list[np.ndarray]
           ) -> np.ndarray:
    """Which of some seeds each pixel of a region in its box belongs to: uint8 [h, w]."""
    own = regions.labels[box] == region
    resistance, inside = _resistance(regions, box, own), own.astype(np.float32)
    size = inside.shape
    coarse = max(1.0, (inside.sum() / CELLS) ** 0.5)
    small = tuple(max(1, round(length / coarse)) for length in size)
    resistance, inside = (cv2.resize(each, small[::-1], interpolation=cv2.INTER_AREA)
                          for each in (resistance, inside))
    cells = [tuple((places * np.divide(small, size)).astype(int).T) for places in seeds]
    seeded = _electrodes(cells, resistance, inside > 0)
    likely = _potentials(resistance, inside > 0, seeded, len(seeds))
    parts = np.argmax([cv2.resize(each, size[::-1]) for each in likely], 0).astype(np.float32)
    if coarse > 1:
        parts = settle(parts + 1, regions.tones.gray[box], coarse) - 1
    return parts.astype(np.uint8)


def _electrodes(seeds: list[tuple[np.ndarray, np.ndarray]], resistance: np.ndarray,
                inside: np.ndarray) -> np.ndarray:
    """The number of the seed in each cell, else -1: int [h, w].

    Each reaches about its places as far as no other is near and nothing resists.
    """
    far = []
    for cells in seeds:
        others = np.ones(inside.shape, np.uint8)
        others[cells] = 0
        far.append(cv2.distanceTransform(others, cv2.DIST_L2, 5))
    open_ = inside & (resistance < OF_STEP)
    seeded = np.full(inside.shape, -1)
    for number, cells in enumerate(seeds):
        next_ = np.min(far[:number] + far[number + 1:], 0)
        near = (open_ & (far[number] < NEARER * next_)) | (far[number] == 0)
        _, pieces = cv2.connectedComponents(near.astype(np.uint8), None, 4)
        seeded[near & np.isin(pieces, pieces[cells])] = number
    return seeded


def _resistance(regions: Regions, box: tuple[slice, slice], inside: np.ndarray) -> np.ndarray:
    """How much each pixel of a box resists colour, float32 [h, w]."""
    shade, barrier = regions.tones.shade[box], regions.barrier[box]
    change = cv2.morphologyEx(shade, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    room = np.maximum(room_in(barrier < STEP), 1)
    narrow = (room[inside].max() / room) ** 2
    of_barrier = np.array([0, OF_BRIDGE, OF_STEP, OF_LINE], np.float32)
    return np.minimum(narrow + PER_CHANGE * change, OF_STEP) + of_barrier[barrier]


def _potentials(resistance: np.ndarray, inside: np.ndarray, seeded: np.ndarray,
                count: int) -> np.ndarray:
    """How likely a random walk from each cell comes to each of the seeds first.

    Args:
        resistance: float32 [h, w].
        inside: bool [h, w], the cells that are walked on.
        seeded: int [h, w], the number of the seed in a cell, else -1.
        count: of the seeds.

    Returns:
        float32 [count, h, w], 0 outside.
    """
    number = np.cumsum(inside).reshape(inside.shape) - 1
    ends, flows = [], []
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        both = inside[one] & inside[other]
        ends.append(np.stack([number[one][both], number[other][both]]))
        flows.append(2 / (resistance[one][both] + resistance[other][both]))
    (one, other), flow = np.concatenate(ends, 1), np.concatenate(flows)
    cells = int(inside.sum())
    held = HELD * (seeded[inside] >= 0) + LOOSE  # a cell that nothing joins stays undecided
    own = np.bincount(one, flow, cells) + np.bincount(other, flow, cells) + held
    every = np.arange(cells)
    matrix = sparse.csc_array((np.r_[own, -flow, -flow],
                               (np.r_[every, one, other], np.r_[every, other, one])))
    wanted = HELD * (seeded[inside][:, None] == np.arange(count))
    solved = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0,
                  options={"SymmetricMode": True}).solve(wanted)
    potentials = np.zeros((count, *inside.shape), np.float32)
    potentials[:, inside] = solved.T
    return potentials


def _enlarge(parts: np.ndarray, page: np.ndarray) -> np.ndarray:
    """The parts at the size of the page, uint8, with even borders that lie under its lines."""
    most, large = np.zeros(page.shape, np.uint8), np.zeros(page.shape, np.uint8)
    for number in range(int(parts.max()) + 1):
        own = cv2.GaussianBlur(255 * (parts == number).astype(np.uint8), (0, 0), 1.5)
        own = cv2.resize(own, page.shape[::-1], interpolation=cv2.INTER_LINEAR)
        large[own > most] = number
        most = np.maximum(most, own)
    border = cv2.morphologyEx(large, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    left, top, width, height = cv2.boundingRect(border)
    reach = max(1.0, page.shape[0] / parts.shape[0])
    edge = round(3 * reach)
    near = np.s_[max(0, top - edge):top + height + edge, max(0, left - edge):left + width + edge]
    large[near] = settle(large[near].astype(np.float32) + 1, page[near], reach) - 1
    return large
