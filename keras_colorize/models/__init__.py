"""The networks and models of the paper; importing this lets Keras load the saved ones."""

import keras

from keras_colorize.config import Config
from keras_colorize.models.convnet import ConvNet
from keras_colorize.models.discriminator import discriminator
from keras_colorize.models.gan import GAN
from keras_colorize.models.unet import CropTo, unet

__all__ = ["GAN", "ConvNet", "CropTo", "build", "discriminator", "unet"]


def build(config: Config, size: tuple[int, int]) -> ConvNet | GAN:
    """The model that a configuration describes, compiled, its optimiser built.

    Args:
        size: height and width of the training pictures.
    """
    wanted = config.model
    generator = unet(wanted.encoder, wanted.decoder, wanted.normalization_momentum)
    if wanted.kind == "convnet":
        model = ConvNet(generator)
    else:
        model = GAN(generator,
                    discriminator(size, wanted.discriminator, wanted.normalization_momentum),
                    config.loss.l1_weight)
    optimizer = keras.optimizers.Adam(config.optimizer.learning_rate,
                                      beta_1=config.optimizer.beta_1)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer)
    return model
