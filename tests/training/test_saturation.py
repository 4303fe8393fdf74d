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


RIGHT, OPPOSITE, BLUE = (CHROMA, 0), (-CHROMA, 0), (0, CHROMA)


@pytest.mark.parametrize("truth, least, most", [
    ((RIGHT, RIGHT), 2.4, 2.6),  # as vivid as the truth
    ((RIGHT, OPPOSITE, BLUE, BLUE), 1.3, 1.8),  # wrong too often: less
    ((OPPOSITE, OPPOSITE), 1, 1)])  # always wrong: no more than was learned
def test_a_network_is_as_vivid_as_leaves_its_pictures_no_farther_than_gray_ones(truth, least, most):
    generator = painter((CHROMA / 2.5, 0))
    rule = Saturation(1.0, validation(*truth))
    distance = rule.finish(generator)
    factor = float(models.saturation_of(generator))
    assert least <= factor <= most
    assert (distance > rule.gray) == (factor < 2.4)  # as vivid as wanted, before it was lowered
    assert factor == 1 or rule._distance(generator, factor) <= rule.gray
    assert factor == 1 or rule._distance(generator, factor + 0.3) > rule.gray or factor > 2.4
