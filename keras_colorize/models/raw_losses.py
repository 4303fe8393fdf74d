"""What both models share: steps that report raw values, epoch means, an average of the weights."""

import keras
from keras import ops

from keras_colorize.models import replicas


class RawLossModel(keras.Model):
    """A generator in training, whose steps return the losses of their own batch.

    Keras's own steps return running means, which hide what a batch did. Here a step hands its
    values to `report`, which keeps the means over the epoch (Keras reads them at its end) and
    returns the raw values (callbacks read them after each batch). A subclass gives `train_step` and
    `losses_of(generator, condition, color, training)`.

    Args:
        generator: a functional model from condition to colour.
        loss_names: the names of the losses, in the order of the logs, `l1` among them: by it the
            best epoch is chosen.
        watched: the names of what else the steps may report, which need not be finite.
        ema: how slowly an average of the generator's weights follows them; 0 for none.
    """

    def __init__(self, generator: keras.Model, loss_names: tuple[str, ...],
                 watched: tuple[str, ...] = (), ema: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.generator = generator
        self.ema = ema
        if ema:
            self.averaged = keras.models.clone_model(generator)
            self.averaged.trainable = False
            self.averaged.set_weights(generator.get_weights())
        self.loss_names = tuple(loss_names)
        self.means = [keras.metrics.Mean(name=name) for name in (*loss_names, *watched)]
        self.built = True  # by its functional parts; the steps never call the model itself

    @property
    def final_generator(self) -> keras.Model:
        """The generator as it is validated, drawn and saved: of averaged weights, if there are."""
        return self.averaged if self.ema else self.generator

    @property
    def metrics(self):
        return self.means

    def get_metrics_result(self):
        """The means of what was reported since the last reset: validation has no gradients."""
        return {mean.name: mean.result() for mean in self.means if mean.count > 0}

    def call(self, condition, training=False):
        return self.final_generator(condition, training=training)

    def test_step(self, data):
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        losses = self.losses_of(self.final_generator, condition, color, training=False)
        return self.report(losses, color)

    def minimized(self, loss):
        """What the optimiser expects to be given the gradient of: it adds those of all replicas,
        and in float16 wants them larger."""
        return self.optimizer.scale_loss(loss) / replicas.count()

    def unscaled(self, gradient_norm):
        """Undoes the factors of `minimized`; over several replicas, as if their gradients agreed"""
        return gradient_norm / self.minimized(1.0)

    def update_average(self):
        """Moves the averaged weights towards those of the last step; at first, faster.

        The first steps count more (momentum (1 + n) / (10 + n) at most), so that the random weights
        of the beginning are soon forgotten. BatchNorm's statistics are averaged too.
        """
        if self.ema:
            done = ops.cast(self.optimizer.iterations, "float32")
            momentum = ops.minimum(self.ema, (1 + done) / (10 + done))
            for slow, fast in zip(self.averaged.variables, self.generator.variables, strict=True):
                slow.assign(momentum * slow + (1 - momentum) * fast)

    def report(self, values: dict, color) -> dict:
        """Adds the scalars of one batch, named as declared, to the epoch's means; returns them.

        The means are over pictures: the last batch of a pass may hold fewer of them.
        """
        pictures = ops.shape(color)[0]
        values = replicas.mean(values)
        for mean in self.means:
            if mean.name in values:
                mean.update_state(values[mean.name], sample_weight=pictures)
        return values
