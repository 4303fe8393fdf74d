"""Claims about tinted paper: its tint is found, stays to the level, and can be taken off."""

import numpy as np
import pytest

from keras_colorize.cartoon import episode
from keras_colorize.image import page_kind, paper_tint, pixels

TINTS = ((250, 236, 201), (230, 225, 190), (244, 226, 214), (215, 232, 238), (190, 170, 130))


def page(tint, dtype=np.uint8):
    """A gray page with white margins on tinted paper."""
    gray = np.full((200, 140), 255, np.uint8)
    gray[20:180, 15:125] = pixels.gray(episode.draw_frame(60))[:160, :110]
    most = np.iinfo(dtype).max
    return np.rint(gray[..., None] / 255 * np.float32(tint) * (most / 255)).astype(dtype)


@pytest.mark.parametrize("tint", TINTS)
def test_the_tint_is_found_and_paper_is_white_without_it_and_the_same_with_it(tint):
    tinted = page(tint)
    found = paper_tint.find_tint(tinted)
    assert np.abs(found - tint).max() < 3
    white = paper_tint.off(tinted, found)
    assert (white[:15] >= 253).all() and np.ptp(white, axis=2).max() <= 4
    again = paper_tint.on(white, found)
    assert np.abs(again.astype(int) - tinted).max() <= 2
    assert paper_tint.off(pixels.gray(tinted), found)[:15].min() >= 253


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_coloured_page_lies_on_its_paper_at_the_luminance_of_the_page(dtype):
    tinted = page(TINTS[0], dtype)
    luminance = pixels.gray(tinted)
    colored = np.full_like(tinted, np.iinfo(dtype).max)
    colored[20:180, 15:125, 0] //= 3
    laid = paper_tint.on(colored, np.float32(TINTS[0]), luminance)
    assert laid.dtype == dtype
    assert np.abs(pixels.gray(laid).astype(int) - luminance).max() <= 1
    assert np.abs(laid[:15].astype(int) - tinted[:15]).max() <= np.iinfo(dtype).max // 255


@pytest.mark.parametrize("colors", [
    page((255, 255, 255)), page((200, 200, 200)), pixels.gray(page(TINTS[0])),
    np.full((80, 80, 3), (60, 40, 20), np.uint8), page((255, 90, 60)),
    np.random.default_rng(0).integers(190, 250, (90, 90, 3)).astype(np.uint8)])
def test_white_and_gray_paper_darkness_flat_colour_and_noise_have_no_tint(colors):
    assert paper_tint.find_tint(colors) is None


def spread(gutter=255, size=(300, 420)):
    two = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    two[:12] = two[-12:] = 255
    two[:, size[1] // 2 - 5:size[1] // 2 + 5] = gutter
    return two


@pytest.mark.parametrize(("pages", "is_one"), [
    (spread(), True), (spread(size=(300, 480)), True), (spread(240), False), (spread(0), False),
    (spread(size=(420, 300)), False), (spread(size=(360, 640)), False),
    (np.full((300, 420), 255, np.uint8), False), (pixels.gray(episode.draw_frame(0)), False)])
def test_two_pages_with_white_between_them_are_a_spread(pages, is_one):
    assert page_kind.is_spread(pages) == is_one
