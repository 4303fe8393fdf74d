"""Regions divided among clicks of unlike colours."""

import functools

import cv2
import manga_pages
import numpy as np
import pytest

from keras_colorize.image import flat_color
from keras_colorize.image.division import divide
from keras_colorize.image.flat_color import Click
from keras_colorize.image.regions import Regions, find_regions

RED, BLUE, SKIN = (220, 40, 30), (30, 60, 220), (250, 210, 180)
ABOVE, BELOW = (100, 100), (500, 300)


@functools.cache
def open_rooms() -> tuple[np.ndarray, Regions]:
    """Two large rooms which are one region, so wide is the doorway in their wall."""
    page = np.full((640, 480), 255, np.uint8)
    cv2.rectangle(page, (20, 20), (460, 620), 0, 3)
    cv2.line(page, (20, 320), (460, 320), 0, 3)
    page[317:324, 200:280] = 255
    regions = find_regions(page)
    assert regions.at(*ABOVE) == regions.at(*BELOW)
    return page, regions


def test_two_clicks_in_one_region_meet_in_the_narrowest_opening_between_them():
    page, regions = open_rooms()
    for other in (BELOW, (420, 240), (560, 400)):
        divided, parent = divide(regions, page, [Click(*ABOVE, RED), Click(*other, BLUE)])
        above, below = divided.at(*ABOVE), divided.at(*other)
        assert above != below and parent[above] == parent[below] == regions.at(*ABOVE)
        inner = np.s_[30:610, 30:450]
        wanted = np.where(np.arange(640)[:, None] < 320, above, below)
        wrong = (divided.page_labels != wanted)[inner]
        assert wrong.mean() < 0.03


def test_parts_are_known_as_regions_are():
    page, regions = open_rooms()
    whole = regions.at(*ABOVE)
    divided, parent = divide(regions, page, [Click(*ABOVE, RED), Click(*BELOW, BLUE)])
    parts = [divided.at(*ABOVE), divided.at(*BELOW)]
    assert divided.count == regions.count + 1 and len(parent) == divided.count + 1
    assert divided.area[parts].sum() == regions.area[whole]
    assert divided.area[parts].min() > 0.4 * regions.area[whole]
    np.testing.assert_allclose(divided.tone[parts], regions.tone[whole], atol=2)
    assert (divided.panel[parts] == regions.panel[whole]).all()
    touching = (np.sort(divided.neighbors, 1) == sorted(parts)).all(1)
    assert 50 < divided.opening[touching].item() < 130
    others = np.arange(1, regions.count + 1) != whole
    for name in ("area", "tone", "gray", "ink", "diameter", "white", "panel"):
        np.testing.assert_array_equal(getattr(divided, name)[1:regions.count + 1][others],
                                      getattr(regions, name)[1:][others])


def test_clicks_of_nearly_one_colour_and_clicks_of_regions_of_their_own_divide_nothing():
    page, regions = open_rooms()
    like = tuple(channel + 9 for channel in RED)
    for clicks in ([], [Click(*ABOVE, RED), Click(*BELOW, like)],
                   [Click(*ABOVE, RED), Click(5, 5, BLUE)]):
        assert divide(regions, page, clicks)[0] is regions
    clicks = [Click(*ABOVE, RED), Click(*BELOW, BLUE), Click(80, 400, like), Click(600, 50, SKIN)]
    divided, _ = divide(regions, page, clicks)
    assert divided.count == regions.count + 2
    colors, _ = flat_color.spread_clicks(divided, clicks)
    assert tuple(colors[divided.at(*ABOVE)]) == like  # of one colour the last counts


def test_a_border_lies_under_the_line_and_not_beside_it():
    page = np.full((900, 700), 255, np.uint8)
    cv2.rectangle(page, (20, 20), (680, 880), 0, 3)
    cv2.ellipse(page, (350, 450), (160, 220), 0, 14, 346, 0, 4)  # open to the right
    regions = find_regions(page)
    clicks = [Click(450, 330, SKIN), Click(100, 100, BLUE)]
    assert regions.at(450, 330) == regions.at(100, 100)
    divided, _ = divide(regions, page, clicks)
    assert divided.at(450, 330) != divided.at(100, 100)
    inside = cv2.ellipse(np.zeros_like(page), (350, 450), (160, 220), 0, 0, 360, 1, -1) > 0
    closed = np.abs(np.mgrid[:900, :700][1] - 350) < 60
    paper = (page == 255) & closed & (regions.page_labels == regions.at(100, 100))
    wanted = np.where(inside, divided.at(450, 330), divided.at(100, 100))
    assert (divided.page_labels != wanted)[paper].mean() < 0.002


def test_two_clicks_divide_a_region_of_a_large_page_in_two():
    page = cv2.resize(manga_pages.drawn("line art")[0].luminance, (1807, 2570))
    regions = find_regions(page)
    largest = regions.page_labels == np.argmax(regions.area * ~regions.white)
    room = cv2.distanceTransform(largest.astype(np.uint8), cv2.DIST_L2, 5)
    places = np.argwhere(room > 0.5 * room.max())[[0, -1]]
    clicks = [Click(*places[0], RED), Click(*places[1], BLUE)]
    divided, _ = divide(regions, page, clicks)
    assert divided.count == regions.count + 1


@pytest.mark.parametrize("apart", [1, 3])
def test_clicks_that_nearly_share_a_place_leave_each_a_region(apart):
    page, regions = open_rooms()
    clicks = [Click(*ABOVE, RED), Click(ABOVE[0], ABOVE[1] + apart, BLUE)]
    divided, _ = divide(regions, page, clicks)
    colors, colored = flat_color.spread_clicks(divided, clicks)
    assert tuple(colors[divided.at(clicks[1].row, clicks[1].column)]) == BLUE
    assert colored[divided.at(*ABOVE)]
