"""The discriminator of section 3.2.1: is this colour picture of this condition a real one?"""

from collections.abc import Sequence

import keras
from keras import layers

from keras_colorize.models.encoder import encode


def discriminator(size: tuple[int, int], widths: Sequence[int], momentum: float = 0.99,
                  normalization: str = "batch", head: str = "picture") -> keras.Model:
    """A functional discriminator.

    Args:
        size: height and width of the pictures; the last, dense layer needs to know them.
        widths: channels of each encoder level.
        momentum: of the batch normalisations.
        normalization: "batch" or "instance", as in `encode`.
        head: "picture" gives one logit for the whole pair; "patch" convolves the last level 4x4
            to a logit for each of its places (Isola et al. 2017), which sees 6 * 2^levels - 2
            pixels across: 46 with three levels, 94 with four, more than 180x320 with six.

    Returns:
        A model from [condition [batch, h, w, 1], colour [batch, h, w, 3]] in [-1, 1] to logits,
        [batch, 1] or [batch, h / 2^levels, w / 2^levels, 1], rounded up; the sigmoid of each is
        the probability that the colour is real.
    """
    condition = keras.Input((*size, 1), name="condition")
    color = keras.Input((*size, 3), name="color")
    x = layers.Concatenate()([condition, color])
    x = encode(x, widths, momentum, normalization)[-1]
    if head == "patch":
        logits = layers.Conv2D(1, 4, padding="same", name="logits", dtype="float32")(x)
    else:
        logits = layers.Dense(1, name="logit", dtype="float32")(layers.Flatten()(x))
    return keras.Model([condition, color], logits, name="discriminator")
