"""The ConvNet of section 3.1: the U-Net with a squared loss."""

import keras
import tensorflow as tf
from keras import ops

from keras_colorize.models.raw_losses import RawLossModel


def squared_loss(fake, color):
    """L_i = 1/2 sum |F(x_i) - y_i|^2 over pixels and channels (section 3.1.2), batch mean.

    Args:
        fake, color: float [batch, h, w, 3] in [-1, 1].

    Returns:
        A scalar, in float32 whatever the inputs' precision.
    """
    difference = ops.cast(fake, "float32") - ops.cast(color, "float32")
    return ops.mean(0.5 * ops.sum(ops.square(difference), axis=(1, 2, 3)))


class ConvNet(RawLossModel):
    """The U-Net, trained on the squared loss alone."""

    def __init__(self, generator: keras.Model, **kwargs):
        super().__init__(generator, ("loss",), **kwargs)

    def train_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = squared_loss(self.generator(condition, training=True), color)
        variables = self.generator.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return self.report({"loss": loss}, color)

    def test_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        loss = squared_loss(self.generator(condition, training=False), color)
        return self.report({"loss": loss}, color)
