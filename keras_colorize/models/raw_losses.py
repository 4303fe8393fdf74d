"""What both models share: steps that report raw values, and epoch means kept beside them."""

import keras
from keras import ops


def gradient_norm(gradients):
    """The Euclidean length of all gradients of a network together, a float32 scalar."""
    squares = [ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in gradients]
    return ops.sqrt(sum(squares))


class RawLossModel(keras.Model):
    """A generator in training, whose steps return the losses of their own batch.

    Keras's own steps return running means, which hide what a batch did. Here a step hands its
    values to `report`, which keeps the means over the epoch (Keras reads them at its end) and
    returns the raw values (callbacks read them after each batch).

    Args:
        generator: a functional model from condition to colour.
        loss_names: the names of the losses, in the order of the logs, `l1` among them: by it the
            best epoch is chosen.
        watched: the names of what else the steps may report, which need not be finite.
    """

    def __init__(self, generator: keras.Model, loss_names: tuple[str, ...],
                 watched: tuple[str, ...] = (), **kwargs):
        super().__init__(**kwargs)
        self.generator = generator
        self.loss_names = tuple(loss_names)
        self.means = [keras.metrics.Mean(name=name) for name in (*loss_names, *watched)]
        self.built = True  # by its functional parts; the steps never call the model itself

    @property
    def metrics(self):
        return self.means

    def get_metrics_result(self):
        """The means of what was reported since the last reset: validation has no gradients."""
        return {mean.name: mean.result() for mean in self.means if mean.count > 0}

    def call(self, condition, training=False):
        return self.generator(condition, training=training)

    def report(self, values: dict, color) -> dict:
        """Adds the scalars of one batch, named as declared, to the epoch's means; returns them.

        The means are over pictures: the last batch of a pass may hold fewer of them.
        """
        pictures = ops.shape(color)[0]
        for mean in self.means:
            if mean.name in values:
                mean.update_state(values[mean.name], sample_weight=pictures)
        return values
