"""The colours that are offered for a point of a page."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_colorize import colorize, export, media, models
from keras_colorize.colorize import likely_colors
from keras_colorize.image import moods, pixels
from keras_colorize.models.blocks import LEVELS, MixClasses, classes_of

MOODS = [[chroma] * moods.LEVELS for chroma in ((40.0, -20.0), (-20.0, 40.0), (-24.0, 38.0))]
SKY = (0.25, 0.5, 0.75)  # of 255


def at(point, page, model):
    return likely_colors.at(point, media.encode_picture(page), "it", colorize.Models(model),
                            colorize.Settings())


def network(pixels):
    return {"pixels": tf.repeat(pixels[..., :1], 3, axis=-1)}


def test_a_gray_page_offers_the_networks_colour_and_those_of_moods_each_of_its_luminance():
    page = np.tile(np.linspace(60, 190, 300).astype(np.uint8), (200, 1))
    gray = colorize.Model("painter", "", "gray", "spline", None, network, None,
                          network_guided=network, moods=MOODS)
    colors = at((90, 170), page, gray)
    level = int(page[90, 170])
    assert colors[0] == (level,) * 3 and len(colors) == 3, "like moods are offered once"
    assert max(abs(int(pixels.gray(np.uint8([[color]]))[0, 0]) - level) for color in colors) <= 1
    offered = np.sort([pixels.chroma(np.uint8([[color]]))[0, 0] for color in colors[1:]], axis=0)
    np.testing.assert_allclose(offered, [[-20, -20], [40, 40]], atol=5)
    page[:, :100] = 255
    assert at((90, 50), page, gray) == [(255, 255, 255)], "white has no room for any other"


def test_a_printed_page_offers_what_the_network_finds_likely_for_the_region():
    page = np.full((640, 480), 255, np.uint8)
    for top in (20, 330):
        cv2.rectangle(page, (20, top), (460, top + 290), 0, 3)

    def class_shares(condition):
        """Above it is the sky, below red three times out of four."""
        above = classes_of(np.float32(SKY) * 2 - 1)
        below = 0.75 * classes_of(np.float32([1, -1, -1])) \
            + 0.25 * classes_of(np.float32([-1, -1, 1]))
        height, width = condition.shape[1:3]
        return tf.stack([tf.stack([above if row < height / 2 else below] * width)
                         for row in range(height)])[None]

    manga = colorize.Model("manga", "", "manga", "spline", (60, 80), network, None,
                           class_shares=class_shares)
    assert at((100, 100), page, manga)[0] == pytest.approx([255 * part for part in SKY], abs=1)
    assert at((500, 100), page, manga)[:2] == [(255, 0, 0), (0, 0, 255)]
    silent = colorize.Model("manga", "", "manga", "spline", (60, 80), network, None)
    assert at((100, 100), page, silent) == []


def test_a_savedmodel_says_how_likely_it_finds_each_colour(tmp_path):
    generator = models.unet((4, 4), (4, 4), output="classes")
    for variable in generator.trainable_variables:
        variable.assign(keras.random.normal(variable.shape, seed=len(variable.shape)) / 4)
    module = export.Colorizer(generator, locked=False)
    tf.saved_model.save(module, str(tmp_path), signatures={"network": module.network})
    condition = np.random.default_rng(0).integers(0, 256, (1, 24, 32, 1), np.uint8)
    loaded = tf.saved_model.load(str(tmp_path))
    shares = loaded.class_shares(tf.constant(condition)).numpy()
    assert shares.shape == (1, 24, 32, LEVELS ** 3)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-5)
    painted = MixClasses()(np.log(shares) + 0.5 * (np.arange(LEVELS ** 3) == LEVELS ** 3 - 1))
    own = module.network(tf.constant(condition))["pixels"].numpy()
    np.testing.assert_allclose(pixels.to_uint8(np.asarray(painted)).astype(int), own, atol=1)
