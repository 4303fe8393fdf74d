"""How the features of a level are normalised: over the batch, as in the paper, or each picture."""

from keras import layers

from keras_colorize.models import replicas


def normalize(x, kind: str, momentum: float):
    """Gives every channel mean 0 and variance 1, then a learned scale and offset.

    Args:
        x: a Keras tensor [batch, h, w, channels].
        kind: "batch" takes both over pictures and pixels, of all replicas together, and keeps
            averages of them for use (section 3.1.1); "instance" over the pixels of each picture
            alone, then as in training (Ulyanov et al. 2016). Over a single pixel the latter leaves
            nothing but the offset, finite but blind.
        momentum: how slowly the averages of "batch" follow; "instance" keeps none.

    Returns:
        A Keras tensor of the same shape.
    """
    if kind == "instance":
        return layers.GroupNormalization(groups=-1, epsilon=1e-5)(x)
    return layers.BatchNormalization(momentum=momentum, synchronized=replicas.count() > 1)(x)
