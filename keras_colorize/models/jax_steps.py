"""The training steps of `steps` on JAX: functions of the values of all variables."""

import jax
import keras

from keras_colorize.models import steps
from keras_colorize.models.losses import gradient_norm


class _Stateless:
    """Steps that take the values of all variables, and return those after them."""

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metrics = state
        variables = self.trainable_variables, self.non_trainable_variables

        def objectives(trainable):
            losses, _, after = self.at(
                lambda: self.losses_of(self.generator, *data[:2], training=True),
                (variables[0], trainable), (variables[1], non_trainable))
            return [losses.get(f"{each}loss", jax.numpy.zeros(())) for _, each in self.players
                    ], (losses, after)

        _, pullback, (values, non_trainable) = jax.vjp(objectives, trainable, has_aux=True)
        scale, _ = self.at(lambda: self.minimized(1.0), (self.optimizer.variables, optimizer))
        gradients = []  # each network's own part of the gradient of its own loss
        for name, prefix in self.players:
            weights = len(getattr(self, name).trainable_variables)
            own, = pullback([scale * (each == prefix) for _, each in self.players])
            own = own[len(gradients):][:weights]
            gradients += own
            if f"{prefix}loss" in values:
                values[f"{prefix}gradient_norm"] = gradient_norm(own) / scale
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)

        def finish():
            self.update_average()
            return self.report(values, data[1])

        logs, _, non_trainable, _, metrics = self.at(
            finish, (variables[0], trainable), (variables[1], non_trainable),
            (self.optimizer.variables, optimizer), (self.metrics_variables, metrics))
        return logs, (trainable, non_trainable, optimizer, metrics)

    def test_step(self, state, data):
        trainable, non_trainable, metrics = state
        logs, _, _, metrics = self.at(
            lambda: super(_Stateless, self).test_step(data), (self.trainable_variables, trainable),
            (self.non_trainable_variables, non_trainable), (self.metrics_variables, metrics))
        return logs, (trainable, non_trainable, metrics)

    @staticmethod
    def at(perform, *places):
        """Calls `perform()` as if variables had given values; they keep their own.

        Each of `places` is a pair of some variables and as many values. Returns the result of
        `perform` and, for each pair, the new values.
        """
        mapping = [pair for place in places for pair in zip(*place, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            result = perform()
        return result, *([scope.get_current_value(each) for each in variables]
                         for variables, _ in places)


class ConvNet(_Stateless, steps.ConvNet):
    """The ConvNet, whose step on JAX takes its state and returns the next."""


class GAN(_Stateless, steps.GAN):
    """The GAN, whose step on JAX takes its state and returns the next."""
