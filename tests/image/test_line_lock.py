import cv2
import numpy as np
import pytest

from keras_colorize.image import line_lock, pixels


@pytest.fixture
def noise():
    return np.random.default_rng(3)


def test_joining_keeps_luminance_to_one_level_whatever_the_chroma(noise):
    for _ in range(10):
        luminance = noise.integers(0, 256, (300, 200), np.uint8)
        chroma = noise.uniform(-255, 255, (300, 200, 2)).astype(np.float32)
        after = pixels.gray(line_lock.join(luminance, chroma)).astype(int)
        assert np.abs(after - luminance).max() <= 1
        assert np.mean(after != luminance) < 0.02


def test_a_picture_of_its_own_chroma_and_luminance_is_itself(random_pictures):
    picture = random_pictures(120, 90, 3)
    again = line_lock.join(pixels.gray(picture), pixels.chroma(picture))
    assert np.abs(again.astype(int) - picture).max() <= 5  # of gamut, rounded luminance


def test_out_of_gamut_keeps_its_hue():
    luminance = np.full((1, 1), 240, np.uint8)
    red, green, blue = line_lock.join(luminance, np.float32([[[80, -40]]]))[0, 0].astype(int)
    assert red == 255 and green > blue
    assert abs((red - 240) / (blue - 240) - 80 / -40) < 0.2


def test_white_and_black_stay_so(noise):
    for level in (0, 255):
        page = np.full((40, 40), level, np.uint8)
        chroma = noise.uniform(-99, 99, (40, 40, 2)).astype(np.float32)
        assert (line_lock.join(page, chroma) == level).all()


def test_sixteen_bits_stay_sixteen(noise):
    luminance = noise.integers(0, 65536, (70, 50), np.uint16)
    picture = noise.integers(0, 256, (35, 25, 3), np.uint8)
    coloured = line_lock.lock(luminance, pixels.chroma(picture),
                              noise.integers(0, 256, (35, 25), np.uint8))
    assert coloured.dtype == np.uint16 and len(np.unique(coloured)) > 5000
    assert line_lock.largest_change(luminance, coloured) <= 0.1


def test_the_largest_change_is_that_of_one_pixel():
    page = np.full((500, 30), 100, np.uint8)
    picture = np.dstack([page] * 3)
    assert line_lock.largest_change(page, picture) == 0
    picture[333, 7] += 7
    assert line_lock.largest_change(page, picture) == 7


def test_colour_does_not_cross_a_line():
    """Two white fields, one red and one blue, with a line of four pixels between them."""
    page = np.full((256, 256), 200, np.uint8)
    page[:, 125:129] = 0
    truth = np.zeros((256, 256, 2), np.float32)
    truth[:, :125], truth[:, 129:] = (40, -20), (-20, 40)
    small, guide = (cv2.resize(each, (64, 64), interpolation=cv2.INTER_AREA)
                    for each in (truth, page))

    def least(large):
        """The least share of its own colour that a pixel off the line has."""
        return ((large * truth).sum(axis=2) / (truth ** 2).sum(axis=2).clip(1))[page > 100].min()

    assert least(line_lock.enlarge(small, guide, page)) > 0.74  # the share in the sample nearest
    assert least(cv2.resize(small, (256, 256))) < 0.6


@pytest.mark.parametrize("size", [(1, 1), (63, 95), (64, 64), (129, 200)])
def test_enlarging_one_colour_gives_that_colour(size, noise):
    luminance = noise.integers(0, 256, size, np.uint8)
    guide = noise.integers(0, 256, (20, 30), np.uint8)
    values = np.full((20, 30, 2), (12.5, -3.25), np.float32)
    large = line_lock.enlarge(values, guide, luminance)
    np.testing.assert_allclose(large, np.broadcast_to(np.float32((12.5, -3.25)), (*size, 2)),
                               atol=1e-4)


def test_ink_gives_paper_the_colour_and_lines_stay_black(noise):
    page = np.where(noise.random((80, 80)) < 0.1, 0, 255).astype(np.uint8)
    flats = np.full((40, 40, 3), (250, 200, 180), np.uint8)
    inked = line_lock.ink(page, flats, pixels.scale(page, (40, 40)))
    assert (inked[page == 0] == 0).all()
    assert (inked[page == 255] == (250, 200, 180)).all()
