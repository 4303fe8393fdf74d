"""The networks and models of the paper; importing this lets Keras load the saved ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from keras_colorize.config import Config, OptimizerConfig
from keras_colorize.models.chroma import JoinLuminance
from keras_colorize.models.discriminator import discriminator
from keras_colorize.models.unet import CropTo, unet

if keras.backend.backend() == "jax":
    from keras_colorize.models.jax_steps import GAN, ConvNet
else:
    from keras_colorize.models.convnet import ConvNet
    from keras_colorize.models.gan import GAN

__all__ = ["GAN", "ConvNet", "CropTo", "JoinLuminance", "build", "discriminator", "networks",
           "unet"]

XLA = {"auto": "auto", "on": True, "off": False}  # Keras's words


def build(config: Config, size: tuple[int, int], steps: int | None = None) -> ConvNet | GAN:
    """The model that a configuration describes, compiled, its optimiser built.

    Args:
        size: height and width of the training pictures.
        steps: how many batches the whole run has, which a schedule but "constant" needs to know.
    """
    with _precision(config.train.precision):
        parts = networks(config, size)
        ema = config.optimizer.ema
        if config.model.kind == "convnet":
            model = ConvNet(parts["generator"], config.loss.objective, ema=ema)
        else:
            model = GAN(parts["generator"], parts["discriminator"], config.loss.l1_weight, ema=ema)
    optimizer = keras.optimizers.Adam(_learning_rate(config.optimizer, steps),
                                      beta_1=config.optimizer.beta_1)
    if config.train.precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, jit_compile=XLA[config.train.xla])
    return model


def networks(config: Config, size: tuple[int, int]) -> dict[str, keras.Model]:
    """The untrained "generator" that a configuration describes, and of a GAN the "discriminator".

    Args:
        size: as of `build`.
    """
    wanted = config.model
    made = {"generator": unet(wanted.encoder, wanted.decoder, wanted.normalization_momentum,
                              wanted.normalization, wanted.upsampling, wanted.output)}
    if wanted.kind == "gan":
        made["discriminator"] = discriminator(
            size, wanted.discriminator, wanted.normalization_momentum, wanted.normalization,
            wanted.discriminator_head)
    return made


@contextmanager
def _precision(name: str) -> Iterator[None]:
    """Layers made within compute in this precision; their weights are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _learning_rate(wanted: OptimizerConfig, steps: int | None):
    if wanted.schedule == "constant":
        return wanted.learning_rate
    assert steps, "a schedule needs to know how many steps there are"
    return keras.optimizers.schedules.CosineDecay(wanted.learning_rate, steps)
