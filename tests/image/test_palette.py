"""Claims about colour that comes from a reference picture."""

import numpy as np
import pytest

from keras_colorize.cartoon import episode
from keras_colorize.image import palette, pixels

PALETTE = {40: (10, 40, 120), 120: (180, 90, 100), 220: (255, 215, 160)}


def seeded():
    return np.random.default_rng(0)


def striped(levels, width=32):
    """A gray picture, and the colours that a known palette gives its levels."""
    gray = np.repeat(np.array(levels, np.uint8), width)[None].repeat(48, axis=0)
    color = np.zeros((*gray.shape, 3), np.uint8)
    for level, paint in PALETTE.items():
        color[gray == level] = paint
    return gray, color


def swatch_of(color):
    gray = pixels.gray(color)
    return palette.Swatch.of(gray, pixels.chroma(color), seeded())


def test_a_known_palette_is_transferred_wherever_it_lies():
    assert {level: int(pixels.gray(np.uint8([[paint]]))[0, 0])
            for level, paint in PALETTE.items()} == pytest.approx(
                {40: 40, 120: 118, 220: 221}, abs=2)
    _, reference = striped((40, 120, 220))
    _, truth = striped((220, 40, 120))
    answer = palette.colorize(pixels.gray(truth), swatch_of(reference))
    inside = np.ones(truth.shape[1], bool)
    for edge in (32, 64):
        inside[edge - 3:edge + 3] = False  # where the neighbourhood is of both sides
    assert np.abs(answer[:, inside].astype(int) - truth[:, inside]).max() <= 2


def test_a_pale_picture_is_matched_after_its_levels_are_scaled():
    _, reference = striped((40, 120, 220))
    _, truth = striped((220, 40, 120))
    pale = (150 + 0.2 * pixels.gray(truth)).astype(np.uint8)
    chroma = palette.transfer(pale, swatch_of(reference))
    for middle in (16, 48, 80):
        inside = slice(middle - 8, middle + 8)
        assert np.abs(chroma[:, inside] - pixels.chroma(truth)[:, inside]).max() <= 2


def test_texture_tells_pixels_of_one_level_apart(random_pictures):
    gray = np.full((64, 64), 128, np.uint8)
    gray[:, 32:] = 78 + 50 * (random_pictures(64, 32) % 3)  # a third of it is 128 too
    chroma = np.zeros((64, 64, 1))
    chroma[:, 32:] = 50
    answer = palette.transfer(gray, palette.Swatch.of(gray, chroma, seeded()))
    assert (answer[:, :28] == 0).all() and (answer[:, 36:] == 50).mean() > 0.97


def test_the_nearest_picture_is_the_reference():
    frames = [pixels.scale(episode.draw_frame(index), (90, 160)) for index in (20, 130, 400, 900)]
    references = palette.References()
    with pytest.raises(ValueError, match="no reference"):
        references.nearest(pixels.gray(frames[0]))
    for frame in frames:
        references.add(pixels.gray(frame), swatch_of(frame))
    beside = pixels.scale(episode.draw_frame(406), (90, 160))  # of the same shot as the third
    assert references.nearest(pixels.gray(beside)) is references._swatches[2]
    errors = [np.abs(palette.colorize(pixels.gray(beside), each).astype(int) - beside).mean()
              for each in references._swatches]
    gray_error = np.abs(pixels.gray(beside)[..., None].astype(int) - beside).mean()
    assert np.argmin(errors) == 2 and errors[2] < 0.5 * gray_error


def test_small_pictures_have_swatches_too(random_pictures):
    color = random_pictures(5, 7, 3)
    assert palette.colorize(random_pictures(3, 4), swatch_of(color)).shape == (3, 4, 3)
