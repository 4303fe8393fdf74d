import cv2
import numpy as np
import pytest

from keras_colorize.cartoon import episode
from keras_colorize.image import pixels, screentone


@pytest.fixture(scope="module")
def drawn():
    """Some frames of the drawn episode, uint8 RGB."""
    return [pixels.example(episode.draw_frame(index), (90, 160))["color"]
            for index in range(100, 1700, 200)]


def test_a_printed_page_is_ink_and_paper_but_for_partly_inked_pixels(drawn):
    for seed, stored in enumerate(drawn):
        gray = pixels.gray(stored)
        if gray.max() < 40:
            continue
        page = screentone.draw(gray, np.random.default_rng(seed))
        assert page.dtype == np.uint8 and page.shape == gray.shape
        assert set(np.unique(page)) <= {0, 64, 128, 191, 192, 255}  # 4 points a pixel, inked or not
        between = np.mean((page > 48) & (page < 208))
        assert between < 0.55 and between < np.mean((gray > 48) & (gray < 208))


@pytest.mark.parametrize("tone", [0, 40, 90, 128, 170, 215, 255])
def test_a_printed_tone_is_about_the_grays_and_never_much_darker(tone):
    gray = np.full((120, 120), tone, np.uint8)
    pages = [screentone.draw(gray, np.random.default_rng(seed)).mean() for seed in range(20)]
    lightest = 255 * (tone / 255) ** screentone.LIGHTER[0]
    assert tone - 45 < min(pages) and max(pages) < lightest + 45  # half a step between 4 tones
    assert tone - 15 < np.mean(pages) < lightest + 15


def test_lighter_parts_of_a_picture_are_printed_lighter(drawn):
    gray = np.repeat(np.linspace(20, 235, 6).astype(np.uint8), 40)[None].repeat(60, axis=0)
    for seed in range(8):
        page = screentone.draw(gray, np.random.default_rng(seed))
        strips = page.reshape(60, 6, 40).mean(axis=(0, 2))
        assert np.all(np.diff(strips) > -12) and strips[-1] - strips[0] > 150


def peak_of(page):
    """The strongest wave of a page of dots: pixels a dot, and its angle in degrees, 0..90."""
    spectrum = np.abs(np.fft.fft2(page - page.mean()))[:, :page.shape[1] // 2]
    row, column = np.unravel_index(np.argmax(spectrum), spectrum.shape)
    down, right = np.fft.fftfreq(page.shape[0])[row], column / page.shape[1]
    return 1 / np.hypot(down, right), np.degrees(np.arctan2(down, right)) % 90


def test_pitch_and_angle_of_the_dots_change_from_page_to_page_within_their_bounds():
    gray = np.full((128, 128), 128, np.uint8)
    found = [peak_of(screentone.draw(gray, np.random.default_rng(seed)).astype(float))
             for seed in range(30)]
    pitches, angles = np.transpose(found)
    assert screentone.PITCH[0] * 0.95 < pitches.min() < 3.2
    assert 5.5 < pitches.max() < screentone.PITCH[1] * 1.05
    assert angles.min() < 20 and angles.max() > 70


def test_dark_lines_are_printed_black_on_paper_and_on_dots():
    gray = np.full((90, 90), 255, np.uint8)
    gray[:, 45:] = 150
    cv2.line(gray, (0, 60), (89, 30), 0, 2)
    line = np.zeros_like(gray)
    cv2.line(line, (4, 58), (85, 31), 1, 1)
    for seed in range(8):
        page = screentone.draw(gray, np.random.default_rng(seed))
        assert page[line == 1].mean() < 30 and page[:, :40][gray[:, :40] == 255].mean() > 240


def test_all_tiles_of_dots_are_found_and_a_page_that_has_hardly_any_is_left_soon():
    tone = np.full((5 * screentone.TILE,) * 2, 128, np.uint8)
    page = screentone.draw(tone, np.random.default_rng(3))
    assert screentone.find_dots(page)[0].all() and screentone.find_dots(page, False)[0].all()
    tile = np.s_[:screentone.TILE, screentone.TILE:2 * screentone.TILE]
    tone[tile] = page[tile]  # dots in one tile that is not looked at first
    dots, pitch = screentone.find_dots(tone)
    assert np.argwhere(dots).tolist() == [[0, 1]] and pitch > 0
    dots, pitch = screentone.find_dots(tone, thorough=False)
    assert not dots.any() and pitch == 0
