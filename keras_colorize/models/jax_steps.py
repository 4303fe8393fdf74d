"""The training steps on JAX: those of `convnet` and `gan` as functions of all variables' values."""

import jax
import keras

from keras_colorize.models import convnet, gan
from keras_colorize.models.objectives import gradient_norm


class _Stateless:
    """Lets what reads and assigns variables run as a function of their values."""

    def at(self, perform, *places):
        """Calls `perform` as if variables had given values; they keep their own.

        Args:
            perform: a function without arguments.
            places: pairs of some variables and as many values.

        Returns:
            What it returns and, for each pair, the values that it leaves.
        """
        mapping = [pair for place in places for pair in zip(*place, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            result = perform()
        return result, *([scope.get_current_value(each) for each in variables]
                         for variables, _ in places)

    def forward(self, trainable, non_trainable, data):
        """The losses of a training batch, and the non-trainable values after it."""
        condition, color, _ = keras.utils.unpack_x_y_sample_weight(data)
        losses, _, non_trainable = self.at(
            lambda: self.losses_of(self.generator, condition, color, training=True),
            (self.trainable_variables, trainable), (self.non_trainable_variables, non_trainable))
        return losses, non_trainable

    def scale(self, optimizer):
        """What a gradient is to be multiplied by for the optimiser, in this state of it."""
        return self.at(lambda: self.minimized(1.0), (self.optimizer.variables, optimizer))[0]

    def applied(self, state, gradients, values, data):
        """The logs and the state after a step that found these gradients and raw values."""
        trainable, non_trainable, optimizer, metrics = state
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)

        def finish():
            self.update_average()
            return self.report(values, data[1])

        logs, _, non_trainable, _, metrics = self.at(
            finish, (self.trainable_variables, trainable),
            (self.non_trainable_variables, non_trainable),
            (self.optimizer.variables, optimizer), (self.metrics_variables, metrics))
        return logs, (trainable, non_trainable, optimizer, metrics)

    def test_step(self, state, data):
        trainable, non_trainable, metrics = state
        logs, _, _, metrics = self.at(
            lambda: super(_Stateless, self).test_step(data), (self.trainable_variables, trainable),
            (self.non_trainable_variables, non_trainable), (self.metrics_variables, metrics))
        return logs, (trainable, non_trainable, metrics)


class ConvNet(_Stateless, convnet.ConvNet):
    """The ConvNet, whose step on JAX takes its state and returns the next."""

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metrics = state

        def objective(trainable):
            losses, after = self.forward(trainable, non_trainable, data)
            return losses["loss"], (losses, after)

        _, pullback, (losses, after) = jax.vjp(objective, trainable, has_aux=True)
        scale = self.scale(optimizer)
        gradients, = pullback(scale)
        norm = gradient_norm(gradients) / scale
        return self.applied((trainable, after, optimizer, metrics), gradients,
                            {**losses, "gradient_norm": norm}, data)


class GAN(_Stateless, gan.GAN):
    """The GAN, whose step on JAX takes its state and returns the next."""

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metrics = state

        def objectives(trainable):
            losses, after = self.forward(trainable, non_trainable, data)
            return (losses["d_loss"], losses["g_loss"]), (losses, after)

        _, pullback, (losses, after) = jax.vjp(objectives, trainable, has_aux=True)
        scale = self.scale(optimizer)
        none = 0 * scale
        generators = len(self.generator.trainable_variables)  # they come first, then D's
        d_gradients = pullback((scale, none))[0][generators:]
        g_gradients = pullback((none, scale))[0][:generators]
        norms = {"d_gradient_norm": gradient_norm(d_gradients) / scale,
                 "g_gradient_norm": gradient_norm(g_gradients) / scale}
        return self.applied((trainable, after, optimizer, metrics), g_gradients + d_gradients,
                            {**losses, **norms}, data)
