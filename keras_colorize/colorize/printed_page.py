"""A printed page in flat colour: its regions, the network's vote for each, and a user's clicks."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from skimage.measure import label

from keras_colorize import media
from keras_colorize.colorize import layers
from keras_colorize.colorize.layers import Colored
from keras_colorize.export.graph import OPAQUE
from keras_colorize.image import division, flat_color, line_lock, moods, pixels
from keras_colorize.image.flat_color import Click
from keras_colorize.image.regions import Regions

KINDS = ("screentone", "line_art")
RULE = "flat"  # what the report calls it
PALE = 0.45  # of a vote's strength stays: what nobody told looks better pale than wrong
STRONGEST = 60  # of 255: no vote takes more than this from white, or one wrong hue shouts
LIGHT = 205  # of 255, in each channel: what a model of printed pages sees lighter is white paper
VIVID = 1.5  # times the chroma of a model of printed pages, which is paler than what it learned
LIFTED = 0.3  # of the way to full light, for the page's own shade darkens a vote
OF_MOOD, OF_MOOD_WHITE = 200, 240  # of 255: the lightest that a mood makes a vote, and a white one
OF_MOOD_CHROMA = 90  # of 255: a mood gives no stronger chroma, or a page in it shouts
OWN = 0.5  # in a mood, of what a vote's chroma differs by from that of all votes
DARKEST = 24  # of 255: the shade of a region is taken for at least this where a vote is lit
ONE_COLOR = 24  # of 255, in each channel: pixels of a patch differ less
DOT = 0.03  # of the page's longer side: a round patch up to this size is a click
ROUND = 1.7  # the longer side of a dot by the shorter
MAINLY = 0.15  # of a stroke lies in a region that it tells
MAINLY_WHITE = 0.5  # and in a margin or a balloon, which it would flood by accident
COVERED = 0.6  # of a region that a stroke fills lies under it
REPLACED = 0.75  # of the size of a dot: what its middle is nearer to was said before, and is not
INK = 32  # of 255: what is darker is black ink
MOST_REMEMBERED = 24_000_000  # pixels of pages, each of which takes up to 10 bytes of memory

Patch = tuple[np.ndarray, np.ndarray, tuple[int, int, int]]  # rows, columns and their colour


@dataclass(frozen=True)
class PrintedPage:
    """What is known of a printed page before anybody has told a colour."""

    regions: Regions
    votes: np.ndarray
    """uint8 RGB [count + 1, 3]: the colour of each region that nobody tells, white for paper."""
    seen: dict
    """The part of its record on how a network saw it."""


class PageMemory:
    """What is known of the pages that were read last, so that a further stroke is answered fast.

    It belongs to one thread. Pages that are larger than all of it are not kept.
    """

    def __init__(self, most_pixels: int = MOST_REMEMBERED):
        self.most_pixels = most_pixels
        self._pages: OrderedDict[tuple, tuple[Any, int]] = OrderedDict()

    def find(self, key: tuple) -> Any:
        """Finds what was kept under a key; None where nothing was, or is no longer."""
        if key not in self._pages:
            return None
        self._pages.move_to_end(key)
        return self._pages[key][0]

    def keep(self, key: tuple, page: Any, size: int) -> None:
        """Keeps what is known of a page of `size` pixels, for what was longest not asked for."""
        if size > self.most_pixels:
            return
        self._pages[key] = page, size
        while sum(each for _, each in self._pages.values()) > self.most_pixels:
            self._pages.popitem(last=False)


def vote(regions: Regions, picture: np.ndarray, guide: np.ndarray, made_of: str) -> np.ndarray:
    """Asks a network's picture for the colour of each region.

    What a network learned from gray pictures or edges is a guess on a printed page, so it is made
    light and pale. A network that learned such pages is pale itself where it is not sure, and paler
    than a reader likes, so it is made more vivid and lighter. Where it is nearly white it means
    white paper, of which it is never quite sure.

    Args:
        regions: of the page.
        picture: uint8 RGB [h, w, 3], at the network's size.
        guide: uint8 [h, w], the luminance at that size.
        made_of: the network's input, as `[model] input` names it. From gray it paints the page's
            shade too, which the page lays over the colour a second time.

    Returns:
        uint8 RGB [count + 1, 3]; white for what stays white paper.
    """
    labels, size = regions.labels.ravel(), regions.labels.shape[::-1]
    weights = np.where(regions.tones.ink, 0.01, 1).ravel()  # a solid black has nothing else

    def mean(values: np.ndarray) -> np.ndarray:
        large = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR).ravel()
        return np.bincount(labels, weights * large, regions.count + 1) / total

    total = np.maximum(np.bincount(labels, weights, regions.count + 1), 1e-6)
    color = np.stack([mean(np.ascontiguousarray(picture[..., channel])) for channel in range(3)], 1)
    if made_of == "manga":
        is_paper = regions.white | (color.min(1) >= LIGHT)
        gray = (color @ (pixels.RED, pixels.GREEN, pixels.BLUE))[:, None]
        color = _lit(np.maximum(gray + VIVID * (color - gray), 0), LIFTED)
        color[is_paper] = 255
        return np.rint(color).astype(np.uint8)
    if made_of == "gray":
        color *= 255 / np.maximum(mean(guide), DARKEST)[:, None]
    color = _lit(color, 1)
    color[regions.white] = 255
    taken = 255 - np.clip(color, 0, 255)  # from white
    strength = np.minimum(PALE, STRONGEST / np.maximum(taken.max(1, keepdims=True), 1))
    return np.rint(255 - strength * taken).astype(np.uint8)


def in_mood(page: PrintedPage, mood: np.ndarray) -> PrintedPage:
    """Puts the regions that nobody tells in the light of a mood, as a page in two inks has one.

    A region takes the chroma that the mood has for its shade, and a part of what its vote differs
    by from the others. White votes stay light. Paper stays white.

    Args:
        page: as it is untold.
        mood: float32 [levels, 2], as of `moods.of_picture`.
    """
    regions = page.regions
    gray, chroma = pixels.gray(page.votes[None])[0], pixels.chroma(page.votes[None])[0]
    is_white = (page.votes == 255).all(1)
    light = np.where(is_white, OF_MOOD_WHITE, np.minimum(gray, OF_MOOD))
    shade = np.maximum(regions.tone, DARKEST) / 255
    given = moods.paint(mood, np.rint(light * shade).astype(np.uint8)[None])[0] / shade[:, None]
    strength = np.linalg.norm(given, axis=1, keepdims=True)
    given *= np.minimum(1, OF_MOOD_CHROMA / np.maximum(strength, 1))
    weights = regions.area * ~regions.white
    mean = (weights @ chroma) / max(weights.sum(), 1)
    wanted = np.float32(given + OWN * (chroma - mean))
    votes = line_lock.join(light.astype(np.uint8)[None], wanted[None])[0]
    votes[regions.white] = 255
    return replace(page, votes=votes)


def _lit(color: np.ndarray, share: float) -> np.ndarray:
    """Brings colours, float [n, 3], into 0..255, and by a share of the way to full light."""
    color = color * (255 / np.maximum(color.max(1, keepdims=True), 255))
    return color + share * (255 - color.max(1, keepdims=True))


def color(original: media.StoredPicture, page: PrintedPage, tones: str,
          strokes: np.ndarray | None = None) -> Colored:
    """Colours a printed page: told regions in full, the rest as the network votes.

    Args:
        original: the page.
        page: what is known of it.
        tones: "keep" or "smooth", as for `flat_color.paint`.
        strokes: hints, uint8 RGBA [h, w, 4] of any size, laid over the page.
    """
    regions, colors, told = page.regions, page.votes, {}
    count = regions.count
    if strokes is not None:
        page, told = tell(page, pixels.eight_bits(original.luminance),
                          clicks_of(strokes, regions))
        regions, colors = page.regions, page.votes
    painted = flat_color.paint(original.luminance, regions, colors, tones)
    share = np.bincount(regions.labels.ravel(), minlength=regions.count + 1)
    record = {**page.seen, "rule": RULE, "tones": tones, "regions": count,
              "white_share": round(float(share[regions.white].sum() / share.sum()), 3), **told}
    ink = pixels.eight_bits(original.luminance) < INK
    if tones == "smooth":  # dots are ink too, which makes place for their shade
        screens = cv2.dilate(regions.tones.screen.astype(np.uint8), np.ones((9, 9), np.uint8))
        ink &= cv2.resize(screens, ink.shape[::-1], interpolation=cv2.INTER_NEAREST) == 0
    parts = partial(layers.of_printed, original.luminance, regions, colors, tones)
    return Colored(painted, record, parts, ink)


def tell(page: PrintedPage, luminance: np.ndarray, clicks: list[Click]
         ) -> tuple[PrintedPage, dict]:
    """Gives regions the colours of clicks, where these flow and where they are carried.

    Args:
        page: as it is untold.
        luminance: of the page, uint8 [height, width].
        clicks: places and colours.

    Returns:
        The page with its regions divided where clicks differ, and their colours as its votes; and
        how many regions were told, reached, and carried to.
    """
    regions, parent = division.divide(page.regions, luminance, clicks)
    colors, colored = flat_color.spread_clicks(regions, clicks)
    carried = flat_color.carry(regions, clicks)
    every = page.votes[parent]
    every[carried.regions] = carried.colors[carried.regions]
    every[colored] = colors[colored]
    told = len({regions.at(click.row, click.column) for click in clicks})
    return replace(page, regions=regions, votes=every), {
        "told": told, "reached": int(colored.sum()) - told, "carried": int(carried.regions.sum())}


def clicks_of(strokes: np.ndarray, regions: Regions) -> list[Click]:
    """Takes a hint picture for clicks: each opaque patch of one colour tells its regions.

    A dot tells the region under its middle. A longer stroke tells each region that it mainly lies
    in, at several places; a margin or a balloon only if most of it lies there.

    Args:
        strokes: uint8 RGBA [h, w, 4] of any size, laid over the page.
        regions: of the page.

    Returns:
        The clicks; what covers more of a region comes later. What a dot mostly covers is none.
    """
    found: list[tuple[int, float, list[Click]]] = []
    scale = np.array(regions.page_labels.shape) / strokes.shape[:2]
    area = np.bincount(regions.page_labels.ravel(), minlength=regions.count + 1)
    for rows, columns, drawn in _patches(strokes):
        places = ((np.stack([rows, columns], 1) + 0.5) * scale).astype(int)
        under = regions.page_labels[tuple(places.T)]
        is_dot = _is_dot(places, scale, regions.page_labels.shape)
        if is_dot:
            chosen = [int(under[_middle(places)])]
        else:
            counts = np.bincount(under, minlength=regions.count + 1)
            least = np.where(regions.white, MAINLY_WHITE, MAINLY) * len(under)
            filled = counts * scale.prod() >= COVERED * np.maximum(area, 1)
            chosen = np.flatnonzero((counts >= least) | (filled & ~regions.white)).tolist() \
                or [int(counts.argmax())]
        for region in chosen:
            inside = places[under == region]
            pieces = [inside] if is_dot else _pieces(inside, DOT * max(regions.page_labels.shape))
            clicks = [Click(*piece[_middle(piece)].tolist(), drawn) for piece in pieces]
            found.append((len(inside), is_dot * np.ptp(places, axis=0).max(), clicks))
    found.sort(key=lambda each: each[0])
    return [click for nth, (_, _, clicks) in enumerate(found) for click in clicks
            if not any(_is_replaced(click, later, size) for _, size, later in found[nth + 1:])]


def _is_replaced(click: Click, later: list[Click], size: float) -> bool:
    """Whether a click lies under what is left visible of a dot of some size that was set later."""
    apart = np.hypot(click.row - later[0].row, click.column - later[0].column)
    return bool(apart < REPLACED * size)


def _pieces(places: np.ndarray, side: float) -> list[np.ndarray]:
    """Cuts a stroke, int [n, 2], into pieces that lie in squares of some side."""
    squares = np.unique((places // side).astype(int), axis=0, return_inverse=True)[1].ravel()
    return [places[squares == number] for number in range(int(squares.max()) + 1)]


def _is_dot(places: np.ndarray, scale: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether a patch is small and round, and so means the one thing under its middle."""
    sides = np.ptp(places, axis=0) + scale
    return bool(sides.max() <= max(DOT * max(size), scale.max())
                and sides.max() <= ROUND * sides.min())


def _middle(places: np.ndarray) -> int:
    """The index of the place that lies nearest to the mean of all."""
    return int(((places - places.mean(0)) ** 2).sum(1).argmin())


def _patches(strokes: np.ndarray) -> Iterator[Patch]:
    """Finds connected opaque patches of about one colour."""
    solid = strokes[..., 3] >= OPAQUE
    _, blobs, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8))
    for blob, (left, top, width, height, _) in enumerate(stats[1:].tolist(), 1):
        box = np.s_[top:top + height, left:left + width]
        for inside in _of_one_color(strokes[box], blobs[box] == blob):
            rows, columns = np.nonzero(inside)
            rows, columns = rows + top, columns + left
            opacity = strokes[rows, columns, 3]  # the soft rim of a brush has rounded colours
            colors = strokes[rows, columns, :3][opacity == opacity.max()]
            red, green, blue = np.rint(np.median(colors, axis=0)).astype(int).tolist()
            yield rows, columns, (red, green, blue)


def _of_one_color(strokes: np.ndarray, own: np.ndarray) -> Iterator[np.ndarray]:
    """Divides one opaque piece, bool [h, w] of uint8 RGBA [h, w, 4], into masks of one colour each.

    The soft rim between two colours is none.
    """
    drawn = strokes[..., :3].copy()
    exact = label(np.where(own, drawn.astype(np.int32) @ (1 << 16, 1 << 8, 1) + 1, 0),
                  background=0, connectivity=1)
    free = np.pad(~own, 1, constant_values=True).astype(np.uint8)
    numbers, first, counts = np.unique(exact, return_index=True, return_counts=True)
    is_first = True
    for nth in np.argsort(-counts, kind="stable"):  # a stroke before its rim
        row, column = divmod(int(first[nth]), own.shape[1])
        if numbers[nth] == 0 or free[row + 1, column + 1]:
            continue
        cv2.floodFill(drawn, free, (column, row), 0, (ONE_COLOR,) * 3, (ONE_COLOR,) * 3,
                      8 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | 2 << 8)
        patch = free == 2
        free[patch] = 1
        if is_first or cv2.erode(patch.astype(np.uint8), np.ones((3, 3), np.uint8)).any():
            yield patch[1:-1, 1:-1]
        is_first = False
