"""How a decoder doubles height and width: a transposed convolution, or resizing before one."""

from keras import layers


def upsample(x, width: int, kind: str):
    """Doubles height and width.

    Args:
        x: a Keras tensor [batch, h, w, channels].
        width: channels of the result.
        kind: "transposed" is the paper's transposed convolution, 4x4 with stride 2
            (section 3.1.1), which treats odd and even pixels by weights of their own and can draw
            a checkerboard; "resize" repeats every pixel and then convolves 3x3, all pixels alike
            (Odena et al. 2016, who had more success with repeated pixels than with bilinear ones).

    Returns:
        A Keras tensor [batch, 2 h, 2 w, width].
    """
    if kind == "resize":
        x = layers.UpSampling2D(interpolation="nearest")(x)  # [batch, 2 h, 2 w, channels]
        return layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
    return layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
