import tracemalloc

import cv2
import numpy as np
import pytest
from scipy import ndimage

from keras_colorize.cartoon import episode
from keras_colorize.image import line_lock, pixels


def test_every_byte_survives_the_way_into_a_network_and_back():
    levels = np.arange(256, dtype=np.uint8)
    signed = pixels.to_signed(levels.astype(np.float32))
    assert (signed.min(), signed.max()) == (-1, 1)
    np.testing.assert_array_equal(pixels.to_uint8(signed), levels)


def test_values_beyond_the_range_are_clipped():
    assert pixels.to_uint8(np.array([-9.0, 9.0])).tolist() == [0, 255]


def test_luminance_weights_are_those_of_opencv(random_pictures):
    picture = random_pictures(64, 64, 3)
    total = (picture.astype(int) * pixels.LUMINANCE_WEIGHTS).sum(axis=-1)
    own = (total + pixels.LUMINANCE_UNIT // 2) // pixels.LUMINANCE_UNIT
    np.testing.assert_array_equal(own, pixels.gray(picture))


def test_spline_zoom_is_scipys_per_channel(random_pictures):
    picture = cv2.GaussianBlur(random_pictures(36, 64, 3), (0, 0), 2)
    expected = ndimage.zoom(picture[..., 1], 0.5, order=3, mode="nearest", grid_mode=True)
    np.testing.assert_array_equal(pixels.zoom(picture, (18, 32))[..., 1], expected)


def test_spline_zoom_does_not_wrap_around_at_white_and_black():
    picture = np.zeros((40, 40), np.uint8)
    picture[10:30, 10:30] = 255
    zoomed = pixels.zoom(picture, (20, 20)).astype(int)
    expected = pixels.zoom(picture, (20, 20), "area").astype(int)
    assert np.abs(zoomed - expected).max() < 60


@pytest.mark.parametrize("by", pixels.ZOOMS)
def test_zoom_keeps_things_in_their_place(by):
    picture = np.zeros((80, 160), np.uint8)
    picture[20:40, 40:120] = 200
    zoomed = pixels.zoom(picture, (40, 80), by)
    assert ndimage.center_of_mass(zoomed) == pytest.approx((14.5, 39.5), abs=0.1)


def test_cover_never_stretches_and_crops_about_the_centre():
    picture = np.zeros((100, 300, 3), np.uint8)
    cv2.circle(picture, (150, 50), 40, (255, 255, 255), -1)
    covered = pixels.cover(picture, (200, 200))
    rows, columns = np.nonzero(covered[..., 0] > 128)
    assert covered.shape == (200, 200, 3)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1)
    assert (rows.mean(), columns.mean()) == pytest.approx((99.5, 99.5), abs=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40_000), (40_000, 3)])
def test_the_thinnest_picture_covers_a_frame_without_filling_memory(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    picture[shape[0] // 2, shape[1] // 2] = 255
    tracemalloc.start()
    covered = pixels.cover(picture, (128, 192))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert covered.shape == (128, 192, 3) and covered.max() == 255 and peak < 20e6


def test_an_example_is_gray_of_its_own_colour_with_white_lines_on_black():
    example = pixels.example(episode.draw_frame(0), (90, 160))
    assert {name: each.shape for name, each in example.items()} == {
        "color": (90, 160, 3), "gray": (90, 160), "edge": (90, 160)}
    np.testing.assert_array_equal(example["gray"],
                                  cv2.cvtColor(example["color"], cv2.COLOR_RGB2GRAY))
    assert np.median(example["edge"]) == 0 and example["edge"].max() > 128


def test_edges_are_cannys_at_twice_the_size():
    picture = np.zeros((180, 320), np.uint8)
    picture[40:140, 100:220] = 255
    lines = cv2.Canny(picture, 100, 200)
    np.testing.assert_array_equal(pixels.edges(picture, (90, 160)), pixels.zoom(lines, (90, 160)))


@pytest.mark.parametrize(("old", "new"), [((360, 640), (180, 320)), ((131, 97), (64, 96)),
                                          ((64, 96), (128, 100))])
def test_spline_zooming_is_scipys_to_the_bit(old, new, random_pictures):
    picture = random_pictures(*old, 3)
    factors = [after / before for after, before in zip(new, old, strict=True)]
    expected = [ndimage.zoom(channel, factors, order=3, mode="nearest", grid_mode=True)
                for channel in np.moveaxis(picture, 2, 0)]
    np.testing.assert_array_equal(pixels.zoom(picture, new), np.dstack(expected))


def test_luminance_and_chroma_make_the_picture_again(random_pictures):
    picture = random_pictures(40, 50, 3)
    again = line_lock.join(pixels.gray(picture), pixels.chroma(picture))
    error = np.abs(again.astype(int) - picture)
    assert error.mean() < 0.5 and error.max() < 8  # the luminance was rounded


def test_a_colour_out_of_range_keeps_hue_and_luminance(random_pictures):
    luminance = random_pictures(40, 50)
    chroma = random_pictures(40, 50, 2).astype(np.float32) * 4 - 512
    picture = line_lock.join(luminance, chroma)
    assert np.abs(pixels.gray(picture).astype(int) - luminance).max() <= 1
    vivid = (luminance > 100) & (luminance < 150)
    given, kept = chroma[vivid], pixels.chroma(picture)[vivid]
    lengths = np.linalg.norm(given, axis=-1) * np.linalg.norm(kept, axis=-1)
    assert ((given * kept).sum(-1) / lengths).min() > 0.99
