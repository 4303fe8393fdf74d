"""Blocks of networks that Keras lacks: sizes, joined luminance, near lines, guidance by hints.

Guidance spreads hints as a bilateral grid does (Chen, Paris and Durand 2007), filled from coarse
to fine: a hint counts for pixels that are near it and about as light. It takes the same time for
one hint as for all pixels, and is part of every graph that holds the network.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_colorize.image.pixels import BLUE, GREEN, RED

BINS = 12  # of luminance; neighbours are 23 of 255 levels apart
HALF_ALIKE = 10.0  # of 255 levels: a hint counts half for pixels that are so much lighter or darker
FALL = 0.4  # how much less a hint counts at twice the distance
FADE = 3 / 10  # what of the nearness of a hint is left at twice the distance
SCALES = 5  # halvings of the grid; the coarsest reaches across the pictures that are learned
HALF_NEAR = 0.045  # the nearness at which a pixel is half sure of its chroma, 20 pixels away
ABSENT = -30.0  # the logit of a choice that a picture does not have
LEVELS = 4  # of red, green and blue, of which colour classes are made
ANNEALED = 0.38  # temperature: between the mean of all likely colours, and the likeliest alone
FAR = 15  # pixels from a line: about a sixth of the height of a small picture
MOST_OPEN = 4.0  # logit of the gate, where a network would trust hints however far away they are
MOST_OWN = 0.35  # of chroma before tanh; beyond it, the gate hides what is painted, or it is wrong
WHITE_TOO_OFTEN = 0.5  # logit: sheets are white in margins and balloons, of which regions know


@keras.saving.register_keras_serializable("keras_colorize")
class SpreadHints(layers.Layer):
    """Spreads the hints of a guided condition, by a grid of a quarter of its size.

    The condition is [batch, h, w, 4]: the luminance in [-1, 1], the Cr and Cb of hints in the units
    of `JoinLuminance`, and 1 where there is a hint; the last three are 0 where there is none.

    It returns the luminance, [batch, h, w, 1]; the rest at half of the size: the features that tell
    a network of the hints, [batch, h / 2, w / 2, 4], and their spread Cr and Cb and the logarithm
    of the odds that they hold there, [..., 3]; and 1 for a picture that has hints, else 0,
    [batch, 1, 1, 1].
    """

    def call(self, condition):
        luminance, hints = condition[..., :1], condition[..., 3:]
        half = ops.average_pool(luminance, 2, 2, "same")
        # Each quarter cell has one hint, the mean of those in it: a dot tells as much as a blot.
        told = ops.concatenate([hints, condition[..., 1:3], luminance * hints], -1)
        told = ops.average_pool(ops.average_pool(told, 2, 2, "same"), 2, 2, "same")
        red, blue, level = ops.split(told[..., 1:] / ops.maximum(told[..., :1], 1e-9), 3, -1)
        any_hint = ops.sign(told[..., :1])
        bins = bins_of(level) * any_hint
        filled = _fill(ops.concatenate([bins, red * bins, blue * bins, any_hint], -1))
        filled = double(filled, half)
        near = filled[..., -1:] / (filled[..., -1:] + HALF_NEAR)
        centers = ops.linspace(-1.0, 1.0, BINS)
        alike = 1 / (1 + ((half - centers) * (127.5 / HALF_ALIKE)) ** 2)  # [..., BINS]
        count, red, blue = ops.split(filled[..., :-1], 3, -1)
        density, red, blue = (ops.sum(each * alike, -1, keepdims=True)
                              for each in (count, red, blue))
        chroma = ops.concatenate([red, blue], -1) / ops.maximum(density, 1e-9)
        # As if a hint that is exactly as light lay in the middle of a bin.
        most = ops.sum(count, -1, keepdims=True) * ops.max(alike, -1, keepdims=True)
        sure = near * density / ops.maximum(most, 1e-9)
        odds = ops.log((sure + 1e-3) / (1 - sure))
        # Chroma is small in these units: it is enlarged to the size of other features.
        features = ops.concatenate([4 * chroma, sure, near], -1)
        spread = ops.concatenate([chroma, odds], -1)
        return luminance, features, spread, ops.max(any_hint, (1, 2), keepdims=True)

    def compute_output_shape(self, condition_shape):
        batch, *size, _ = condition_shape
        half = [side and -(-side // 2) for side in size]
        return (batch, *size, 1), (batch, *half, 4), (batch, *half, 3), (batch, 1, 1, 1)


def _fill(cells):
    """Fills the cells without a hint, [batch, h, w, 3 * BINS + 1], from coarser and coarser ones.

    The last channel is how near the nearest hint is, however many there are.
    """
    levels = [cells]
    for _ in range(SCALES):
        finer = levels[-1]
        levels.append(ops.concatenate([ops.average_pool(finer[..., :-1], 4, 2, "same"),
                                       ops.max_pool(finer[..., -1:], 2, 2, "same")], -1))
    falls = np.float32([FALL] * 3 * BINS + [FADE])
    filled = levels.pop()
    for level in reversed(levels):
        filled = level + falls * double(filled, level)
    return filled


def bins_of(luminance):
    """Gives each pixel its share of the bins of luminance: [..., 1] to [..., BINS]."""
    centers = ops.linspace(-1.0, 1.0, BINS)
    return ops.maximum(0.0, 1 - ops.abs(luminance - centers) * ((BINS - 1) / 2))


def enlarge(x):
    """Doubles height and width of [batch, h, w, n], bilinearly."""
    # Keras's own resizing cannot be traced for pictures of unknown size.
    resize = tf.image.resize if keras.backend.backend() == "tensorflow" else ops.image.resize
    height, width = ops.shape(x)[1:3]
    return ops.cast(resize(x, (2 * height, 2 * width)), x.dtype)


def double(x, reference):
    """Doubles height and width of [batch, h, w, n], bilinearly, cropped to `reference`."""
    return crop(enlarge(x), reference)


def crop(x, reference):
    """Crops [batch, h, w, n] to the height and width of another tensor."""
    height, width = ops.shape(reference)[1:3]
    return x[:, :height, :width]


@keras.saving.register_keras_serializable("keras_colorize")
class Saturate(layers.Layer):
    """Multiplies chroma by a number, which is 1 while a network trains and is set afterwards."""

    def build(self, *shapes):
        self.saturation = self.add_weight(name="saturation", initializer="ones", trainable=False)

    def call(self, chroma):
        return chroma * self.saturation

    def load_own_variables(self, store):
        if len(store):  # else an earlier version wrote the file, without it
            super().load_own_variables(store)


def saturation_of(generator):
    """Finds the variable, a scalar, that multiplies a network's own chroma; None without one."""
    found = [layer for layer in generator.layers if isinstance(layer, Saturate)]
    return found[0].saturation if found else None


@keras.saving.register_keras_serializable("keras_colorize")
class Gate(Saturate):
    """Turns the last convolution's output into chroma: the network's own, or the spread of hints.

    Args of a call: the output, [batch, h, w, 3], the network's own Cr and Cb before tanh, and the
    logit of the choice in each pixel, to which the odds of the hints are added, as much as it is
    learned to trust them; and the last two values that `SpreadHints` returns. The own chroma is
    multiplied the less, the surer hints are: it is to agree with theirs.

    Once learned, output is bounded: on whole pages, which no network has seen, it may run away, and
    a dot would leave blots far from it. Within the pictures that were learned that changes little.
    """

    def build(self, *shapes):
        super().build(*shapes)
        self.trust = self.add_weight(name="trust", initializer="ones")

    def call(self, output, spread, present, training=False):
        spread = double(spread, output)
        odds, absent = spread[..., 2:], (1 - present) * ABSENT
        own, opening = output[..., :2], output[..., 2:]
        if not training:
            own = ops.minimum(ops.maximum(own, -MOST_OWN), MOST_OWN)
            opening = ops.minimum(opening, MOST_OPEN)
        own = ops.tanh(own)
        own = own + (self.saturation - 1) * ops.sigmoid(-odds - absent) * own
        share = ops.sigmoid(opening + self.trust * odds + absent)
        return own + share * (spread[..., :2] - own)

    def compute_output_shape(self, output_shape, spread_shape, present_shape):
        return (*output_shape[:-1], 2)


@keras.saving.register_keras_serializable("keras_colorize")
class MixClasses(layers.Layer):
    """Turns logits of colour classes, [batch, h, w, LEVELS ** 3], into one colour in [-1, 1].

    It is the annealed mean (Zhang et al. 2016): nearer to the likely colours than their mean, which
    is brown, and calmer than the likeliest one. The last class is white.
    """

    def call(self, logits):
        levels = ops.linspace(-1.0, 1.0, LEVELS)
        colors = ops.stack(ops.meshgrid(levels, levels, levels, indexing="ij"), -1)
        return ops.matmul(self.shares(logits, ANNEALED), ops.reshape(colors, (-1, 3)))

    def shares(self, logits, temperature=1.0):
        """Turns logits into how likely each colour is: their sum is 1."""
        is_white = ops.cast(ops.arange(LEVELS ** 3) == LEVELS ** 3 - 1, logits.dtype)
        return ops.softmax((logits - WHITE_TOO_OFTEN * is_white) / temperature)

    def compute_output_shape(self, logits_shape):
        return (*logits_shape[:-1], 3)


def classes_of(color):
    """Gives each colour its shares of the classes around it: [..., 3] to [..., LEVELS ** 3].

    The shares' mean of the classes is the colour itself.
    """
    levels = ops.linspace(-1.0, 1.0, LEVELS)
    red, green, blue = (ops.maximum(0.0, 1 - ops.abs(part - levels) * ((LEVELS - 1) / 2))
                        for part in ops.split(color, 3, -1))
    both = red[..., :, None] * green[..., None, :]
    shares = both[..., :, :, None] * blue[..., None, None, :]
    return ops.reshape(shares, (*ops.shape(color)[:-1], LEVELS ** 3))


@keras.saving.register_keras_serializable("keras_colorize")
class CropTo(layers.Layer):
    """Crops a tensor to the height and width of another.

    A decoder doubles sizes that an encoder halved and rounded up: 180 -> 90 -> 45 -> 23 comes
    back as 46.
    """

    def call(self, x, reference):
        return crop(x, reference)

    def compute_output_shape(self, x_shape, reference_shape):
        return (x_shape[0], *reference_shape[1:3], x_shape[3])


@keras.saving.register_keras_serializable("keras_colorize")
class Double(layers.Layer):
    """Doubles height and width bilinearly, for pictures of unknown size too."""

    def call(self, x):
        return enlarge(x)

    def compute_output_shape(self, x_shape):
        batch, *size, channels = x_shape
        return (batch, *(side and 2 * side for side in size), channels)


@keras.saving.register_keras_serializable("keras_colorize")
class NearestLine(layers.Layer):
    """Measures how far the nearest line is, [batch, h, w, 1] in [-1, 1] to the same shape.

    A line is 1 in the condition, and what is not is -1. The result is -1 on a line, and 1 where the
    nearest one is FAR pixels away or more. A faint line counts as much as it is bright. Lines are
    widened by a pixel at a time, in turn by a square and a cross: circles become octagons.
    """

    def call(self, condition):
        line = (condition + 1) / 2
        steps = [1 - line]
        for step in range(1, FAR):
            if step % 2:
                line = ops.maximum(ops.max_pool(line, (1, 3), 1, "same"),
                                   ops.max_pool(line, (3, 1), 1, "same"))
            else:
                line = ops.max_pool(line, 3, 1, "same")
            steps.append(1 - line)
        return 2 * sum(steps) / FAR - 1


@keras.saving.register_keras_serializable("keras_colorize")
class JoinLuminance(layers.Layer):
    """Joins chroma and luminance to a colour of exactly that luminance, OpenCV's RGB2GRAY.

    The chroma is red minus luminance and blue minus luminance (Cr and Cb), each in units of the
    largest value there can be. A colour outside the gamut has no pixel. It is moved towards the
    gray of its luminance until it is inside: hue and luminance stay, and saturation falls.
    Clipping would change the luminance. The gradient takes the share of saturation that stays as
    a constant, or a colour far outside the gamut could not learn to come back.
    """

    def call(self, chroma, luminance):
        red = 2 * (1 - RED) * chroma[..., :1]
        blue = 2 * (1 - BLUE) * chroma[..., 1:]
        green = -(RED * red + BLUE * blue) / GREEN  # so that the weighted sum of the three is 0
        offset = ops.concatenate([red, green, blue], axis=-1)  # [batch, h, w, 3]
        room = ops.where(offset > 0, 1 - luminance, 1 + luminance)
        shares = (1 - 1e-6) * room / ops.maximum(ops.abs(offset), 1e-6)  # just inside
        share = ops.minimum(1.0, ops.min(shares, axis=-1, keepdims=True))
        return luminance + ops.stop_gradient(share) * offset

    def compute_output_shape(self, chroma_shape, luminance_shape):
        return (*chroma_shape[:-1], 3)


@keras.saving.register_keras_serializable("keras_colorize")
class ChromaOf(layers.Layer):
    """Takes the chroma out of a colour, as `JoinLuminance` takes it: [..., 3] to [..., 2]."""

    def call(self, color):
        red, green, blue = ops.split(color, 3, -1)
        luminance = RED * red + GREEN * green + BLUE * blue
        return ops.concatenate([(red - luminance) / (2 * (1 - RED)),
                                (blue - luminance) / (2 * (1 - BLUE))], -1)

    def compute_output_shape(self, color_shape):
        return (*color_shape[:-1], 2)


@keras.saving.register_keras_serializable("keras_colorize")
class MirroredConv2DTranspose(layers.Conv2DTranspose):
    """A transposed convolution by the mean of its kernel's four mirror images, without a bias.

    With a stride of 2, a kernel has other weights for odd pixels than for even ones. In a coarse
    level these may paint spots, which stay at the same places whatever the picture shows. The mean
    has the same weights for both.
    """

    def call(self, inputs):
        kernel = self.kernel + ops.flip(self.kernel, 0)
        kernel = (kernel + ops.flip(kernel, 1)) / 4
        return ops.conv_transpose(inputs, kernel, strides=self.strides, padding=self.padding)


@keras.saving.register_keras_serializable("keras_colorize")
class SpectralConv2D(layers.Conv2D):
    """A convolution whose kernel is divided by its largest singular value (Miyato et al. 2018).

    The value is found by a step of power iteration in each call that trains. Keras's own
    `SpectralNormalization` writes the divided kernel over the learned one in the call, which the
    steps of JAX lose, and whose gradient leaves the division out.
    """

    def build(self, shape):
        super().build(shape)
        self.direction = self.add_weight(name="direction", shape=(1, self.filters),
                                         initializer="random_normal", trainable=False,
                                         aggregation="only_first_replica")

    def call(self, inputs, training=False):
        kernel = ops.cast(self.kernel, "float32")
        matrix = ops.reshape(kernel, (-1, self.filters))
        direction = ops.cast(self.direction, "float32")
        fixed = ops.stop_gradient(matrix)
        across = ops.normalize(ops.matmul(direction, ops.transpose(fixed)))
        direction = ops.normalize(ops.matmul(across, fixed))
        if training:
            self.direction.assign(direction)
        largest = ops.sum(ops.matmul(across, matrix) * direction)
        kernel = ops.cast(kernel / ops.maximum(largest, 1e-12), self.compute_dtype)
        outputs = self.convolution_op(inputs, kernel)
        return outputs + ops.cast(self.bias, outputs.dtype) if self.use_bias else outputs

    # A convolution keeps its kernel and bias alone.
    save_own_variables = layers.Layer.save_own_variables
    load_own_variables = layers.Layer.load_own_variables
