"""The networks and models of the paper; importing this lets Keras load the saved ones."""

import keras

from keras_colorize.config import Config, OptimizerConfig
from keras_colorize.models.chroma import JoinLuminance
from keras_colorize.models.convnet import ConvNet
from keras_colorize.models.discriminator import discriminator
from keras_colorize.models.gan import GAN
from keras_colorize.models.unet import CropTo, unet

__all__ = ["GAN", "ConvNet", "CropTo", "JoinLuminance", "build", "discriminator", "unet"]


def build(config: Config, size: tuple[int, int], steps: int | None = None) -> ConvNet | GAN:
    """The model that a configuration describes, compiled, its optimiser built.

    Args:
        size: height and width of the training pictures.
        steps: how many batches the whole run has, which a schedule but "constant" needs to know.
    """
    wanted = config.model
    generator = unet(wanted.encoder, wanted.decoder, wanted.normalization_momentum,
                     wanted.normalization, wanted.upsampling, wanted.output)
    if wanted.kind == "convnet":
        model = ConvNet(generator, config.loss.objective)
    else:
        judge = discriminator(size, wanted.discriminator, wanted.normalization_momentum,
                              wanted.normalization, wanted.discriminator_head)
        model = GAN(generator, judge, config.loss.l1_weight)
    optimizer = keras.optimizers.Adam(_learning_rate(config.optimizer, steps),
                                      beta_1=config.optimizer.beta_1)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer)
    return model


def _learning_rate(wanted: OptimizerConfig, steps: int | None):
    if wanted.schedule == "constant":
        return wanted.learning_rate
    assert steps, "a schedule needs to know how many steps there are"
    return keras.optimizers.schedules.CosineDecay(wanted.learning_rate, steps)
