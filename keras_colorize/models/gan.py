"""The conditional GAN of section 3.2, with its training step on TensorFlow."""

import keras
import tensorflow as tf
from keras import ops

from keras_colorize.models.raw_losses import RawLossModel, gradient_norm


def gan_losses(real_logits, fake_logits, fake, color, l1_weight: float) -> dict:
    """Both objectives of section 3.2.2, as scalars to minimise, means over the batch.

    Args:
        real_logits, fake_logits: [batch, 1], D before its sigmoid, of y and of G(x).
        fake, color: G(x) and y, [batch, h, w, 3] in [-1, 1].
        l1_weight: lambda.

    Returns:
        d_loss = -log D(x, y) - log(1 - D(x, G(x))),
        g_adversarial = -log D(x, G(x)),
        l1 = |G(x) - y|, mean over pixels and channels, and
        g_loss = g_adversarial + lambda l1.
    """
    d_loss = ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))
    g_adversarial = ops.mean(ops.softplus(-fake_logits))
    l1 = ops.mean(ops.abs(fake - color))
    return {"d_loss": d_loss, "g_loss": g_adversarial + l1_weight * l1,
            "g_adversarial": g_adversarial, "l1": l1}


def d_accuracies(real_logits, fake_logits) -> dict:
    """The shares of real and of generated pictures that D takes for what they are, 0..1.

    Args:
        real_logits, fake_logits: [batch, 1], D before its sigmoid, of y and of G(x).
    """
    return {"d_real_accuracy": ops.mean(ops.cast(real_logits > 0, "float32")),
            "d_fake_accuracy": ops.mean(ops.cast(fake_logits < 0, "float32"))}


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
            losses = self.losses_of(condition, color, training=True)
        d_variables = self.discriminator.trainable_variables
        g_variables = self.generator.trainable_variables
        d_gradients = tape.gradient(losses["d_loss"], d_variables)
        g_gradients = tape.gradient(losses["g_loss"], g_variables)
        self.optimizer.apply(d_gradients + g_gradients, d_variables + g_variables)
        norms = {"d_gradient_norm": gradient_norm(d_gradients),
                 "g_gradient_norm": gradient_norm(g_gradients)}
        return self.report({**losses, **norms}, color)

    def test_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self.report(self.losses_of(condition, color, training=False), color)

    def losses_of(self, condition, color, training: bool) -> dict:
        """The losses of a batch, and D's accuracies; one pass of D over G(x) serves all."""
        fake = self.generator(condition, training=training)
        real_logits = self.discriminator([condition, color], training=training)
        fake_logits = self.discriminator([condition, fake], training=training)
        return {**gan_losses(real_logits, fake_logits, fake, color, self.l1_weight),
                **d_accuracies(real_logits, fake_logits)}
