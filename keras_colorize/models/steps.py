"""The models of the paper, each with its training step on TensorFlow."""

import keras
import tensorflow as tf
from keras import ops

from keras_colorize.models.losses import (
    OBJECTIVES,
    Weights,
    class_loss,
    d_accuracies,
    gan_losses,
    gradient_norm,
    own_losses,
)
from keras_colorize.models.networks import replicas


class RawLossModel(keras.Model):
    """A generator in training, whose steps return the losses of their own batch.

    Keras's own steps return running means, which hide what a batch did. Here a step hands its
    values to `report`, which adds them to the means of the epoch (Keras reads them at its end) and
    returns the raw values (callbacks read them after each batch). A subclass gives
    `losses_of(generator, condition, color, training)`, and the three attributes below.

    Args:
        generator: a functional model from condition to colour.
        ema: how slowly an average of the generator's weights follows them; 0 for none.
    """

    players: tuple[tuple[str, str], ...]
    """The networks, each with the prefix of its own loss and gradient norm."""
    loss_names: tuple[str, ...]
    """In the order of the logs; `l1` is among them and decides which epoch is the best."""
    other_names: tuple[str, ...]
    """Of other values in the logs, which need not be finite."""

    def __init__(self, generator: keras.Model, ema: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.generator = generator
        self.ema = ema
        if ema:
            self.averaged = keras.models.clone_model(generator)
            self.averaged.trainable = False
            self.averaged.set_weights(generator.get_weights())
        self.means = [keras.metrics.Mean(name=name)
                      for name in (*self.loss_names, *self.other_names)]
        self.built = True  # its functional parts are; the steps never call the model itself

    @property
    def final_generator(self) -> keras.Model:
        """The generator that is validated, drawn and saved: with averaged weights, if any."""
        return self.averaged if self.ema else self.generator

    @property
    def metrics(self):
        return self.means

    def get_metrics_result(self):
        """Returns the means since the last reset; validation reports no gradients."""
        return {mean.name: mean.result() for mean in self.means if mean.count > 0}

    def enter(self, epoch: int, whole: bool) -> None:
        """Is called before an epoch, counted from 0, or before what is left of it."""

    def train_step(self, data):
        """Moves each network down the gradient of its own loss, all of them at once.

        One without a loss stays: Adam moves nothing whose gradients were all 0. The lengths that it
        reports are without `minimized`, as if gradients of replicas agreed.
        """
        condition, color = data[:2]
        networks = {prefix: getattr(self, name) for name, prefix in self.players}
        with tf.GradientTape(persistent=True) as tape:
            values = self.losses_of(self.generator, condition, color, training=True)
            losses = {prefix: self.minimized(values[f"{prefix}loss"]) for prefix in networks
                      if f"{prefix}loss" in values}
        gradients, weights = [], []
        for prefix, network in networks.items():
            if prefix in losses:
                own = tape.gradient(losses[prefix], network.trainable_variables)
                values[f"{prefix}gradient_norm"] = gradient_norm(own) / self.minimized(1.0)
            else:
                own = [ops.zeros_like(each) for each in network.trainable_variables]
            gradients += own
            weights += network.trainable_variables
        self.optimizer.apply(gradients, weights)
        self.update_average()
        return self.report(values, color)

    def test_step(self, data):
        condition, color = data[:2]
        losses = self.losses_of(self.final_generator, condition, color, training=False)
        return self.report(losses, color)

    def minimized(self, loss):
        """Scales a loss for the optimiser, which adds up the replicas; float16 wants it larger."""
        return self.optimizer.scale_loss(loss) / replicas()

    def update_average(self):
        """Moves the averaged weights towards those of the last step; so BatchNorm's statistics."""
        if self.ema:
            momentum = self.momentum()
            for slow, fast in zip(self.averaged.variables, self.generator.variables, strict=True):
                slow.assign(momentum * slow + (1 - momentum) * fast)

    def momentum(self):
        """Returns how much of the average stays at a step: `ema`, at first less.

        After n steps it is (1 + n) / (10 + n) at most, so that the random weights of the beginning
        are soon forgotten.
        """
        done = ops.cast(self.optimizer.iterations, "float32")
        return ops.minimum(self.ema, (1 + done) / (10 + done))

    def report(self, values: dict, color) -> dict:
        """Adds the scalars of one batch to the means of the epoch, and returns them.

        Replicas have equal parts of a batch, so their mean is that of the batch. The means of the
        epoch are over pictures: the last batch of a pass may hold fewer of them.
        """
        if replicas() > 1:
            values = tf.distribute.get_replica_context().all_reduce("mean", values)
        pictures = ops.shape(color)[0]
        for mean in self.means:
            if mean.name in values:
                mean.update_state(values[mean.name], sample_weight=pictures)
        return values


class ConvNet(RawLossModel):
    """The ConvNet of section 3.1: the U-Net with one loss, "squared" (the paper) or another."""

    players = (("generator", ""),)
    loss_names, other_names = ("loss", "l1"), ("gradient_norm",)

    def __init__(self, generator: keras.Model, objective: str = "squared", **kwargs):
        super().__init__(generator, **kwargs)
        self.objective = objective

    def losses_of(self, generator, condition, color, training: bool) -> dict:
        """Computes the objective of a batch, and its L1, the mean over pixels and channels."""
        if self.objective == "classes":
            both = keras.Model(generator.inputs,
                               [generator.output, generator.get_layer("classes").output])
            fake, logits = both(condition, training=training)
            loss = class_loss(logits, color)
        else:
            fake = generator(condition, training=training)
            loss = OBJECTIVES[self.objective](fake, color)
        return {"loss": loss, "l1": ops.mean(ops.abs(fake - color))}


class GAN(RawLossModel):
    """The conditional GAN of section 3.2: a generator and a discriminator under one optimiser.

    The paper gives both networks the same Adam. Adam keeps its state per variable, so one over the
    variables of both is the same as two.

    Args:
        weights: of what counts in the generator's objective beside the game.
        first_game: the epoch, from 0, with which the game begins. Until then G learns without it,
            and D waits. Both then begin with a fresh Adam; the average of G's weights goes on.
        game_rate: the learning rate from then on; 0 leaves it.
    """

    players = (("generator", "g_"), ("discriminator", "d_"))
    loss_names = ("d_loss", "g_loss", "g_adversarial", "l1")
    other_names = ("d_real_accuracy", "d_fake_accuracy", "d_gradient_norm", "g_gradient_norm")

    def __init__(self, generator: keras.Model, discriminator: keras.Model,
                 weights: Weights, first_game: int = 0, game_rate: float = 0.0, **kwargs):
        super().__init__(generator, **kwargs)
        self.discriminator = discriminator
        self.loss_weights = weights
        self.first_game, self.game_rate = first_game, game_rate
        self.in_game = True

    def enter(self, epoch: int, whole: bool) -> None:
        """Has both networks play from epoch `first_game` on."""
        if self.in_game != (epoch >= self.first_game):
            self.in_game = not self.in_game
            self.train_function = self.test_function = None  # they are traced again
        if whole and epoch == self.first_game > 0:
            scaled = getattr(self.optimizer, "inner_optimizer", self.optimizer)  # for float16
            rate = self.game_rate or float(ops.convert_to_numpy(scaled.learning_rate))
            for variable in (*scaled.variables, self.optimizer.iterations):
                variable.assign(ops.zeros(variable.shape, variable.dtype))
            scaled.learning_rate = rate

    def momentum(self):
        """Is `ema` in a game after a time alone, whose weights are worth keeping in the average."""
        return self.ema if self.in_game and self.first_game else super().momentum()

    def losses_of(self, generator, condition, color, training: bool) -> dict:
        """Computes the losses of a batch, and D's accuracies; D sees G(x) once for all of them."""
        fake = generator(condition, training=training)  # G(x)
        condition = condition[..., :1]  # without hints
        own = own_losses(fake, color, condition, self.loss_weights)
        if not self.in_game:
            return own
        real_logits = self.discriminator([condition, color], training=training)  # D(x, y)
        fake_logits = self.discriminator([condition, fake], training=training)  # D(x, G(x))
        return {**gan_losses(real_logits, fake_logits, own),
                **d_accuracies(real_logits, fake_logits)}
