"""The networks and models of the paper; importing this lets Keras load the saved ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from keras_colorize.config import Config
from keras_colorize.models.blocks import CropTo, JoinLuminance, saturation_of
from keras_colorize.models.losses import Weights
from keras_colorize.models.networks import Normalization, discriminator, unet

if keras.backend.backend() == "jax":
    from keras_colorize.models.jax_steps import GAN, ConvNet
else:
    from keras_colorize.models.steps import GAN, ConvNet

__all__ = ["GAN", "ConvNet", "CropTo", "JoinLuminance", "Normalization", "build", "discriminator",
           "networks", "saturation_of", "unet"]

XLA = {"auto": "auto", "on": True, "off": False}  # Keras's words


def build(config: Config, size: tuple[int, int], steps: int | None = None) -> ConvNet | GAN:
    """Builds the model that a configuration describes, compiled, with its optimiser built.

    Args:
        size: height and width of the training pictures.
        steps: how many batches the whole run has; every schedule but "constant" needs it.
    """
    ema = config.optimizer.ema
    with _precision(config.train.precision):
        parts = networks(config, size)
        if config.model.normalization_frozen:
            for layer in parts["generator"].layers:
                layer.trainable &= not isinstance(layer, keras.layers.BatchNormalization)
        if config.model.kind == "convnet":
            model = ConvNet(parts["generator"], config.loss.objective, ema=ema)
        else:
            weights = Weights(config.loss.l1_weight, config.loss.variation)
            model = GAN(parts["generator"], parts["discriminator"], weights,
                        config.train.adversarial_from, config.optimizer.adversarial_rate, ema=ema)
    rate = config.optimizer.learning_rate
    if config.optimizer.schedule == "cosine":
        assert steps, "a schedule needs to know how many steps there are"
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    optimizer = keras.optimizers.Adam(rate, beta_1=config.optimizer.beta_1)
    if config.train.precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, jit_compile=XLA[config.train.xla])
    return model


def networks(config: Config, size: tuple[int, int]) -> dict[str, keras.Model]:
    """Builds the untrained "generator" and, of a GAN, "discriminator"; arguments as of `build`."""
    model = config.model
    normalization = Normalization(model.normalization, model.normalization_momentum)
    output = "classes" if config.loss.objective == "classes" else model.output
    output = "guided" if model.guidance == "hints" else output
    built = {"generator": unet(model.encoder, model.decoder, normalization, model.upsampling,
                               output, model.lines)}
    if model.kind == "gan":
        if model.discriminator_normalization != "same":
            normalization = Normalization(model.discriminator_normalization)
        built["discriminator"] = discriminator(size, model.discriminator, normalization,
                                               model.discriminator_head, model.discriminator_sees)
    return built


@contextmanager
def _precision(name: str) -> Iterator[None]:
    """Makes the layers within compute in this precision; their weights are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
