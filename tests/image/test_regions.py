"""Regions of drawn manga pages: what the lines enclose, and what stays white."""

import cv2
import manga_pages
import numpy as np
import pytest

from keras_colorize.image.regions import Regions, find_regions


def paper() -> np.ndarray:
    """A small page, uint8 [640, 480], with one framed panel and nothing in it."""
    page = np.full((640, 480), 255, np.uint8)
    cv2.rectangle(page, (20, 20), (460, 620), 0, 3)
    return page


def tone(page: np.ndarray, box: tuple, shade: int) -> None:
    """Prints a part of a page in fine dots."""
    page[box] = manga_pages.dots(page[box].shape, shade, pitch=4)


def main_region(regions: Regions, mask: np.ndarray) -> tuple[int, float]:
    """The region that holds most of a mask, and how much of the mask it holds."""
    votes = np.bincount(regions.page_labels[mask])
    return int(votes.argmax()), votes.max() / mask.sum()


@pytest.mark.parametrize("name", manga_pages.PAGES)
def test_margins_and_balloons_stay_white_and_nothing_else_does(name):
    page, regions = manga_pages.drawn(name)
    white = regions.white[regions.page_labels]
    clear = page.luminance > 100
    assert white[page.white & clear].mean() > 0.95
    assert white[~page.white & clear].mean() < 0.01


@pytest.mark.parametrize("name", manga_pages.PAGES)
def test_no_region_crosses_from_one_thing_to_another(name):
    page, regions = manga_pages.drawn(name)
    clear = cv2.erode((page.luminance > 100).astype(np.uint8), np.ones((3, 3))) > 0
    pairs = np.bincount(regions.page_labels[clear] * len(page.names) + page.regions[clear],
                        minlength=(regions.count + 1) * len(page.names))
    shared = pairs.reshape(-1, len(page.names))
    assert shared.max(1).sum() / shared.sum() > 0.97


@pytest.mark.parametrize("name", manga_pages.PAGES)
def test_a_face_a_coat_and_a_head_of_hair_are_one_region_each(name):
    page, regions = manga_pages.drawn(name)
    for number, kind in enumerate(page.names):
        if kind in ("face", "coat", "hair"):
            mask = (page.regions == number) & (page.luminance > 100)
            region, share = main_region(regions, mask)
            assert share > 0.8, (kind, share)
            own = regions.page_labels == region
            assert mask[own & (page.luminance > 100)].mean() > 0.8, kind


@pytest.mark.parametrize("shade", [90, 140, 200, 230])
def test_a_tone_is_measured_as_the_shade_that_its_dots_mean(shade):
    page = paper()
    tone(page, np.s_[22:619, 22:459], shade)
    regions = find_regions(page)
    assert regions.tone[regions.at(300, 240)] == pytest.approx(shade, abs=8)


def test_dots_far_apart_are_a_tone_too_and_the_lines_among_them_stay_ink():
    page = paper()
    page[22:619, 22:240] = manga_pages.dots((597, 218), 190, pitch=8)
    cv2.line(page, (22, 300), (240, 300), 0, 3)
    regions = find_regions(page)
    above, below = regions.at(150, 120), regions.at(450, 120)
    assert len({above, below, regions.at(300, 400)}) == 3
    assert regions.tone[[above, below]] == pytest.approx(190, abs=10)
    assert regions.area[[above, below]].sum() > 0.95 * 597 * 218
    assert regions.tones.ink[300, 60:200].all()


def test_dots_are_no_boundaries():
    page = paper()
    tone(page, np.s_[22:619, 22:459], 190)
    assert find_regions(page).count <= 4


def test_the_step_from_tone_to_tone_is_a_boundary_without_a_line():
    page = paper()
    tone(page, np.s_[22:619, 22:240], 190)
    regions = find_regions(page)
    assert regions.at(300, 100) != regions.at(300, 400)


@pytest.mark.parametrize("gap", [0, 12, 20])
def test_an_outline_with_a_gap_still_encloses(gap):
    page = paper()
    half = int(np.degrees(gap / 2 / 150))
    cv2.ellipse(page, (240, 300), (150, 150), 0, half, 360 - half, 0, 3)
    regions = find_regions(page)
    assert regions.at(300, 240) != regions.at(60, 240)


@pytest.mark.parametrize("tilt, apart", [(0, True), (40, False)])
def test_a_line_is_carried_on_to_what_its_end_points_at(tilt, apart):
    page = paper()
    cv2.line(page, (20, 320), (222, 320), 0, 3)
    cv2.line(page, (258, 320), (460, 320), 0, 3)
    cv2.line(page, (222 - tilt, 320), (222, 320 - tilt), 0, 3)
    page[316:325, 200:259] = 255 if tilt else page[316:325, 200:259]
    regions = find_regions(page)
    assert (regions.at(100, 240) != regions.at(500, 240)) == apart


def test_letters_bound_nothing():
    page, regions = manga_pages.drawn("line art")
    for number, name in enumerate(page.names):
        if name == "balloon":
            assert main_region(regions, page.regions == number)[1] > 0.93


@pytest.mark.parametrize("lettered", [True, False])
def test_an_oval_is_a_balloon_if_letters_stand_in_it_though_they_touch_its_outline(lettered):
    page = np.where(np.indices((700, 500)).sum(0) % 6 < 2, 150, 225).astype(np.uint8)
    page[:12] = page[-12:] = 255
    cv2.ellipse(page, (250, 300), (24, 52), 0, 0, 360, 255, -1)
    cv2.ellipse(page, (250, 300), (24, 52), 0, 0, 360, 0, 3)
    if lettered:  # the first divides the paper
        first = np.int32([(228, 280), (264, 272), (264, 304), (230, 304)])
        cv2.polylines(page, [first], False, 0, 4)
        cv2.line(page, (234, 318), (262, 316), 0, 4)
        cv2.line(page, (238, 338), (260, 334), 0, 4)
        cv2.line(page, (244, 258), (256, 262), 0, 4)
    regions = find_regions(page)
    for place in ((252, 250), (290, 246), (345, 250)):
        assert regions.white[regions.at(*place)] == lettered


def test_white_letters_on_black_do_not_make_the_panel_white():
    page, regions = manga_pages.drawn("black panels")
    ground = page.regions == page.names.index("ground")
    region, _ = main_region(regions, ground)
    assert not regions.white[region]


def test_regions_are_the_same_at_every_call():
    page, regions = manga_pages.drawn("screentone")
    again = find_regions(page.luminance)
    np.testing.assert_array_equal(regions.page_labels, again.page_labels)
    np.testing.assert_array_equal(regions.white, again.white)


def test_a_yellowed_scan_keeps_the_same_paper_white():
    page, _ = manga_pages.drawn("line art")
    faded = (40 + page.luminance * (175 / 255)).astype(np.uint8)
    white = find_regions(faded)
    assert white.white[white.page_labels][page.white].mean() > 0.95


@pytest.mark.parametrize("page", [np.full((40, 30), 255, np.uint8), np.zeros((90, 60), np.uint8),
                                  np.full((1, 7), 128, np.uint8),
                                  np.full((700, 500), 200, np.uint8)])
def test_an_empty_page_has_a_region_that_covers_it(page):
    regions = find_regions(page)
    assert regions.page_labels.shape == page.shape
    assert regions.page_labels.min() >= 1
    assert regions.count == regions.labels.max()


def test_every_region_has_neighbours_with_openings_no_wider_than_what_they_share():
    _, regions = manga_pages.drawn("frameless")
    assert (regions.opening <= regions.contact).all()
    assert (regions.neighbors[:, 0] < regions.neighbors[:, 1]).all()
    assert set(regions.neighbors.ravel()) == set(range(1, regions.count + 1))


@pytest.mark.parametrize("page", [np.zeros((9, 9), np.float32), np.zeros((9, 9, 3), np.uint8)])
def test_what_is_no_gray_page_is_refused(page):
    with pytest.raises(ValueError, match=r"a page is uint8 \[height, width\]"):
        find_regions(page)
