"""Colour pictures redrawn as printed manga, and the flat colours that such a page means.

A sheet is drawn at twice the size of the picture and made smaller, so that thin lines and fine dots
become what a scan of a page makes of them.
"""

import zlib

import cv2
import numpy as np

from keras_colorize.image import pixels
from keras_colorize.image.screentone import COVERED, waves

# Shares of the sheets that have it.
FRAMED, LETTERED, BLACKS, UNTONED, DAMAGED = 0.6, 0.5, 0.7, 0.2, 0.3
PITCH = (2.5, 8.0)  # pixels of the drawing from dot to dot
LINE_REACH = 5  # pixels of the picture: its own lines are thinner, and are painted out
LINE_DEPTH = 22  # of 255: how much darker than its surroundings such a line is
LIGHTEST_TONE = (100, 225)  # of 255: what is lighter stays paper
MOST_INK = 0.75  # of a tone; what is darker is as good as black


def draw(color: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Redraws a picture as a part of a manga page.

    Its lines come from one of several renderers, its darks are solid black, and its tones are dots,
    lines or flat gray, or bare paper. There may be frames and gutters, balloons with lettering, and
    the damage of print and scan.

    Args:
        color: uint8 RGB [h, w, 3].
        generator: decides all of it.

    Returns:
        The page, uint8 [h, w], and its colours, uint8 RGB [h, w, 3]: flat, without lines, white in
        balloons, gutters and margins. Where a tone darkens the page they are lighter by as much, so
        that the page printed over them is as dark as the picture.
    """
    height, width = color.shape[:2]
    double = (2 * width, 2 * height)
    flat = paint_lines_out(color)
    fine = cv2.resize(pixels.gray(color), double, interpolation=cv2.INTER_CUBIC)
    smooth = cv2.resize(pixels.gray(flat), double, interpolation=cv2.INTER_LINEAR)
    page, shade = _tones(smooth, generator)
    if generator.random() < BLACKS:
        page[smooth < generator.uniform(20, 75)] = 0
    page = np.minimum(page, _lines(fine, generator))
    white = np.zeros(page.shape, bool)
    if generator.random() < LETTERED:
        for _ in range(generator.integers(1, 4)):
            _balloon(page, white, generator)
    if generator.random() < FRAMED:
        _frames(page, white, generator)
    paper = cv2.resize(white.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    flat = _lighten(flat, cv2.resize(shade, (width, height), interpolation=cv2.INTER_AREA))
    flat[paper > 0.5] = 255
    small = cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA)
    return _damage(small, generator), flat


def draw_alike(color: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Redraws a picture as `draw` does, the same picture always as the same sheet."""
    return draw(color, np.random.default_rng(zlib.crc32(color.tobytes())))


def paint_lines_out(color: np.ndarray) -> np.ndarray:
    """Gives the flat colours of a picture, uint8 [h, w, 3]: what lies beside its dark lines."""
    gray = pixels.gray(color)
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (LINE_REACH, LINE_REACH))
    lines = (cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, reach) > LINE_DEPTH).astype(np.uint8)
    clear = (1 - cv2.dilate(lines, np.ones((3, 3), np.uint8))).astype(np.float32)
    painted = color.astype(np.float32)
    weight = cv2.GaussianBlur(clear, (0, 0), 2)
    around = cv2.GaussianBlur(painted * clear[..., None], (0, 0), 2)
    hidden = (clear == 0) & (weight > 0.02)
    painted[hidden] = around[hidden] / weight[hidden, None]
    return cv2.medianBlur(np.rint(painted).astype(np.uint8), 5)


def _lines(gray: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draws lines: uint8 [h, w], 0 for ink. The width of the brush is random."""
    kind, width = generator.integers(3), generator.uniform(0.8, 1.8)
    if kind == 0:  # Canny
        low = generator.uniform(30, 90)
        found = cv2.Canny(cv2.GaussianBlur(gray, (0, 0), width), low, 2.2 * low)
        brush = np.ones((2, 2) if width < 1.3 else (3, 3), np.uint8)
        return 255 - cv2.dilate(found, brush)
    fine = cv2.GaussianBlur(gray, (0, 0), width).astype(np.float32)
    coarse = cv2.GaussianBlur(gray, (0, 0), 1.6 * width).astype(np.float32)
    if kind == 1:  # difference of Gaussians
        return np.where(coarse - fine > generator.uniform(1.5, 6), 0, 255).astype(np.uint8)
    # Extended difference of Gaussians (Winnemoeller 2012): soft, with blacks of its own.
    sharp = fine + generator.uniform(8, 20) * (fine - coarse)
    soft = 1 + np.tanh((sharp - generator.uniform(20, 110)) / generator.uniform(5, 40))
    return np.clip(255 * soft, 0, 255).astype(np.uint8)


def _lighten(flat: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Takes shade, float32 [h, w] of 0..1, out of colours; none gets another hue."""
    lit = flat / shade[..., None]
    return np.rint(lit * (255 / np.maximum(lit.max(2, keepdims=True), 255))).astype(np.uint8)


def _tones(gray: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Prints the tones of a smooth picture: uint8 [h, w], 255 for bare paper.

    Also the shade that they mean, float32 [h, w], 1 for bare paper.
    """
    page, shade = np.full(gray.shape, 255, np.uint8), np.ones(gray.shape, np.float32)
    if generator.random() < UNTONED:
        return page, shade
    kind = generator.choice(("dots", "lines", "gray"), p=(0.6, 0.15, 0.25))
    screen = None if kind == "gray" else _screen(gray.shape, kind, generator)
    edges = generator.uniform(*LIGHTEST_TONE) * np.array([1, 0.72, 0.5])[:generator.integers(1, 4)]
    contrast = generator.uniform(0.5, 1.3)
    for edge in edges:
        inside = gray < edge
        share = min(MOST_INK, 1 - (0.85 * edge / 255) ** contrast)
        shade[inside] = 1 - share
        if screen is None:
            page[inside] = round(255 * (1 - share))
        else:
            page[inside] = np.where(screen[inside] < COVERED[round(60 * share)], 0, 255)
    return page, shade


def _screen(size: tuple[int, int], kind: str, generator: np.random.Generator) -> np.ndarray:
    """Draws what a tone is cut out of: float32 [h, w] whose values are spread as `COVERED` says."""
    pitch = PITCH[0] * (PITCH[1] / PITCH[0]) ** generator.random()
    if kind == "dots":
        return waves(*size, pitch, generator)
    angle, start = generator.uniform(0, np.pi, 2)
    rows, columns = np.ogrid[:size[0], :size[1]]
    place = (rows * np.sin(angle) + columns * np.cos(angle)) / pitch + start
    return COVERED[1:-1][((place % 1) * (len(COVERED) - 2)).astype(int)]


def _balloon(page: np.ndarray, white: np.ndarray, generator: np.random.Generator) -> None:
    """Draws a balloon with lettering, and marks it as white."""
    height, width = page.shape
    middle = (generator.random(2) * (width, height)).astype(int).tolist()
    axes = (generator.uniform(0.07, 0.22, 2) * min(height, width)).astype(int).tolist()
    shape = np.zeros(page.shape, np.uint8)
    if generator.random() < 0.8:
        cv2.ellipse(shape, middle, axes, generator.uniform(-15, 15), 0, 360, 1, -1)
    else:
        low, high = np.subtract(middle, axes).tolist(), np.add(middle, axes).tolist()
        cv2.rectangle(shape, low, high, 1, -1)
    outline = cv2.dilate(shape, np.ones((3, 3), np.uint8), iterations=generator.integers(1, 3))
    page[outline > 0] = 0
    page[shape > 0] = 255
    white |= shape > 0
    size = int(generator.integers(5, 13))
    across, down = (int(0.65 * axis) for axis in axes)
    for top in range(middle[1] - down, middle[1] + down - size, round(1.4 * size)):
        for left in range(middle[0] - across, middle[0] + across - size, round(1.15 * size)):
            strokes = np.add(generator.integers(0, size, (4, 2)), (left, top))
            cv2.polylines(page, [strokes.astype(np.int32)], False, 0, 1 + (size > 8))


def _frames(page: np.ndarray, white: np.ndarray, generator: np.random.Generator) -> None:
    """Draws one to three panels: white margins and gutters, and mostly a line around each panel."""
    height, width = page.shape
    margins = generator.uniform(0.01, 0.09, 4) * (generator.random(4) < 0.6)
    top, bottom = int(margins[0] * height), int((1 - margins[1]) * height)
    left, right = int(margins[2] * width), int((1 - margins[3]) * width)
    gutter = generator.uniform(0.008, 0.035) * max(height, width)
    panels = [(top, left, bottom, right)]
    for _ in range(generator.integers(3)):
        top, left, bottom, right = panels.pop(0)
        place = generator.uniform(0.25, 0.75)
        if generator.random() < 0.5:
            cut = top + place * (bottom - top)
            panels += [(top, left, int(cut), right), (int(cut + gutter), left, bottom, right)]
        else:
            cut = left + place * (right - left)
            panels += [(top, left, bottom, int(cut)), (top, int(cut + gutter), bottom, right)]
    outside = np.ones(page.shape, bool)
    thickness = int(generator.integers(0, 4))
    for top, left, bottom, right in panels:
        outside[top:bottom, left:right] = False
        if thickness:
            cv2.rectangle(page, (left, top), (right - 1, bottom - 1), 0, thickness)
    page[outside] = 255
    white |= outside


def _damage(page: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Softens, yellows, disturbs or compresses some of the pages."""
    is_soft, is_old, is_noisy, is_compressed = generator.random(4) < DAMAGED
    if is_soft:
        page = cv2.GaussianBlur(page, (0, 0), generator.uniform(0.3, 0.8))
    if is_old:
        paper, ink = generator.uniform(205, 250), generator.uniform(0, 50)
        page = cv2.convertScaleAbs(page, alpha=(paper - ink) / 255, beta=ink)
    if is_noisy:
        noise = generator.normal(0, generator.uniform(2, 9), page.shape)
        page = np.clip(page + noise, 0, 255).astype(np.uint8)
    if is_compressed:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(35, 85))]
        page = cv2.imdecode(cv2.imencode(".jpg", page, quality)[1], cv2.IMREAD_GRAYSCALE)
    return page
