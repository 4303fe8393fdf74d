"""Moods: what is chosen of a series, and how one is told to a network."""

import numpy as np

from keras_colorize.image import line_lock, moods, pixels


def lit(red: float, blue: float) -> np.ndarray:
    """A ramp of grays [32, 128, 3], brighter parts of which have more of a chroma."""
    level = np.tile(np.linspace(40, 215, 128), (32, 1)).astype(np.uint8)
    share = (level / 215)[..., None].astype(np.float32)
    return line_lock.join(level, np.float32([red, blue]) * share)


def test_a_picture_painted_in_its_own_mood_is_that_picture():
    for picture in (lit(30, -20), lit(-20, 30)):
        painted = moods.paint(moods.of_picture(picture), pixels.gray(picture))
        assert np.abs(painted - pixels.chroma(picture)).mean() < 1.5


def test_a_level_that_a_picture_lacks_is_between_its_neighbours():
    picture = lit(30, -20)[:, [10, 120]]
    mood = moods.of_picture(picture)
    assert mood.shape == (moods.LEVELS, 2) and np.all(np.diff(mood[:, 0]) >= 0)


def test_each_light_of_a_series_becomes_a_mood():
    lights = [(30, -20), (-20, 30), (5, 25)]
    rng = np.random.default_rng(0)
    pictures = [lit(*(np.array(lights[number % 3]) + rng.normal(0, 1, 2))) for number in range(30)]
    chosen = moods.choose(iter(pictures), 3)
    nearest = {int(np.abs(chosen - moods.of_picture(lit(*light))).mean(axis=(1, 2)).argmin())
               for light in lights}
    assert nearest == {0, 1, 2}
    assert len(moods.choose(pictures[:2])) == 2


def test_a_mood_is_amid_the_pictures_that_it_is_for():
    pictures = [lit(*light) for light in [(25, -20), (35, -20), (-20, 25), (-20, 35)]]
    chosen = moods.choose(pictures, 2)
    for light in [(30, -20), (-20, 30)]:
        assert np.abs(chosen - moods.of_picture(lit(*light))).mean(axis=(1, 2)).min() < 1


def test_strokes_come_before_a_mood():
    picture = lit(30, -20)
    gray = pixels.gray(picture)
    chroma = moods.paint(moods.of_picture(picture), gray)
    strokes = np.zeros((*gray.shape, 4), np.uint8)
    strokes[10:14, 60:64] = 10, 20, 200, 255
    alone = moods.tell(chroma, gray)
    both = moods.with_strokes(alone, strokes)
    assert np.count_nonzero(alone[..., 3]) == 4  # one of 32x32 pixels
    told = alone[..., 3] > 0
    assert np.abs(pixels.chroma(alone[..., :3])[told] - pixels.chroma(picture)[told]).max() < 3
    np.testing.assert_array_equal(both[10:14, 60:64], strokes[10:14, 60:64])
    assert alone[16, 48, 3] and not both[16, 48, 3] and both[16, 16, 3] and both[16, 80, 3]
    assert moods.tell(chroma[:5, :7], gray[:5, :7])[..., 3].any()
