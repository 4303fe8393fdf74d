"""The encoder, which the U-Net and the discriminator share (section 3.1.1)."""

from collections.abc import Sequence

from keras import layers

from keras_colorize.models.normalization import normalize


def encode(x, widths: Sequence[int], momentum: float, normalization: str) -> list:
    """Levels of strided convolution, normalisation and leaky ReLU.

    Args:
        x: a Keras tensor [batch, h, w, channels].
        widths: channels of each level, top first.
        momentum: of the batch normalisations.
        normalization: "batch" or "instance". The latter leaves out the last level, which has a
            bias instead, as pix2pix does (Isola et al. 2017): the few pixels there would come out
            the same whatever the picture, a single one as zero.

    Returns:
        A Keras tensor for each level, [batch, h / 2, w / 2, width] and so on, rounded up.
    """
    levels = []
    for level, width in enumerate(widths, start=1):
        bare = normalization == "instance" and level == len(widths)
        x = layers.Conv2D(width, 4, strides=2, padding="same", use_bias=bare)(x)
        x = x if bare else normalize(x, normalization, momentum)
        x = layers.LeakyReLU(0.2)(x)
        levels.append(x)
    return levels
