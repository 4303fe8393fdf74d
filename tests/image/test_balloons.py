"""White ovals with lettering in their middle, which are balloons; faces and dots are none."""

import cv2
import numpy as np

from keras_colorize.cartoon.inking import Ink, InkCanvas
from keras_colorize.cartoon.lettering import write
from keras_colorize.cartoon.panels import page_pen
from keras_colorize.image.tones import read_tones
from keras_colorize.image.white_paper import find_lettering

SIZES = {"アア/アア": 46, "ロ!/ロ!": 46, "エ、/エ?": 46, "!!": 96, "??": 84, "NO!": 52}  # of texts


def found(page: np.ndarray, places: list[tuple[int, int]]) -> list[bool]:
    """At which places (x, y) of a page, uint8 [h, w], a balloon is found."""
    tones = read_tones(page)
    balloons = find_lettering(tones).balloons
    return [bool(balloons[int(y * tones.scale), int(x * tones.scale)]) for x, y in places]


def test_letters_alike_side_by_side_are_lettering():
    canvas = InkCanvas((800, 800), Ink.PAPER)
    middles = [(x, y) for y in (200, 500) for x in (140, 390, 640)]
    for (x, y), (text, size) in zip(middles, SIZES.items(), strict=True):
        pen = page_pen(canvas, 1).moved(x, y)
        pen.disk("balloon", 0, 0, 75, 80)
        write(pen, "letters", text, size, 0.15)
    places = [(x - 60, y) for x, y in middles]
    known = dict(zip(SIZES, found(canvas.printed(), places), strict=True))
    assert all(known.values()), known


def test_eyes_a_nose_and_a_mouth_are_a_face():
    page = np.full((800, 800), 255, np.uint8)
    faces = [(140, 200, 1.0, True), (390, 200, 1.0, False), (140, 500, 0.7, True),
             (390, 500, 0.7, False)]
    for x, y, size, outlined in faces:
        def oval(right: float, down: float, axes: tuple, width: int, last: int = 360) -> None:
            middle = (int(x + size * right), int(y + size * down))  # noqa: B023
            cv2.ellipse(page, middle, tuple(int(size * axis) for axis in axes), 0, 0, last,  # noqa: B023
                        0, width)

        oval(0, 0, (105, 90), 3)
        for side in (-1, 1):
            oval(side * 42 + 3, -6, (14, 21), -1)
            if outlined:
                oval(side * 42, -8, (22, 30), 3)
            cv2.circle(page, (int(x + size * (side * 42 + 8)), int(y - size * 16)), int(5 * size),
                       255, -1)
        oval(0, 16, (3, 5), 2, 180)
        oval(2, 36, (26, 12), 3, 180)
    assert found(page, [(int(x - 80 * size), y) for x, y, size, _ in faces]) == [False] * 4


def test_coarse_dots_are_no_lettering():
    page, place = np.full((800, 800), 255, np.uint8), (300, 300)
    rows, columns = np.mgrid[:800, :800]
    page[(rows % 14 - 7) ** 2 + (columns % 14 - 7) ** 2 <= 14] = 0
    inside = np.zeros(page.shape, np.uint8)
    cv2.ellipse(inside, place, (110, 70), 0, 0, 360, 1, -1)
    page[inside == 0] = 255
    cv2.ellipse(page, place, (118, 78), 0, 0, 360, 0, 5)
    assert found(page, [(x, y) for y in range(292, 309) for x in range(292, 309)]) == [False] * 289
