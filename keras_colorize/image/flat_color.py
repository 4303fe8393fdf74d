"""Flat colour under a page's own ink: where clicks say so, and where they flow."""

import heapq
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from keras_colorize.image.regions import Regions
from keras_colorize.image.tones import DOT, DOTS_BLUR, shrink

LEAST_OPENING = 6  # working pixels: a click flows through wider openings
OPENING_SHARE = 0.14  # of the diameter of the smaller region: a narrower opening is an accident
WIDE_OPENING = 18  # working pixels: and a wider one never is
LIKE_TONE = 24  # of 255: and into regions whose tone differs less
HATCHED = 0.3  # of a region that is hair or hatching is ink; colour crosses its lines
DOTTED = 0.2  # of a region has dots that can be counted: so it has dots all over
LIKE_HATCHING = 60  # of 255, ink included
SURROUNDED = 0.8  # of an outline lies beside one colour: a shadow in a surface, or a fold
SHADED = 12  # of 255: and its tone differs so much, or it is a thing of its own, as an eye is
SURROUNDED_AREA = 0.5  # of the area of the largest region of that colour beside it, at most
BLACK, DARK = 0.25, 0.5  # of full luminance: below the first no tint, above the second all of it
LIKENESS = 0.85  # carried to another panel only above this
STRIP = 128  # rows painted at a time, so that they stay in the processor's cache
COLORFUL = 12  # of 255: a page whose channels differ more is no black-and-white page


class Click(NamedTuple):
    """A place on the page, in its own pixels, and the colour that belongs there: RGB 0..255."""

    row: float
    column: float
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Carried:
    """What clicks mean for like regions of other panels.

    Attributes:
        colors: uint8 RGB [count + 1, 3], read where `regions` is true.
        regions: bool [count + 1], the regions that take a colour over.
        source: int32 [count + 1], the region from which each takes it; 0 for none.
        confidence: float32 [count + 1], 0..1.
    """

    colors: np.ndarray
    regions: np.ndarray
    source: np.ndarray
    confidence: np.ndarray


def spread_clicks(regions: Regions, clicks: list[Click], least_opening: int = LEAST_OPENING
                  ) -> tuple[np.ndarray, np.ndarray]:
    """Fills the clicked regions, and what lies open to them, through the widest openings first.

    Then what one colour surrounds takes it too. A region that stays white takes a colour only from
    a click on itself. Of several clicks in one region the last counts; `division.divide` it before.

    Args:
        regions: of the page.
        clicks: places and colours.
        least_opening: in working pixels; colour flows through openings of at least this width.

    Returns:
        colors: uint8 RGB [count + 1, 3], read where the second is true.
        colored: bool [count + 1], the regions that have a colour.
    """
    colors = np.zeros((regions.count + 1, 3), np.uint8)
    colored = np.zeros(regions.count + 1, bool)
    for click in clicks:
        region = regions.at(click.row, click.column)
        colors[region], colored[region] = click.color, True
    beside = _openings(regions, least_opening)
    origin = np.arange(regions.count + 1)
    waiting = [(-width, int(region), other) for region in np.flatnonzero(colored)
               if not regions.white[region] for other, width in beside[region]]
    heapq.heapify(waiting)
    while waiting:
        width, region, other = heapq.heappop(waiting)
        if colored[other] or regions.white[other] or not _alike(regions, origin[region], other):
            continue
        colors[other], colored[other], origin[other] = colors[region], True, origin[region]
        for following, opening in beside[other]:
            heapq.heappush(waiting, (max(width, -opening), other, following))
    while _fill_surrounded(regions, colors, colored):
        pass
    return colors, colored


def _fill_surrounded(regions: Regions, colors: np.ndarray, colored: np.ndarray) -> bool:
    """Gives small regions the colour that most of their outline lies beside; says if there are any.

    Shadows and folds are such, and highlights in hair. `colors` and `colored` change in place.
    """
    one, other = np.concatenate([regions.neighbors, regions.neighbors[:, ::-1]]).T
    contact = np.tile(regions.contact, 2)
    outline = np.bincount(one, contact, regions.count + 1)
    beside = ~(colored | regions.white)[one] & (colored & ~regions.white)[other]
    one, other, contact = one[beside], other[beside], contact[beside]
    keys = colors[other].astype(np.int64) @ (1 << 16, 1 << 8, 1) + (one.astype(np.int64) << 24)
    both, first, which = np.unique(keys, return_index=True, return_inverse=True)
    shared = np.bincount(which, contact, len(both))
    largest = np.zeros(len(both))
    np.maximum.at(largest, which, regions.area[other])
    inner = one[first]
    around = np.bincount(which, contact * regions.tone[other], len(both)) / shared
    shaded = (np.abs(regions.tone[inner] - around) > SHADED) | (regions.ink[inner] >= HATCHED)
    chosen = shaded & (shared >= SURROUNDED * outline[inner]) & (
        regions.area[inner] <= SURROUNDED_AREA * largest)
    colors[inner[chosen]], colored[inner[chosen]] = colors[other[first[chosen]]], True
    return bool(chosen.any())


def _openings(regions: Regions, least: int) -> list[list[tuple[int, int]]]:
    """Of each region, the regions that it opens to and how widely."""
    beside: list[list[tuple[int, int]]] = [[] for _ in range(regions.count + 1)]
    one, other = regions.neighbors.T
    hatched = np.minimum(regions.ink[one], regions.ink[other]) >= HATCHED
    width = np.where(hatched, regions.contact, regions.opening)
    diameter = np.minimum(regions.diameter[one], regions.diameter[other])
    slight = np.minimum(OPENING_SHARE * diameter, WIDE_OPENING)
    wide = width >= np.maximum(least, np.where(hatched, 0, slight))
    for (first, second), opening in zip(regions.neighbors[wide].tolist(), width[wide].tolist(),
                                        strict=True):
        beside[first].append((second, opening))
        beside[second].append((first, opening))
    return beside


def _alike(regions: Regions, one: int, other: int) -> bool:
    """Whether two regions may be one thing: both hatched, or both clear, and of like tone."""
    hatched = regions.ink[[one, other]] >= HATCHED
    if hatched.all():
        return bool(abs(regions.gray[one] - regions.gray[other]) <= LIKE_HATCHING)
    return bool(not hatched.any() and abs(regions.tone[one] - regions.tone[other]) <= LIKE_TONE)


def carry(regions: Regions, clicks: list[Click], least_likeness: float = LIKENESS) -> Carried:
    """Carries clicks to like regions in other panels: same tone and shape, beside the like.

    Regions that have a colour already, that stay white, or that are as like to a region of
    another colour, take nothing; nor do two that are not, each to the other, the likest in its
    panel, for blank paper is like blank paper all over a page.

    Args:
        regions: of the page.
        clicks: places and colours.
        least_likeness: 0..1; below it nothing is carried.
    """
    colors, colored = spread_clicks(regions, clicks)
    clicked = sorted({regions.at(click.row, click.column) for click in clicks})
    clicked = [region for region in clicked if not regions.white[region]]
    carried = Carried(colors.copy(), np.zeros_like(colored),
                      np.zeros(len(colored), np.int32), np.zeros(len(colored), np.float32))
    if not clicked:
        return carried
    around = _surroundings(regions)
    alike = np.stack([_likeness(regions, around, source) for source in clicked])
    given = colors[clicked].astype(int)
    for region in np.flatnonzero(~colored & ~regions.white & (alike.max(0) >= least_likeness)):
        best = int(alike[:, region].argmax())
        rivals = alike[np.abs(given - given[best]).max(1) > COLORFUL, region]
        confidence = alike[best, region] - 0.5 * rivals.max(initial=0) * (rivals.size > 0)
        sure = alike[best, region] > 1.15 * rivals.max(initial=0)
        if sure and _are_each_others_best(regions, around, clicked[best], region):
            carried.regions[region] = True
            carried.colors[region] = given[best]
            carried.source[region] = clicked[best]
            carried.confidence[region] = confidence
    return carried


def paint(luminance: np.ndarray, regions: Regions, colors: np.ndarray,
          tones: str = "keep") -> np.ndarray:
    """Lays flat colour under the ink of a page.

    Args:
        luminance: uint8 or uint16 [height, width], the page.
        regions: of the page.
        colors: uint8 RGB [count + 1, 3], the colour of each region.
        tones: "keep" prints the page's dots over the colour, "smooth" the shade that they mean.

    Returns:
        RGB [height, width, 3] of the same depth. Black ink has no tint.

    Raises:
        ValueError: an argument of another type, size or name.
    """
    _check(luminance, regions, colors, tones)
    largest = np.iinfo(luminance.dtype).max
    page = _smooth(luminance, regions) if tones == "smooth" else luminance
    gray, tint = _mix(colors)
    light = np.arange(largest + 1, dtype=np.float32) / largest
    full = np.clip((light - BLACK) / (DARK - BLACK), 0, 1)
    tinted = light * full * full * (3 - 2 * full)
    painted = np.empty((*page.shape, 3), page.dtype)
    for top in range(0, page.shape[0], STRIP):
        rows = np.s_[top:top + STRIP]
        labels, strip = regions.page_labels[rows], page[rows]
        shaded = tint.take(labels, 0) * tinted.take(strip)[..., None]
        shaded += (gray.take(labels) * light.take(strip))[..., None]
        painted[rows] = shaded * largest + 0.5
    return painted


def fill(luminance: np.ndarray, regions: Regions, colors: np.ndarray, colored: np.ndarray,
         uncolored: tuple[int, int, int] = (255, 255, 255), tones: str = "keep") -> np.ndarray:
    """Paints a page of which some regions have a colour.

    Args:
        luminance: uint8 or uint16 [height, width], the page.
        regions: of the page.
        colors: uint8 RGB [count + 1, 3], read where `colored` is true.
        colored: bool [count + 1].
        uncolored: RGB 0..255, for the regions that nobody spoke of; white paper stays white.
        tones: as in `paint`.
    """
    every = np.empty((regions.count + 1, 3), np.uint8)
    every[:] = uncolored
    every[regions.white] = 255
    every[colored] = colors[colored]
    return paint(luminance, regions, every, tones)


def _mix(colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each colour's gray, float32 [n] of 0..1, and what it adds to its gray, float32 [n, 3]."""
    shares = colors.astype(np.float32) / 255
    gray = shares @ np.array([0.299, 0.587, 0.114], np.float32)
    return gray, shares - gray[:, None]


def _smooth(page: np.ndarray, regions: Regions) -> np.ndarray:
    """The page with the shade in place of its dots; lines, and what has no dots, as they are."""
    tones, size = regions.tones, page.shape[::-1]
    depth = np.iinfo(page.dtype).max / 255
    hatching = cv2.blur(tones.ink.astype(np.float32), (15, 15)) > HATCHED
    dotted = tones.screen & ~hatching
    if not dotted.any():
        return page
    lines = cv2.GaussianBlur(tones.ink.astype(np.float32), (0, 0), 0.7)
    even = cv2.GaussianBlur(dotted.astype(np.float32), (0, 0), 1.0) * (
        1 - np.minimum(1.5 * lines, 1))
    # Beside lines dots cannot be counted; what is small in a region of dots is one all the same.
    share = np.bincount(regions.labels.ravel(), dotted.ravel(), regions.count + 1)
    drawn = _large_pieces(page < 128 * depth, DOT / tones.scale)
    dots = (share >= DOTTED * regions.area)[regions.page_labels] \
        & (cv2.dilate(drawn, np.ones((3, 3))) == 0)
    reach = max(DOTS_BLUR, tones.pitch / 2)
    between = 1 - shrink(drawn, tones.gray.shape[::-1]).astype(np.float32)
    mean = cv2.GaussianBlur(tones.gray * between, (0, 0), reach) \
        / np.maximum(cv2.GaussianBlur(between, (0, 0), reach), 1e-3)
    even, shade = (cv2.resize(each, size) for each in (
        even, np.where(dotted, tones.shade, mean).astype(np.float32)))
    return (page + np.where(dots, 1, even) * (shade * depth - page) + 0.5).astype(page.dtype)


def _large_pieces(dark: np.ndarray, dot: float) -> np.ndarray:
    """Finds the connected pieces that are wider or higher than a dot, uint8 [h, w]."""
    _, pieces, boxes, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8))
    large = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) > dot
    large[0] = False  # what is not dark
    return large.astype(np.uint8)[pieces]


def _are_each_others_best(regions: Regions, around: np.ndarray, one: int, other: int) -> bool:
    """Whether two regions of two panels are each the likest to the other in its own panel."""
    def likest(region: int, to: int) -> bool:
        alike = _likeness(regions, around, to)
        return bool(alike[region] >= alike[regions.panel == regions.panel[region]].max())

    return likest(other, one) and likest(one, other)


def _likeness(regions: Regions, around: np.ndarray, source: int) -> np.ndarray:
    """How like each region is to one, float32 [count + 1] of 0..1; 0 in the same panel."""
    area = np.maximum(regions.area, 1).astype(np.float32)
    fullness = np.log(area / np.maximum(regions.diameter, 1) ** 2)
    size = np.log(area)
    apart = (((regions.tone - regions.tone[source]) / 20) ** 2
             + ((size - size[source]) / 1.4) ** 2 + ((fullness - fullness[source]) / 0.6) ** 2)
    alike = np.exp(-apart / 2) * np.minimum(around, around[source]).sum(1)
    alike[(regions.panel == regions.panel[source]) | (regions.panel == 0)] = 0
    return alike.astype(np.float32)


def _surroundings(regions: Regions) -> np.ndarray:
    """What each region lies beside: the share of each tone along its outline, [count + 1, 5]."""
    kind = np.where(regions.white, 4, np.clip(regions.tone // 64, 0, 3).astype(int))
    shares = np.zeros((regions.count + 1, 5), np.float32)
    for one, other in ((0, 1), (1, 0)):
        np.add.at(shares, (regions.neighbors[:, one], kind[regions.neighbors[:, other]]),
                  regions.contact)
    return shares / np.maximum(shares.sum(1, keepdims=True), 1)


def _check(luminance: np.ndarray, regions: Regions, colors: np.ndarray, tones: str) -> None:
    """Refuses what cannot be painted."""
    if luminance.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a page is uint8 or uint16, not {luminance.dtype}")
    if luminance.shape != regions.page_labels.shape:
        raise ValueError(f"the page has {list(luminance.shape)} pixels, its regions "
                         f"{list(regions.page_labels.shape)}")
    if colors.shape != (regions.count + 1, 3):
        raise ValueError(f"{regions.count} regions take colours of {[regions.count + 1, 3]}, "
                         f"not {list(colors.shape)}")
    if tones not in ("keep", "smooth"):
        raise ValueError(f'tones are "keep" or "smooth", not "{tones}"')
