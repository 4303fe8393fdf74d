"""Chroma and luminance joined to colour inside a network, so that it cannot touch the luminance."""

import keras
from keras import layers, ops

from keras_colorize.image.pixels import BLUE, GREEN, RED


@keras.saving.register_keras_serializable("keras_colorize")
class JoinLuminance(layers.Layer):
    """The colour of given chroma whose luminance is the given one, OpenCV's RGB2GRAY.

    The chroma is red minus luminance and blue minus luminance (Cr and Cb), each in units of the
    largest there can be. A colour outside the gamut, which has no such pixel, is brought back
    towards the gray of its luminance until it is inside: hue and luminance stay, saturation
    yields. So the luminance is kept everywhere, up to rounding; clipping would change it there.
    The share that is left counts as constant in the gradient, which otherwise could not tell a
    colour that is far outside how to come back.
    """

    def call(self, chroma, luminance):
        red = 2 * (1 - RED) * chroma[..., :1]
        blue = 2 * (1 - BLUE) * chroma[..., 1:]
        green = -(RED * red + BLUE * blue) / GREEN  # so that the weighted sum of the three is 0
        offset = ops.concatenate([red, green, blue], axis=-1)  # [batch, h, w, 3]
        room = ops.where(offset > 0, 1 - luminance, 1 + luminance)
        shares = (1 - 1e-6) * room / ops.maximum(ops.abs(offset), 1e-6)  # just inside
        share = ops.minimum(1.0, ops.min(shares, axis=-1, keepdims=True))
        return luminance + ops.stop_gradient(share) * offset

    def compute_output_shape(self, chroma_shape, luminance_shape):
        return (*chroma_shape[:-1], 3)
