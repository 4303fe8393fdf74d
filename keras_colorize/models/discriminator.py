"""The discriminator of section 3.2.1: is this colour picture of this condition a real one?"""

from collections.abc import Sequence

import keras
from keras import layers

from keras_colorize.models.encoder import encode


def discriminator(size: tuple[int, int], widths: Sequence[int],
                  momentum: float = 0.99) -> keras.Model:
    """A functional discriminator.

    Args:
        size: height and width of the pictures; the last, dense layer needs to know them.
        widths: channels of each encoder level.
        momentum: of the batch normalisations.

    Returns:
        A model from [condition [batch, h, w, 1], colour [batch, h, w, 3]] in [-1, 1] to logits
        [batch, 1]; their sigmoid is the probability that the colour is real.
    """
    condition = keras.Input((*size, 1), name="condition")
    color = keras.Input((*size, 3), name="color")
    x = layers.Concatenate()([condition, color])
    for width in widths:
        x = encode(x, width, momentum)
    logit = layers.Dense(1, name="logit")(layers.Flatten()(x))
    return keras.Model([condition, color], logit, name="discriminator")
