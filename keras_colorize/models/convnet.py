"""The ConvNet of section 3.1: the U-Net with a squared loss, or an absolute one."""

import keras
import tensorflow as tf
from keras import ops

from keras_colorize.models.raw_losses import RawLossModel, gradient_norm


def squared_loss(fake, color):
    """L_i = 1/2 sum |F(x_i) - y_i|^2 over pixels and channels (section 3.1.2), batch mean.

    Args:
        fake, color: float [batch, h, w, 3] in [-1, 1].

    Returns:
        A scalar, in float32 whatever the inputs' precision.
    """
    difference = ops.cast(fake, "float32") - ops.cast(color, "float32")
    return ops.mean(0.5 * ops.sum(ops.square(difference), axis=(1, 2, 3)))


def absolute_loss(fake, color):
    """sum |F(x_i) - y_i| over pixels and channels, batch mean: L1, summed as the squared loss is.

    Its best answer to an uncertain colour is the median, which the squared loss's mean grays.

    Args:
        fake, color: float [batch, h, w, 3] in [-1, 1].

    Returns:
        A scalar, in float32 whatever the inputs' precision.
    """
    difference = ops.cast(fake, "float32") - ops.cast(color, "float32")
    return ops.mean(ops.sum(ops.abs(difference), axis=(1, 2, 3)))


OBJECTIVES = {"squared": squared_loss, "absolute": absolute_loss}


class ConvNet(RawLossModel):
    """The U-Net, trained on one loss alone: that of the paper, or "absolute" of `OBJECTIVES`."""

    def __init__(self, generator: keras.Model, objective: str = "squared", **kwargs):
        super().__init__(generator, ("loss", "l1"), ("gradient_norm",), **kwargs)
        self.objective = OBJECTIVES[objective]

    def train_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            losses = self.losses_of(condition, color, training=True)
        variables = self.generator.trainable_variables
        gradients = tape.gradient(losses["loss"], variables)
        self.optimizer.apply(gradients, variables)
        return self.report({**losses, "gradient_norm": gradient_norm(gradients)}, color)

    def test_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.report(self.losses_of(condition, color, training=False), color)

    def losses_of(self, condition, color, training: bool) -> dict:
        """The objective of a batch, and beside it its L1, as the mean over pixels and channels."""
        fake = self.generator(condition, training=training)
        return {"loss": self.objective(fake, color), "l1": ops.mean(ops.abs(fake - color))}
