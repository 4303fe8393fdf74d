"""The U-Net of section 3.1.1: the ConvNet, and the generator of the GAN."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_colorize.models.chroma import JoinLuminance
from keras_colorize.models.encoder import encode
from keras_colorize.models.normalization import normalize
from keras_colorize.models.upsampling import upsample


@keras.saving.register_keras_serializable("keras_colorize")
class CropTo(layers.Layer):
    """Crops a tensor to the height and width of another.

    A decoder doubles sizes that an encoder halved and rounded up: 180 -> 90 -> 45 -> 23 comes
    back as 46.
    """

    def call(self, x, reference):
        height, width = keras.ops.shape(reference)[1:3]
        return x[:, :height, :width]  # [batch, height, width, channels of x]

    def compute_output_shape(self, x_shape, reference_shape):
        return (x_shape[0], *reference_shape[1:3], x_shape[3])


def unet(encoder: Sequence[int], decoder: Sequence[int], momentum: float = 0.99,
         normalization: str = "batch", upsampling: str = "transposed", output: str = "color",
         ) -> keras.Model:
    """A functional U-Net from a one-channel condition to a colour picture of its size.

    Args:
        encoder: channels of each level, top first; each level halves height and width.
        decoder: channels of each level, bottom first; each doubles them, is cropped to its mirror
            encoder level and concatenated with it, the last one with the condition itself.
        momentum: of the batch normalisations.
        normalization: "batch" or "instance", as in `encode` and `normalize`.
        upsampling: "transposed" or "resize", as in `upsample`.
        output: "color" predicts RGB; "chroma" predicts chroma alone, and takes the luminance from
            the condition, as `JoinLuminance` says.

    Returns:
        A model from float32 [batch, h, w, 1] to [batch, h, w, 3], both in [-1, 1], of any h and w.
    """
    condition = keras.Input((None, None, 1), name="condition")
    # 90x160, 45x80, 23x40, 12x20, 6x10, 3x5 of 180x320
    *mirrors, x = [condition, *encode(condition, encoder, momentum, normalization)]
    for width, mirror in zip(decoder, reversed(mirrors), strict=True):
        x = upsample(x, width, upsampling)
        x = CropTo()(x, mirror)
        x = normalize(x, normalization, momentum)
        x = layers.ReLU()(x)
        x = layers.Concatenate()([x, mirror])
    if output == "chroma":
        chroma = layers.Conv2D(2, 3, padding="same", activation="tanh", name="chroma",
                               dtype="float32")(x)
        color = JoinLuminance(name="color", dtype="float32")(chroma, condition)
    else:
        color = layers.Conv2D(3, 3, padding="same", activation="tanh", name="color",
                              dtype="float32")(x)
    return keras.Model(condition, color, name="generator")
