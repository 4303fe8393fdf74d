"""Flat colour under the ink of drawn pages, and clicks that flow."""

import dataclasses
import functools

import cv2
import manga_pages
import numpy as np
import pytest

from keras_colorize.cartoon import manga
from keras_colorize.image import flat_color
from keras_colorize.image.flat_color import Click
from keras_colorize.image.regions import Regions, find_regions

RED, BLUE, SKIN = (220, 40, 30), (30, 60, 220), (250, 210, 180)


@functools.cache
def rooms(doorway: int) -> tuple[np.ndarray, Regions]:
    """Two large rooms with a doorway of some pixels in the wall, beside a margin."""
    page = np.full((640, 480), 255, np.uint8)
    cv2.rectangle(page, (20, 20), (460, 620), 0, 3)
    cv2.line(page, (20, 320), (460, 320), 0, 3)
    page[317:324, 240 - doorway // 2:240 + doorway - doorway // 2] = 255
    return page, find_regions(page)


def middle(page: manga_pages.Sheet, kind: str, nth: int = 0) -> tuple[int, int]:
    """A blank pixel well inside the nth thing of a kind."""
    number = [index for index, name in enumerate(page.names) if name == kind][nth]
    inside = ((page.regions == number) & (page.luminance > 200)).astype(np.uint8)
    room = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return tuple(int(index) for index in np.unravel_index(room.argmax(), room.shape))


def random_colors(regions: Regions) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (regions.count + 1, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", ["line art", "screentone", "black panels"])
def test_ink_has_no_tint(name):
    page, regions = manga_pages.drawn(name)
    painted = flat_color.paint(page.luminance, regions, random_colors(regions))
    tint = np.ptp(painted[page.luminance < 64].astype(int), axis=1)
    assert tint.mean() <= 1.5
    assert np.percentile(tint, 99) <= 15


def test_what_is_clicked_takes_the_very_colour_where_paper_is_blank():
    page, regions = manga_pages.drawn("line art")
    place = middle(page, "coat")
    colors, colored = flat_color.spread_clicks(regions, [Click(*place, RED)])
    painted = flat_color.fill(page.luminance, regions, colors, colored)
    assert tuple(painted[place]) == RED


def test_colour_runs_up_to_the_ink_and_leaves_no_white_rim():
    page, regions = manga_pages.drawn("line art")
    colors = random_colors(regions)
    painted = flat_color.paint(page.luminance, regions, colors).astype(int)
    coat = page.regions == page.names.index("coat")
    rim = coat & (page.luminance == 255)
    wanted = colors[regions.at(*middle(page, "coat"))].astype(int)
    assert (np.abs(painted[rim] - wanted).max(1) <= 2).mean() > 0.99


def test_balloons_and_margins_stay_white_and_the_uncoloured_takes_the_default():
    page, regions = manga_pages.drawn("screentone")
    cream = (250, 244, 228)
    none = np.zeros(regions.count + 1, bool)
    painted = flat_color.fill(page.luminance, regions, random_colors(regions), none, cream)
    assert tuple(painted[10, 10]) == (255, 255, 255)
    assert tuple(painted[middle(page, "balloon")]) == (255, 255, 255)
    assert tuple(painted[middle(page, "face")]) == cream


def test_sixteen_bits_give_the_same_page_as_eight():
    page, regions = manga_pages.drawn("screentone")
    colors = random_colors(regions)
    eight = flat_color.paint(page.luminance, regions, colors)
    sixteen = flat_color.paint(page.luminance.astype(np.uint16) * 257, regions, colors)
    assert sixteen.dtype == np.uint16
    assert np.abs(sixteen / 257 - eight).max() <= 0.51


def test_smooth_tones_lose_their_dots_and_keep_their_shade():
    page, regions = manga_pages.drawn("screentone")
    gray = np.full((regions.count + 1, 3), 255, np.uint8)
    patch = np.s_[1100:1200, 150:250]
    kept = flat_color.paint(page.luminance, regions, gray, "keep")[patch]
    smooth = flat_color.paint(page.luminance, regions, gray, "smooth")[patch]
    assert kept.std() > 40
    assert smooth.std() < 4
    assert smooth.mean() == pytest.approx(kept.mean(), abs=6)


def test_smooth_tones_leave_hardly_a_dot_though_most_lie_beside_lines():
    def dots(picture):
        boxes = cv2.connectedComponentsWithStats((picture < 128).astype(np.uint8))[2]
        return (boxes[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) <= 5).sum()

    page = manga.draw(1).printed
    regions = find_regions(page)
    paper = np.full((regions.count + 1, 3), 255, np.uint8)
    smooth = flat_color.paint(page, regions, paper, "smooth")[..., 0]
    assert dots(smooth) < 0.1 * dots(page)


def test_smooth_tones_leave_lines_and_letters_as_they_are():
    page, regions = manga_pages.drawn("line art")
    colors = random_colors(regions)
    np.testing.assert_array_equal(flat_color.paint(page.luminance, regions, colors, "keep"),
                                  flat_color.paint(page.luminance, regions, colors, "smooth"))


def test_colour_under_a_dark_tone_is_darker():
    page, regions = manga_pages.drawn("flat gray")
    colors = np.full((regions.count + 1, 3), 200, np.uint8)
    painted = flat_color.paint(page.luminance, regions, colors)
    assert painted[650, 900, 0] == pytest.approx(200 * 150 / 255, abs=2)


def test_a_click_flows_through_an_opening_and_stops_at_a_wall():
    for doorway, through in ((24, True), (0, False)):
        _, regions = rooms(doorway)
        colors, colored = flat_color.spread_clicks(regions, [Click(100, 100, RED)])
        other = regions.at(500, 100)
        assert colored[other] == through
        assert not colored[regions.at(5, 5)]
        if through:
            assert tuple(colors[other]) == RED


def test_an_opening_narrower_than_the_least_holds_a_click_back():
    _, regions = rooms(24)
    _, colored = flat_color.spread_clicks(regions, [Click(100, 100, RED)], least_opening=60)
    assert not colored[regions.at(500, 100)]


def test_two_clicks_share_what_is_open_to_both_and_the_last_click_wins_its_region():
    _, regions = rooms(24)
    clicks = [Click(100, 100, BLUE), Click(500, 100, BLUE), Click(100, 100, RED)]
    colors, _ = flat_color.spread_clicks(regions, clicks)
    assert tuple(colors[regions.at(100, 100)]) == RED
    assert tuple(colors[regions.at(500, 100)]) == BLUE


def test_white_paper_is_flooded_by_no_click_but_its_own():
    _, regions = rooms(24)
    white = regions.white.copy()
    white[regions.at(500, 100)] = True
    regions = dataclasses.replace(regions, white=white)
    _, colored = flat_color.spread_clicks(regions, [Click(100, 100, RED)])
    assert not colored[regions.at(500, 100)]
    colors, colored = flat_color.spread_clicks(regions, [Click(500, 100, BLUE)])
    assert tuple(colors[regions.at(500, 100)]) == BLUE
    assert colored.sum() == 1


def test_a_click_does_not_flow_into_another_tone():
    page = np.full((640, 480), 255, np.uint8)
    page[300:] = 150
    regions = find_regions(page)
    _, colored = flat_color.spread_clicks(regions, [Click(500, 100, RED)])
    assert not colored[regions.at(100, 100)]


def test_a_shadow_takes_the_colour_that_surrounds_it_and_a_larger_region_or_white_paper_does_not():
    page = np.full((640, 480), 255, np.uint8)
    cv2.rectangle(page, (20, 20), (460, 620), 0, 3)
    cv2.ellipse(page, (240, 320), (150, 220), 0, 0, 360, 0, 3)  # a face
    page[np.hypot(np.arange(640)[:, None] - 380, np.arange(480) - 240) < 50] = 120  # its shadow
    regions = find_regions(page)
    face, shadow, wall = (regions.at(*place) for place in ((200, 240), (380, 240), (40, 40)))
    assert len({face, shadow, wall}) == 3
    colors, colored = flat_color.spread_clicks(regions, [Click(200, 240, SKIN)])
    assert tuple(colors[shadow]) == SKIN and not colored[wall]
    colors, _ = flat_color.spread_clicks(regions, [Click(200, 240, SKIN), Click(380, 240, BLUE)])
    assert tuple(colors[shadow]) == BLUE
    white = regions.white.copy()
    white[shadow] = True
    white = dataclasses.replace(regions, white=white)
    assert not flat_color.spread_clicks(white, [Click(200, 240, SKIN)])[1][shadow]


def test_a_click_is_carried_to_the_like_figure_in_another_panel_and_nowhere_else():
    page, regions = manga_pages.drawn("line art")
    clicks = [Click(*middle(page, "face", 0), SKIN), Click(*middle(page, "coat", 0), BLUE)]
    carried = flat_color.carry(regions, clicks)
    for kind, color in (("face", SKIN), ("coat", BLUE)):
        region = regions.at(*middle(page, kind, 1))
        assert carried.regions[region]
        assert tuple(carried.colors[region]) == color
        assert carried.confidence[region] > 0.4
        assert carried.source[region] == regions.at(*middle(page, kind, 0))
    assert not carried.regions[regions.white].any()
    assert not carried.regions[regions.at(*middle(page, "ground", 2))]
    assert (carried.confidence[~carried.regions] == 0).all()
    own = regions.panel == regions.panel[regions.at(*middle(page, "face", 0))]
    assert not carried.regions[own].any()


def test_a_click_is_carried_to_what_is_likest_in_a_panel_alone():
    page = np.full((600, 900), 255, np.uint8)
    for left, circles in ((20, [(150, 60)]), (460, [(130, 60), (300, 48)])):
        cv2.rectangle(page, (left, 20), (left + 420, 580), 0, 3)
        for x, radius in circles:
            cv2.circle(page, (left + x, 300), radius, 0, 3)
    regions = find_regions(page)
    clicked, like, smaller = (regions.at(300, column) for column in (170, 590, 760))
    assert len({clicked, like, smaller}) == 3
    carried = flat_color.carry(regions, [Click(300, 170, SKIN)])
    assert np.flatnonzero(carried.regions).tolist() == [like]
    # And a click on the smaller one is not carried at all: another is likest to that over there.
    assert not flat_color.carry(regions, [Click(300, 760, BLUE)]).regions.any()


def test_nothing_is_carried_without_clicks_or_above_a_likeness_that_none_reaches():
    page, regions = manga_pages.drawn("line art")
    assert not flat_color.carry(regions, []).regions.any()
    click = Click(*middle(page, "face"), SKIN)
    assert not flat_color.carry(regions, [click], least_likeness=1.01).regions.any()


def test_wrong_arguments_are_refused_with_the_reason():
    page, regions = manga_pages.drawn("line art")
    colors = random_colors(regions)
    with pytest.raises(ValueError, match="outside the page"):
        flat_color.spread_clicks(regions, [Click(9000, 0, RED)])
    with pytest.raises(ValueError, match="uint8 or uint16"):
        flat_color.paint(page.luminance.astype(float), regions, colors)
    with pytest.raises(ValueError, match="pixels, its regions"):
        flat_color.paint(page.luminance[:-1], regions, colors)
    with pytest.raises(ValueError, match="take colours of"):
        flat_color.paint(page.luminance, regions, colors[1:])
    with pytest.raises(ValueError, match='"keep" or "smooth"'):
        flat_color.paint(page.luminance, regions, colors, "gone")
