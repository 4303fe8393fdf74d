"""A bare training step: a model's compiled step on one batch in memory, and nothing else."""

import time

import keras
import numpy as np
import tensorflow as tf

from keras_colorize import config, models


class BareStep:
    """A model and a batch of noise in memory.

    Steps are called one after the other as `fit` calls them, without callbacks; what they report is
    waited for once, at the end.
    """

    def __init__(self, wanted: config.Config, size: tuple[int, int]):
        self.model = models.build(wanted, size)
        self.batch = wanted.train.batch_size
        noise = np.random.default_rng(0)
        pair = tuple(noise.uniform(-1, 1, (self.batch, *size, channels)).astype(np.float32)
                     for channels in (1, 3))
        self.model.make_train_function()
        if keras.backend.backend() == "jax":
            self.on_jax(pair)
        else:
            batches = iter(tf.data.Dataset.from_tensors(pair).cache().repeat())
            self.step = lambda: self.model.train_function(batches)
        self.images_per_second(2)  # traces

    def on_jax(self, pair: tuple[np.ndarray, ...]):
        """Steps that hand the state of all variables on, which they take the memory of."""
        import jax

        data, model = [tuple(map(jax.numpy.asarray, pair))], self.model
        state = tuple([variable.value for variable in part] for part in (
            model.trainable_variables, model.non_trainable_variables, model.optimizer.variables,
            model.metrics_variables))

        def step():
            nonlocal state
            logs, state = model.train_function(state, iter(data))
            return logs

        self.step = step

    def images_per_second(self, steps: int) -> float:
        """Measures the speed of so many steps."""
        began = time.perf_counter()
        for _ in range(steps):
            logs = self.step()
        for value in logs.values():
            keras.ops.convert_to_numpy(value)
        return steps * self.batch / (time.perf_counter() - began)
