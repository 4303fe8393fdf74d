"""One level of an encoder, which the U-Net and the discriminator share (section 3.1.1)."""

from keras import layers


def encode(x, width: int, momentum: float):
    """Strided convolution, batch normalisation, leaky ReLU.

    Args:
        x: a Keras tensor [batch, h, w, channels].
        width: channels of the result.
        momentum: of the batch normalisation.

    Returns:
        A Keras tensor [batch, h / 2, w / 2, width], rounded up.
    """
    x = layers.Conv2D(width, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=momentum)(x)
    return layers.LeakyReLU(0.2)(x)
