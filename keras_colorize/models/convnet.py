"""The ConvNet of section 3.1: the U-Net with a squared loss, or an absolute one."""

import keras
import tensorflow as tf
from keras import ops

from keras_colorize.models.objectives import OBJECTIVES, gradient_norm
from keras_colorize.models.raw_losses import RawLossModel


class ConvNet(RawLossModel):
    """The U-Net, trained on one loss alone: that of the paper, or "absolute" of `OBJECTIVES`."""

    def __init__(self, generator: keras.Model, objective: str = "squared", **kwargs):
        super().__init__(generator, ("loss", "l1"), ("gradient_norm",), **kwargs)
        self.objective = OBJECTIVES[objective]

    def train_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            losses = self.losses_of(self.generator, condition, color, training=True)
            loss = self.minimized(losses["loss"])
        variables = self.generator.trainable_variables
        gradients = tape.gradient(loss, variables)
        norm = self.unscaled(gradient_norm(gradients))
        self.optimizer.apply(gradients, variables)
        self.update_average()
        return self.report({**losses, "gradient_norm": norm}, color)

    def losses_of(self, generator, condition, color, training: bool) -> dict:
        """The objective of a batch, and beside it its L1, as the mean over pixels and channels."""
        fake = generator(condition, training=training)
        return {"loss": self.objective(fake, color), "l1": ops.mean(ops.abs(fake - color))}
