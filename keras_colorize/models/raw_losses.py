"""What both models share: steps that report raw losses, and epoch means kept beside them."""

import keras


class RawLossModel(keras.Model):
    """A generator in training, whose steps return the losses of their own batch.

    Keras's own steps return running means, which hide what a batch did. Here a step hands its
    losses to `report`, which keeps the means over the epoch (Keras reads them at its end) and
    returns the raw values (callbacks read them after each batch).

    Args:
        generator: a functional model from condition to colour.
        loss_names: the names of the losses, in the order of the logs.
    """

    def __init__(self, generator: keras.Model, loss_names: tuple[str, ...], **kwargs):
        super().__init__(**kwargs)
        self.generator = generator
        self.means = [keras.metrics.Mean(name=name) for name in loss_names]
        self.built = True  # by its functional parts; the steps never call the model itself

    @property
    def metrics(self):
        return self.means

    def call(self, condition, training=False):
        return self.generator(condition, training=training)

    def report(self, losses: dict, color) -> dict:
        """Adds the scalar losses of one batch to the epoch's means and returns them.

        The means are over pictures: the last batch of a pass may hold fewer of them.
        """
        pictures = keras.ops.shape(color)[0]
        for mean in self.means:
            mean.update_state(losses[mean.name], sample_weight=pictures)
        return losses
