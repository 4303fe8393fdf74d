"""Blocks of networks that Keras lacks: cropping, joined luminance, and guidance by hints.

Guidance spreads hints as a bilateral grid does (Chen, Paris and Durand 2007), filled from coarse
to fine: a hint counts for pixels that are near it and about as light. It takes the same time for
one hint as for all pixels, and is part of every graph that holds the network.
"""

import keras
from keras import layers, ops

from keras_colorize.image.pixels import BLUE, GREEN, RED

BINS = 7  # of luminance; neighbours are 42 of 255 levels apart
HALF_ALIKE = 15.0  # of 255 levels: a hint counts half for pixels that are so much lighter or darker
FALL = 1 / 3  # how much less a hint counts at twice the distance
SCALES = 6  # halvings after the first; the coarsest reaches across the pictures that are learned
NEAR, FAR = 0.02, 3e-4  # densities of hints at which a pixel is half sure of its chroma
ABSENT = -30.0  # the logit of a choice that a picture does not have


def guide(condition):
    """Adds the layers that spread the hints of a guided condition.

    Args:
        condition: a Keras tensor [batch, h, w, 4]: the luminance in [-1, 1], the Cr and Cb of hints
            in the units of `JoinLuminance`, and 1 where there is a hint, else 0.

    Returns:
        Keras tensors: the luminance, [batch, h, w, 1]; what a network is told of the hints,
        [batch, h, w, 7]; their spread Cr and Cb, [batch, h, w, 2]; and 1 for a picture that has
        hints, else 0, [batch, 1, 1, 1].
    """
    half = Halve(dtype="float32")(condition)
    levels = [Splat(dtype="float32")(half)]  # [batch, h / 2, w / 2, 3 * BINS]
    for _ in range(SCALES):
        levels.append(layers.AveragePooling2D(2, padding="same", dtype="float32")(levels[-1]))
    filled = levels.pop()
    for level in reversed(levels):
        x = DoubleTo(dtype="float32")(filled, level)
        filled = layers.Add(dtype="float32")([level, layers.Rescaling(FALL, dtype="float32")(x)])
    sliced = DoubleTo(dtype="float32")(Slice(dtype="float32")(filled, half), condition)
    return Tell(dtype="float32")(sliced, condition)


def bins_of(luminance):
    """Gives each pixel its share of the bins of luminance: [..., 1] to [..., BINS]."""
    centers = ops.linspace(-1.0, 1.0, BINS)
    return ops.maximum(0.0, 1 - ops.abs(luminance - centers) * ((BINS - 1) / 2))


@keras.saving.register_keras_serializable("keras_colorize")
class Halve(layers.Layer):
    """Halves a guided condition; hints become the sum of their chroma, and their share."""

    def call(self, condition):
        mask = condition[..., 3:]
        weighted = ops.concatenate([condition[..., :1], condition[..., 1:3] * mask, mask], -1)
        return ops.average_pool(weighted, 2, 2, "same")

    def compute_output_shape(self, condition_shape):
        batch, height, width, channels = condition_shape
        return (batch, height and -(-height // 2), width and -(-width // 2), channels)


@keras.saving.register_keras_serializable("keras_colorize")
class Splat(layers.Layer):
    """Sorts hints into bins by the luminance under them: their number, their Cr, their Cb."""

    def call(self, half):
        bins = bins_of(half[..., :1])
        return ops.concatenate([bins * half[..., 3:], bins * half[..., 1:2], bins * half[..., 2:3]],
                               -1)

    def compute_output_shape(self, half_shape):
        return (*half_shape[:-1], 3 * BINS)


@keras.saving.register_keras_serializable("keras_colorize")
class Slice(layers.Layer):
    """Reads for each pixel what the filled bins hold for its luminance: density, Cr and Cb."""

    def call(self, filled, half):
        levels = ops.linspace(0.0, 255.0, BINS)
        alike = 1 / (1 + ((levels[:, None] - levels[None]) / HALF_ALIKE) ** 2)  # [bin, bin]
        bins = ops.matmul(bins_of(half[..., :1]), alike)
        return ops.concatenate([ops.sum(each * bins, -1, keepdims=True)
                                for each in ops.split(filled, 3, -1)], -1)

    def compute_output_shape(self, filled_shape, half_shape):
        return (*half_shape[:-1], 3)


@keras.saving.register_keras_serializable("keras_colorize")
class Tell(layers.Layer):
    """Puts what is known of the hints together, as `guide` returns it."""

    def call(self, sliced, condition):
        hint, mask, density = condition[..., 1:3], condition[..., 3:], sliced[..., :1]
        spread = sliced[..., 1:] / ops.maximum(density, 1e-9)
        # Chroma is small in these units: it is enlarged to the size of other features.
        features = ops.concatenate([4 * hint * mask, mask, 4 * spread, density / (density + NEAR),
                                    density / (density + FAR)], -1)
        return condition[..., :1], features, spread, ops.max(mask, (1, 2), keepdims=True)

    def compute_output_shape(self, sliced_shape, condition_shape):
        size = tuple(condition_shape[:-1])
        return (*size, 1), (*size, 7), (*size, 2), (size[0], 1, 1, 1)


@keras.saving.register_keras_serializable("keras_colorize")
class Gate(layers.Layer):
    """Mixes a network's own chroma with the spread of hints, in each pixel by a logit."""

    def call(self, logit, own, spread, present):
        share = ops.sigmoid(logit + (1 - present) * ABSENT)
        return own + share * (spread - own)

    def compute_output_shape(self, logit_shape, own_shape, spread_shape, present_shape):
        return own_shape


@keras.saving.register_keras_serializable("keras_colorize")
class CropTo(layers.Layer):
    """Crops a tensor to the height and width of another.

    A decoder doubles sizes that an encoder halved and rounded up: 180 -> 90 -> 45 -> 23 comes
    back as 46.
    """

    def call(self, x, reference):
        height, width = ops.shape(reference)[1:3]
        return x[:, :height, :width]  # [batch, height, width, channels of x]

    def compute_output_shape(self, x_shape, reference_shape):
        return (x_shape[0], *reference_shape[1:3], x_shape[3])


@keras.saving.register_keras_serializable("keras_colorize")
class DoubleTo(CropTo):
    """Doubles height and width, bilinearly, and crops the result as `CropTo` does."""

    def call(self, x, reference):
        # Keras's own resizing cannot be traced for pictures of unknown size.
        batch, height, width, channels = ops.shape(x)
        before, after = (ops.concatenate(each, 1) for each in
                         ((x[:, :1], x[:, :-1]), (x[:, 1:], x[:, -1:])))
        x = ops.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], 2)
        x = ops.reshape(x, (batch, 2 * height, width, channels))
        before, after = (ops.concatenate(each, 2) for each in
                         ((x[:, :, :1], x[:, :, :-1]), (x[:, :, 1:], x[:, :, -1:])))
        x = ops.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], 3)
        x = ops.reshape(x, (batch, 2 * height, 2 * width, channels))
        return super().call(x, reference)


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
