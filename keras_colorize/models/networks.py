"""The networks of section 3: the U-Net and the discriminator, as functional Keras models."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf
from keras import layers

from keras_colorize.models.blocks import (
    LEVELS,
    ChromaOf,
    CropTo,
    Double,
    Gate,
    JoinLuminance,
    MirroredConv2DTranspose,
    MixClasses,
    NearestLine,
    Saturate,
    SpectralConv2D,
    SpreadHints,
)

COARSE = 2  # levels of a mirrored decoder that have symmetric kernels; with more, nights lose blue


@dataclass(frozen=True)
class Normalization:
    """How a level is normalised: every channel to mean 0 and variance 1, then scaled and moved."""

    kind: str = "batch"
    """"batch" takes mean and variance over the pictures and pixels of all replicas, and keeps
    averages of them for use (section 3.1.1). "instance" takes them over the pixels of each picture
    alone, in training and in use (Ulyanov et al. 2016); a single pixel is then lost. "spectral"
    leaves them, and divides each kernel by its largest singular value (Miyato et al. 2018)."""
    momentum: float = 0.99
    """How slowly the averages of "batch" follow; "instance" keeps none."""

    @property
    def convolution(self) -> type[layers.Conv2D]:
        """The kind of convolution."""
        return SpectralConv2D if self.kind == "spectral" else layers.Conv2D

    def layer(self) -> layers.Layer:
        """Makes a layer, with a learned scale and offset of its own."""
        if self.kind == "instance":
            return layers.GroupNormalization(groups=-1, epsilon=1e-5)
        return layers.BatchNormalization(momentum=self.momentum, synchronized=replicas() > 1)


def unet(encoder: Sequence[int], decoder: Sequence[int],
         normalization: Normalization = Normalization(),
         upsampling: str = "transposed", output: str = "color",
         lines: str = "edges") -> keras.Model:
    """Builds the U-Net of section 3.1.1, which is the ConvNet and the generator of the GAN.

    Args:
        encoder: channels of each level, top first; each level halves height and width.
        decoder: channels of each level, bottom first. Each level doubles height and width, is
            cropped to its mirror encoder level and concatenated with it; the last one is
            concatenated with the condition itself.
        upsampling: as in `upsample`; "mirrored" is "transposed" after the `COARSE` first levels.
        output: "color" predicts RGB; "chroma" predicts chroma alone, and `JoinLuminance` adds the
            luminance of the condition; "guided" is "chroma" that takes hints, of which the encoder
            is told after its first level; `Gate` mixes their spread in at the end; "classes"
            predicts how likely each of LEVELS^3 colours is, in its layer "classes", and mixes them.
        lines: "edges" takes the condition as it is. "distance" adds how far the nearest line is to
            what the encoder sees. The last decoder level is then joined by that alone, and the one
            before by nothing: the lines themselves would show as textures in the colour.

    Returns:
        A model from float32 [batch, h, w, 1] to [batch, h, w, 3], both in [-1, 1], of any h and w.
        A guided one takes [batch, h, w, 4], whose last three channels are the hints.
    """
    guided = output == "guided"
    given = condition = keras.Input((None, None, 4 if guided else 1), name="condition")
    told = None
    if guided:
        condition, told, spread, present = SpreadHints(dtype="float32")(given)
    seen = condition
    if lines == "distance":
        distance = NearestLine(dtype="float32")(condition)
        seen = layers.Concatenate()([condition, distance])  # [batch, h, w, 2]
    # 90x160, 45x80, 23x40, 12x20, 6x10, 3x5 of 180x320
    *mirrors, x = [condition, *encode(seen, encoder, normalization, told)]
    joins = mirrors
    if lines == "distance":
        joins = [distance, None, *mirrors[2:]][:len(mirrors)]
    levels = zip(decoder, reversed(mirrors), reversed(joins), strict=True)
    for level, (width, mirror, join) in enumerate(levels):
        is_plain = upsampling == "mirrored" and level >= COARSE
        x = upsample(x, width, "transposed" if is_plain else upsampling)
        x = CropTo()(x, mirror)
        x = normalization.layer()(x)
        x = layers.ReLU()(x)
        x = x if join is None else layers.Concatenate()([x, join])
    if output == "classes":
        logits = layers.Conv2D(LEVELS ** 3, 1, name=output, dtype="float32")(x)
        return keras.Model(given, MixClasses(name="color", dtype="float32")(logits),
                           name="generator")
    channels, name = (2, "chroma") if output == "chroma" else (3, output)
    color = layers.Conv2D(channels, 3, padding="same", activation=None if guided else "tanh",
                          name=name, dtype="float32")(x)
    if guided:
        color = Gate(dtype="float32")(color, spread, present)
    elif output == "chroma":
        color = Saturate(dtype="float32")(color)
    if output != "color":
        color = JoinLuminance(name="color", dtype="float32")(color, condition)
    return keras.Model(given, color, name="generator")


def discriminator(size: tuple[int, int], widths: Sequence[int],
                  normalization: Normalization = Normalization(),
                  head: str = "picture", sees: str = "color") -> keras.Model:
    """Builds the discriminator of section 3.2.1: is this colour picture of its condition real?

    Args:
        size: height and width of the pictures, which the last, dense layer needs.
        widths: channels of each encoder level.
        head: "picture" gives one logit for the whole pair. "patch" convolves the last level 4x4
            and gives a logit for each of its places (Isola et al. 2017). A place sees
            6 * 2^levels - 2 pixels across: 46 with three levels, 94 with four, and more than
            180x320 with six.
        sees: "color" judges the RGB; "chroma" its chroma alone, beside the condition.

    Returns:
        A model from [condition [batch, h, w, 1], colour [batch, h, w, 3]] in [-1, 1] to logits,
        [batch, 1] or [batch, h / 2^levels, w / 2^levels, 1], rounded up. The sigmoid of each is
        the probability that the colour is real.
    """
    condition = keras.Input((*size, 1), name="condition")
    color = keras.Input((*size, 3), name="color")
    seen = ChromaOf(dtype="float32")(color) if sees == "chroma" else color
    x = layers.Concatenate()([condition, seen])
    x = encode(x, widths, normalization)[-1]
    if head == "patch":
        logits = normalization.convolution(1, 4, padding="same", name="logits", dtype="float32")(x)
    else:
        logits = layers.Dense(1, name="logit", dtype="float32")(layers.Flatten()(x))
    return keras.Model([condition, color], logits, name="discriminator")


def encode(x, widths: Sequence[int], normalization: Normalization, told=None) -> list:
    """Adds levels of strided convolution, normalisation and leaky ReLU (section 3.1.1).

    "instance" leaves out the last level, which has a bias instead, as in pix2pix (Isola et al.
    2017): the few pixels there would come out the same whatever the picture.

    Args:
        x: a Keras tensor [batch, h, w, channels].
        widths: channels of each level, top first.
        told: a Keras tensor of features that join the first level, [batch, h / 2, w / 2, n].

    Returns:
        A Keras tensor for each level, [batch, h / 2, w / 2, width] and so on, rounded up.
    """
    levels = []
    for level, width in enumerate(widths, start=1):
        bare = normalization.kind == "spectral" or (
            normalization.kind == "instance" and level == len(widths))
        x = normalization.convolution(width, 4, strides=2, padding="same", use_bias=bare)(x)
        x = x if bare else normalization.layer()(x)
        x = layers.LeakyReLU(0.2)(x)
        if told is not None and level == 1:
            x = layers.Concatenate()([x, told])
        levels.append(x)
    return levels


def replicas() -> int:
    """Counts the replicas in scope, one for each GPU; on JAX 1, whose arrays span all devices."""
    on_tensorflow = keras.backend.backend() == "tensorflow"
    return tf.distribute.get_strategy().num_replicas_in_sync if on_tensorflow else 1


def upsample(x, width: int, kind: str):
    """Doubles height and width.

    Args:
        x: a Keras tensor [batch, h, w, channels].
        width: channels of the result.
        kind: "transposed" is the paper's transposed convolution, 4x4 with stride 2 (section
            3.1.1). It has weights of their own for odd and even pixels, and so can draw a
            checkerboard. "resize" repeats every pixel and then convolves 3x3, all pixels alike
            (Odena et al. 2016, who had more success with repeated pixels than with bilinear ones).
            "bilinear" enlarges bilinearly and then convolves likewise: where no lines are joined,
            repeated pixels would show as steps of two. "mirrored" is "transposed" by symmetric
            kernels, which treat odd and even pixels alike.

    Returns:
        A Keras tensor [batch, 2 h, 2 w, width].
    """
    if kind == "transposed":
        return layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
    if kind == "mirrored":
        return MirroredConv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
    double = Double() if kind == "bilinear" else layers.UpSampling2D(interpolation="nearest")
    return layers.Conv2D(width, 3, padding="same", use_bias=False)(double(x))
