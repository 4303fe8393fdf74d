"""Claims about matching: a cell takes its colour from what it is most like."""

import numpy as np
import pytest

from keras_colorize.image import matching
from keras_colorize.image.matching import Cells

RED, BLUE, GREEN = (40.0, -20.0), (-20.0, 40.0), (-30.0, -30.0)
NOTHING = np.zeros((1, 1, 1), np.float32)


def halves(left, right):
    """A plane of 40x60 with one value, or tuple of them, left and another right."""
    plane = np.zeros((40, 60, np.size(left)), np.float32)
    plane[:, :30], plane[:, 30:] = left, right
    return plane


def cells(levels, colors=((0, 0), (0, 0)), seen=NOTHING):
    return Cells.of(halves(*levels)[..., 0].astype(np.uint8), halves(*colors), seen)


def colors_of(picture, *references):
    """The mean chroma of the left third and of the right third of a picture that was matched."""
    chroma = matching.match(picture, list(references))
    assert chroma.shape == (8, 12, 2)
    return chroma[:, :4].mean((0, 1)), chroma[:, -4:].mean((0, 1))


def test_what_is_as_light_has_the_same_colour_wherever_it_lies():
    reference = cells((60, 180), (RED, BLUE))
    for levels, wanted in (((60, 180), (RED, BLUE)), ((175, 66), (BLUE, RED))):
        np.testing.assert_allclose(colors_of(cells(levels), reference), wanted, atol=2)


def test_of_what_is_as_light_a_texture_decides_and_what_a_network_sees_or_paints_there():
    rough = np.where(np.indices((40, 60)).sum(0) % 2, 160, 80).astype(np.uint8)
    flat = np.full((40, 60), 120, np.uint8)
    reference = Cells.of(np.hstack([rough[:, :30], flat[:, 30:]]), halves(RED, BLUE), NOTHING)
    page = Cells.of(np.hstack([flat[:, :30], rough[:, 30:]]), halves((0, 0), (0, 0)), NOTHING)
    np.testing.assert_allclose(colors_of(page, reference), (BLUE, RED), atol=4)
    one, other = halves((1, 0), (0, 1)), halves((0, 1), (1, 0))
    reference = cells((120, 120), (RED, BLUE), one)
    np.testing.assert_allclose(colors_of(cells((120, 120), seen=other), reference), (BLUE, RED),
                               atol=4)
    reference = cells((120, 120), (RED, BLUE))
    left, right = colors_of(cells((120, 120), (BLUE, RED)), reference)
    assert left[1] > 20 > 0 > left[0] and right[0] > 20 > 0 > right[1]


def test_a_picture_that_fits_as_a_whole_is_trusted_more():
    page, alike = cells((60, 180)), cells((60, 180), (RED, BLUE))
    other = cells((60, 61), (GREEN, GREEN))  # a half of it is as light as a half of the page
    left, _ = colors_of(page, other, alike)
    assert np.abs(left - RED).max() < np.abs(left - GREEN).max()


def test_a_surface_gets_the_color_that_most_of_it_has_and_lines_part_surfaces():
    luminance = np.full((40, 60), 150, np.uint8)
    luminance[:, 29:31] = 0
    luminance += np.random.default_rng(0).integers(0, 6, luminance.shape, np.uint8)
    chroma = halves(RED, BLUE)
    chroma[:15, :20] = GREEN
    even = matching.even_out(chroma, luminance)
    assert even.dtype == np.float32 and even.shape == chroma.shape
    np.testing.assert_array_equal(even[2:, 2:27], np.broadcast_to(np.float32(RED), (38, 25, 2)))
    np.testing.assert_array_equal(even[2:, 33:], np.broadcast_to(np.float32(BLUE), (38, 27, 2)))


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (2000, 700)])
def test_pictures_of_any_size_have_a_bounded_number_of_cells(size):
    luminance = np.full(size, 99, np.uint8)
    made = Cells.of(luminance, np.zeros((*size, 2), np.float32), NOTHING)
    assert 1 <= len(made.level) == np.prod(made.shape) <= 1.1 * matching.MOST_CELLS
    assert matching.match(made, [made]).shape == (*made.shape, 2)
