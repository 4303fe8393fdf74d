"""The conditional GAN of section 3.2, with its training step on TensorFlow."""

import keras
import tensorflow as tf

from keras_colorize.models.objectives import d_accuracies, gan_losses, gradient_norm
from keras_colorize.models.raw_losses import RawLossModel


class GAN(RawLossModel):
    """A generator and a discriminator in a game, under one optimiser.

    The paper gives both networks the same Adam, which keeps its state per variable: one over the
    variables of both is the same as two.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model,
                 l1_weight: float = 100.0, **kwargs):
        super().__init__(generator, ("d_loss", "g_loss", "g_adversarial", "l1"),
                         ("d_real_accuracy", "d_fake_accuracy", "d_gradient_norm",
                          "g_gradient_norm"), **kwargs)
        self.discriminator = discriminator
        self.l1_weight = l1_weight

    def train_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape(persistent=True) as tape:
            losses = self.losses_of(self.generator, condition, color, training=True)
            d_loss, g_loss = (self.minimized(losses[name]) for name in ("d_loss", "g_loss"))
        d_variables = self.discriminator.trainable_variables
        g_variables = self.generator.trainable_variables
        d_gradients = tape.gradient(d_loss, d_variables)
        g_gradients = tape.gradient(g_loss, g_variables)
        norms = {"d_gradient_norm": self.unscaled(gradient_norm(d_gradients)),
                 "g_gradient_norm": self.unscaled(gradient_norm(g_gradients))}
        self.optimizer.apply(g_gradients + d_gradients, g_variables + d_variables)
        self.update_average()
        return self.report({**losses, **norms}, color)

    def losses_of(self, generator, condition, color, training: bool) -> dict:
        """The losses of a batch, and D's accuracies; one pass of D over G(x) serves all."""
        fake = generator(condition, training=training)
        real_logits = self.discriminator([condition, color], training=training)
        fake_logits = self.discriminator([condition, fake], training=training)
        return {**gan_losses(real_logits, fake_logits, fake, color, self.l1_weight),
                **d_accuracies(real_logits, fake_logits)}
