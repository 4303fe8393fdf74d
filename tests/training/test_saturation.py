"""Claims about how saturated a network paints after training."""

import keras
import numpy as np
import pytest

from keras_colorize import models
from keras_colorize.image import line_lock, pixels
from keras_colorize.image.pixels import BLUE, RED
from keras_colorize.models.blocks import JoinLuminance, Saturate
from keras_colorize.training.saturation import Saturation

CHROMA = 25  # of every picture, in some direction
LARGEST = 255 * (1 - RED), 255 * (1 - BLUE)
SHADE = np.full((8, 12), 128, np.uint8)


def painter(chroma):
    """A network that paints every pixel in one chroma, in units of 1/255."""
    gray = keras.Input((None, None, 1))
    paint = keras.layers.Conv2D(
        2, 1, kernel_initializer="zeros",
        bias_initializer=lambda shape, dtype: keras.ops.cast(np.divide(chroma, LARGEST), dtype))
    return keras.Model(gray, JoinLuminance()(Saturate()(paint(gray)), gray))


def validation(*chromas):
    """A batch of gray pictures, and for truth each in one chroma."""
    color = np.stack([line_lock.join(SHADE, np.full((8, 12, 2), chroma, np.float32))
                      for chroma in chromas])
    gray = np.broadcast_to(SHADE[..., np.newaxis], (len(chromas), 8, 12, 1))
    return [(pixels.to_signed(gray), pixels.to_signed(color))]


RIGHT, OPPOSITE, BLUISH = (CHROMA, 0), (-CHROMA, 0), (0, CHROMA)


def finished(share, *truth):
    """What the rule says of a network that paints pale red, and the saturation that it gives it."""
    generator = painter((CHROMA / 2.5, 0))
    rule = Saturation(share, validation(*truth) if truth else [])
    return rule, rule.finish(generator), float(models.saturation_of(generator)), generator


def test_a_network_that_is_right_is_as_vivid_as_wanted():
    rule, distance, factor, _ = finished(1.0, RIGHT, RIGHT)
    assert factor == pytest.approx(2.5, abs=0.1) and distance < 1 < rule.gray


def test_one_that_is_often_wrong_is_as_vivid_as_leaves_it_no_farther_than_gray():
    rule, distance, factor, generator = finished(1.0, RIGHT, OPPOSITE, BLUISH, BLUISH)
    assert distance > rule.gray  # as vivid as wanted
    assert 1.3 < factor < 1.8
    assert rule._distance(generator, factor) <= rule.gray < rule._distance(generator, factor + 0.3)


def test_one_that_is_always_wrong_is_as_it_was_learned():
    rule, distance, factor, generator = finished(1.0, OPPOSITE, OPPOSITE)
    assert factor == 1 and distance > rule._distance(generator, 1) > rule.gray


@pytest.mark.parametrize("share, truth", [(0.0, [RIGHT]), (1.0, [])])
def test_nothing_is_done_where_no_share_is_wanted_or_no_picture_judges(share, truth):
    _, distance, factor, _ = finished(share, *truth)
    assert distance is None and factor == 1
