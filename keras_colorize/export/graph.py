"""The graph of an exported model: files decoded, coloured in tiles at a scale, luminance locked.

It is made of TensorFlow operations, so that it needs none of this code when it is served. AutoGraph
is off: to rewrite the code of Keras took half the time of an export. The line lock and the tiles
exist in NumPy too (`image.line_lock`, `colorize.predictor`), with the same constants;
`tests/export/test_parity.py` holds both equal.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from keras_colorize.image.line_lock import SAME_SURFACE
from keras_colorize.image.pixels import (
    BLUE,
    GREEN,
    LUMINANCE_UNIT,
    LUMINANCE_WEIGHTS,
    PAGE_HEIGHT,
    RED,
    from_signed,
    to_signed,
)

TILE = 1024  # pixels of a side; a multiple of what the U-Net halves six times, as is the step
OVERLAP = 256  # pixels that a tile shares with the next
WHOLE = 1536 * 1024  # pixels that the network sees at once

OPAQUE = 128  # alpha from which on a pixel is a hint
THINNEST = 0.1  # of a pixel of the network that strokes cover, from which on it is told
SEEN_LEVEL = 4  # of the encoder, whose features tell alike things apart best (`image.matching`)
LARGEST_CHROMA = (255 * (1 - RED), 255 * (1 - BLUE))  # the units of `pixels.hint_channels`

HEAD = 32  # bytes of a file that say what it is
PNG, JPEG, RIFF, WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"WEBP"
DEPTH, COLOR_TYPE = 24, 25  # of a PNG: where its header says so
WEBP_FLAGS, ANIMATED = 20, 2  # of an extended WebP (VP8X)

UNKNOWN = "image_bytes: is no PNG, JPEG or WebP file; convert it to one"
ANIMATION = "image_bytes: is an animated WebP; send its frames one by one, as PNG"
KEYED = ("image_bytes: is a PNG with a transparent colour (tRNS); save it with an alpha channel, "
         "or without transparency")


class Colorizer(tf.Module):
    """The serving functions around a generator.

    `saturation` is the variable that multiplies its own chroma, where it has one: another value
    that is assigned to it, here or in a loaded SavedModel, changes what all functions give.

    Args:
        generator: a functional model from float32 [batch, h, w, 1] to [batch, h, w, 3] in [-1, 1].
        locked: whether pictures keep the luminance that they are given (line lock). An edge model
            is given none.
        size: height and width of the pictures that the generator learned, where that is known.
    """

    def __init__(self, generator: keras.Model, locked: bool = True,
                 size: tuple[int, int] | None = None):
        super().__init__()
        # TensorFlow's own variables, since only they are restored by whatever loads a SavedModel
        # into a session, as TensorFlow Serving does. In a closure the generator is saved once.
        self.weights = [variable.value for variable in generator.variables]
        self._generate = lambda signed: generator(signed, training=False)
        # The class of that layer is in models, which colouring does without.
        self.saturation = next((layer.saturation.value for layer in generator.layers
                                if hasattr(layer, "saturation")), None)
        self.takes_hints = generator.input_shape[-1] == 4
        if self.takes_hints:
            levels = [layer for layer in generator.layers
                      if isinstance(layer, keras.layers.LeakyReLU)]  # those of the encoder
            encoder = keras.Model(generator.input, levels[:SEEN_LEVEL][-1].output)
            self._encode = lambda signed: encoder(signed, training=False)
        else:  # a SavedModel would trace them all the same
            self.guided = self.network_guided = self.features = None
        if any(layer.name == "classes" for layer in generator.layers):
            mix, logits = generator.get_layer("color"), keras.Model(
                generator.input, generator.get_layer("classes").output)
            self._classify = lambda signed: mix.shares(logits(signed, training=False))
        else:
            self.class_shares = None
        self.locked, self.size = locked, size

    def signatures(self) -> dict:
        """Returns the functions to serve, by name.

        `page` is of models that lock alone, `guided` and `network_guided` of those with hints.
        """
        served = {"serving_default": self.serving_default, "pixels": self.pixels,
                  "network": self.network}
        if self.locked:
            served["page"] = self.page
        if self.takes_hints:
            served |= {"guided": self.guided, "network_guided": self.network_guided}
        return served

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)])
    def network(self, pixels):
        """Gives the generator's own picture, uint8 [batch, h, w, 3]."""
        return self._picture(self._untold(pixels))

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)])
    def features(self, pixels):
        """Gives what a level of the encoder sees, float32 [batch, rows, columns, n]."""
        return tf.cast(self._encode(self._untold(pixels)), tf.float32)

    def _untold(self, pixels):
        """Makes what the generator takes of conditions without hints."""
        condition = to_signed(tf.cast(pixels, tf.float32))
        return tf.concat([condition, *[tf.zeros_like(condition)] * 3], axis=-1) \
            if self.takes_hints else condition

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, None, 5], tf.uint8)])
    def network_guided(self, pixels):
        """Gives the generator's picture of a luminance and hints, RGBA, opaque where one is."""
        told = tf.cast(pixels[..., 4:] >= OPAQUE, tf.float32)
        hints = chroma_of(pixels[..., 1:4]) / LARGEST_CHROMA * told
        return self._picture(tf.concat(
            [to_signed(tf.cast(pixels[..., :1], tf.float32)), hints, told], axis=-1))

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)])
    def class_shares(self, pixels):
        """Gives how likely each colour of `models.blocks.classes_of` is, [batch, h, w, classes]."""
        return self._classify(to_signed(tf.cast(pixels, tf.float32)))

    def _picture(self, condition):
        color = from_signed(self._generate(condition))
        # Of these LiteRT knows both, of clipping in one operation it does not.
        within = tf.minimum(255.0, tf.maximum(0.0, tf.round(color)))
        return {"pixels": tf.cast(within, tf.uint8)}

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None] * 4, tf.uint8)])
    def pixels(self, pixels):
        """Colours pictures of 1 or 3 channels as `network`, with their own luminance."""
        rgb = tf.broadcast_to(pixels[..., :tf.where(tf.shape(pixels)[-1] >= 3, 3, 1)],
                              tf.concat([tf.shape(pixels)[:-1], [3]], axis=0))
        luminance = luminance_of(tf.cast(rgb, tf.int32))  # [batch, h, w]
        color = self.network(tf.cast(luminance, tf.uint8)[..., tf.newaxis])["pixels"]
        if self.locked:
            color = tf.cast(join(luminance, chroma_of(color), 255), tf.uint8)
        return {"pixels": color}

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])
    def serving_default(self, image_bytes):
        """Colours picture files of any sizes, seen by the network at their own, as PNG files."""
        return self._files(image_bytes, tf.identity)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])
    def page(self, image_bytes):
        """Colours as `serving_default`, seen as large as what was learned, never larger."""
        return self._files(image_bytes, self._working_size)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.string)] * 2)
    def guided(self, image_bytes, hint_bytes):
        """Colours as `page`, told colours by hint pictures.

        Args:
            image_bytes: picture files.
            hint_bytes: for each of them a PNG file, opaque where it tells a colour, of any size; or
                an empty text.
        """
        return {"colored_bytes": tf.map_fn(
            lambda each: self._file(each[0], self._working_size, each[1]),
            (image_bytes, hint_bytes), fn_output_signature=tf.string, parallel_iterations=1)}

    def _files(self, files, seen_as):
        return {"colored_bytes": tf.map_fn(lambda file: self._file(file, seen_as), files,
                                           fn_output_signature=tf.string,
                                           parallel_iterations=1)}  # memory is of one picture

    def _file(self, file, seen_as, hint_file=None):
        """Colours a file as a PNG; `seen_as` maps its size, int32 [2], to the network's.

        Of a model that takes hints, `hint_file` is a PNG of them, or an empty text.
        """
        decoded = decode(file)
        small = seen_as(tf.shape(decoded.shown))
        same = tf.reduce_all(small == tf.shape(decoded.shown))
        guide = tf.cond(same, lambda: decoded.shown, lambda: _shrunk(decoded.shown, small))
        if hint_file is None:
            color = in_tiles(lambda pixels: self.network(pixels)["pixels"],
                             guide[..., tf.newaxis])  # [h, w, 3]
        else:
            hints = decode_hints(hint_file)
            color = in_tiles(lambda pixels: self.network_guided(pixels)["pixels"], tf.concat(
                [guide[..., tf.newaxis], shrink_hints(hints, small)], axis=-1))
        if self.locked:
            chroma = chroma_of(color)
            chroma = tf.cond(same, lambda: chroma, lambda: enlarge(chroma, guide, decoded.shown))
            if hint_file is not None:  # a stroke keeps its own chroma
                drawn = tf.image.resize(hints, tf.shape(decoded.shown), method="nearest")
                chroma = tf.where(drawn[..., 3:] >= OPAQUE, chroma_of(drawn[..., :3]), chroma)
            picture = join(decoded.luminance, chroma, decoded.most)
        else:
            picture = tf.cast(color, tf.float32) * tf.cast(decoded.most // 255, tf.float32)
        picture = tf.concat([tf.cast(picture, tf.int32), decoded.alpha], axis=-1)
        return tf.cond(decoded.most == 255, lambda: tf.io.encode_png(tf.cast(picture, tf.uint8)),
                       lambda: tf.io.encode_png(tf.cast(picture, tf.uint16)))

    def _working_size(self, size):
        scale = working_scale(self.size, size[0], size[1])
        return tf.maximum(1, tf.cast(tf.round(tf.cast(size, tf.float64) * scale), tf.int32))


def working_scale(learned, height, width):
    """Computes the factor that makes a picture look as large as those that were learned.

    It is as the builder of datasets sees pictures: a tall page becomes as wide as the learned
    pictures, any other picture covers them. It is never above 1.

    Args:
        learned: height and width of the learned pictures; None where they are unknown.
        height, width: of the picture, numbers or tensors.

    Returns:
        A scalar, float64.
    """
    one = tf.constant(1.0, tf.float64)
    if learned is None:
        return one
    height, width = tf.cast(height, tf.float64), tf.cast(width, tf.float64)
    is_tall = height >= PAGE_HEIGHT * (width * learned[0] / learned[1])
    to_width, to_height = learned[1] / width, learned[0] / height
    return tf.minimum(one, tf.where(is_tall, to_width, tf.maximum(to_width, to_height)))


def _shrunk(picture, size):
    """Scales uint8 [h, w] down, each pixel the mean of those that it covers."""
    mean = tf.image.resize(picture[..., tf.newaxis], size, method="area")[..., 0]
    return tf.cast(tf.round(mean), tf.uint8)


def in_tiles(network, condition):
    """Computes the network's picture of a condition, in tiles without seams where it is large.

    That is from uint8 [h, w, n] to RGB [h, w, 3], by a network from [1, h, w, n] to [1, h, w, 3].
    """
    return tf.cond(tf.size(condition[..., 0]) <= WHOLE,
                   lambda: network(condition[tf.newaxis])[0],
                   lambda: _tiled(network, condition))


def _tiled(network, condition):
    height, width = tf.unstack(tf.shape(condition)[:2])
    tops, lefts = tf.meshgrid(tile_starts(height), tile_starts(width), indexing="ij")

    def add(sums, place):
        tile = condition[place[0]:place[0] + TILE, place[1]:place[1] + TILE]
        picture = tf.cast(network(tile[tf.newaxis])[0], tf.float32)
        share = tile_share(tf.shape(tile))
        beyond = tf.stack([height, width]) - place - tf.shape(tile)[:2]
        around = tf.concat([tf.stack([place, beyond], axis=-1), [[0, 0]]], axis=0)  # [3, 2]
        return [tf.ensure_shape(total + tf.pad(values, around), total.shape)
                for total, values in zip(sums, (share * picture, share), strict=True)]

    places = tf.stack([tf.reshape(tops, [-1]), tf.reshape(lefts, [-1])], axis=-1)
    total, weight = tf.foldl(add, places, [tf.zeros([height, width, 3]),
                                           tf.zeros([height, width, 1])], parallel_iterations=1)
    return tf.cast(tf.round(total / weight), tf.uint8)


def decode_hints(file):
    """Decodes a PNG file of hints, or an empty text, to uint8 RGBA [h, w, 4]."""
    return tf.cond(tf.strings.length(file) == 0, lambda: tf.zeros([1, 1, 4], tf.uint8),
                   lambda: tf.io.decode_png(file, channels=4))


def shrink_hints(hints, size):
    """Scales hints, uint8 RGBA [h, w, 4], as `colorize.hints.scale` does."""
    opacity = tf.cast(hints[..., 3:], tf.float32) / 255
    summed = tf.image.resize(tf.concat([tf.cast(hints[..., :3], tf.float32) * opacity, opacity],
                                       axis=-1), size, method="area")
    color = summed[..., :3] / tf.maximum(summed[..., 3:], 1e-6)
    told = 255 * tf.cast(summed[..., 3:] > THINNEST, tf.float32)
    return tf.cast(tf.round(tf.concat([color, told], axis=-1)), tf.uint8)


def tile_starts(length):
    """Gives where tiles begin along one axis: a whole number of steps, so that all see one grid."""
    return tf.range(0, tf.maximum(1, length - OVERLAP), TILE - OVERLAP)


def tile_share(size):
    """Computes how much each pixel of a tile counts: little at the sides, float32 [h, w, 1]."""
    down, across = (tf.minimum(tf.range(length), length - 1 - tf.range(length)) + 1
                    for length in (size[0], size[1]))
    down, across = (tf.minimum(1.0, tf.cast(from_end, tf.float32) / OVERLAP)
                    for from_end in (down, across))
    return down[:, tf.newaxis, tf.newaxis] * across[:, tf.newaxis]


def luminance_of(rgb):
    """Computes OpenCV's RGB2GRAY of int32 [..., 3], of 8 or 16 bits, as int32 [...]."""
    total = tf.reduce_sum(rgb * LUMINANCE_WEIGHTS, axis=-1)
    return (total + LUMINANCE_UNIT // 2) // LUMINANCE_UNIT


def chroma_of(picture):
    """Computes red and blue less the luminance: uint8 RGB [..., 3] to float32 [..., 2]."""
    picture = tf.cast(picture, tf.int32)
    level = luminance_of(picture)[..., tf.newaxis]
    return tf.cast(tf.stack([picture[..., 0], picture[..., 2]], axis=-1) - level, tf.float32)


def join(luminance, chroma, most):
    """Joins a picture's luminance with a chroma of its size, as `line_lock.join`.

    Args:
        luminance: int32 [...], 0 to `most`, which is 255 or 65535.
        chroma: float32 [..., 2] in units of 1/255.

    Returns:
        RGB, float32 [..., 3], whole numbers from 0 to `most`.
    """
    level, most = tf.cast(luminance, tf.float32), tf.cast(most, tf.float32)
    red, blue = tf.unstack(most / 255 * chroma, axis=-1)
    green = (red * RED + blue * BLUE) * (-1 / GREEN)
    above = tf.maximum(tf.maximum(red, green), blue)
    below = -tf.minimum(tf.minimum(red, green), blue)
    kept = tf.minimum(1.0, tf.minimum((most - level) / tf.maximum(above, 1e-6),
                                      level / tf.maximum(below, 1e-6)))
    red, blue = tf.round(level + kept * red), tf.round(level + kept * blue)
    green = tf.round((level - red * RED - blue * BLUE) / GREEN)
    return tf.clip_by_value(tf.stack([red, green, blue], axis=-1), 0.0, most)


@tf.function(autograph=False, input_signature=[
    tf.TensorSpec([None, None, 2]), tf.TensorSpec([None, None], tf.uint8),
    tf.TensorSpec([None, None], tf.uint8)])  # traced once for all
def enlarge(values, guide, luminance):
    """Brings small values to a picture's size along its lines, as `line_lock.enlarge`.

    Args:
        values: float32 [h, w, 2]; they become [H, W, 2].
        guide: the luminance that the values are of, uint8 [h, w].
        luminance: of the picture, uint8 [H, W].
    """
    large = tf.shape(luminance)
    rows, row_weights = _taps(tf.shape(guide)[0], large[0])
    columns, column_weights = _taps(tf.shape(guide)[1], large[1])
    layers = tf.concat([tf.cast(guide, tf.float32)[..., tf.newaxis], values], axis=-1)
    level = tf.cast(luminance, tf.float32)
    total = tf.zeros(large, tf.float32)
    summed = tf.zeros(tf.concat([large, tf.shape(values)[-1:]], 0), tf.float32)
    for down in range(2):
        for across in range(2):
            near = tf.gather(tf.gather(layers, rows[down]), columns[across], axis=1)
            unlike = (near[..., 0] - level) / SAME_SURFACE
            weight = (1 + unlike ** 2) ** -2 * column_weights[across]
            weight *= row_weights[down][:, tf.newaxis]
            total += weight
            summed += weight[..., tf.newaxis] * near[..., 1:]
    return summed / total[..., tf.newaxis]


def _taps(small, large):
    """Computes as `line_lock._taps`: indices int32 [2, large], and weights float32 [2, large]."""
    place = (tf.range(large, dtype=tf.float64) + 0.5) * tf.cast(small, tf.float64) \
        / tf.cast(large, tf.float64) - 0.5
    first = tf.floor(place)
    indices = tf.clip_by_value(tf.cast(tf.stack([first, first + 1]), tf.int32), 0, small - 1)
    return indices, tf.cast(tf.stack([first + 1 - place, place - first]), tf.float32)


class Decoded(NamedTuple):
    """A picture that is to be coloured, as `media.StoredPicture`."""

    luminance: tf.Tensor
    """int32 [h, w], 0 to `most`, of its colours as stored, before any transparency."""
    shown: tf.Tensor
    """uint8 [h, w]: the luminance that a viewer shows, transparency on white."""
    alpha: tf.Tensor
    """int32 [h, w, 1], or [h, w, 0] where it has no transparency."""
    most: tf.Tensor
    """int32: 255, or 65535 of a PNG with 16 bits a channel."""


@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.string)])  # traced once for all
def decode(file: tf.Tensor) -> Decoded:
    """Decodes a PNG, JPEG or WebP file, a scalar string; it is not turned as its EXIF may say.

    Anything else, an animated WebP and a PNG whose transparency is one of its colours end in an
    InvalidArgumentError that says so, and so do damaged files. What a file is, is read from its
    bytes, and a decoder sees only what it was made for: TensorFlow's for WebP, given an animation,
    writes beyond its memory.
    """
    head = tf.cast(tf.io.decode_raw(file, tf.uint8, fixed_length=HEAD), tf.int32)
    is_png = _begins(head, PNG)
    deep = is_png & (head[DEPTH] == 16)
    picture = tf.case([
        (deep, lambda: tf.cast(tf.io.decode_png(_unkeyed(file, head), dtype=tf.uint16), tf.int32)),
        (is_png, lambda: tf.cast(tf.io.decode_png(_unkeyed(file, head)), tf.int32)),
        # The default is faster and off by up to 2 levels from what other decoders show.
        (_begins(head, JPEG), lambda: tf.cast(
            tf.io.decode_jpeg(file, dct_method="INTEGER_ACCURATE"), tf.int32)),
        (_begins(head, RIFF) & _begins(head[8:], WEBP), lambda: tf.cast(
            tf.io.decode_webp(_still(file, head))[0], tf.int32)),
    ], default=lambda: _checked(tf.constant(False), UNKNOWN, tf.zeros([1, 1, 1], tf.int32)))
    return _separated(picture, deep)


def _separated(picture: tf.Tensor, deep: tf.Tensor) -> Decoded:
    """Separates transparency: int32 [h, w, channels], of 16 bits each where `deep`."""
    height, width, channels = tf.unstack(tf.shape(picture))
    transparent = 1 - channels % 2  # gray and alpha, or RGB and alpha
    rgb = tf.broadcast_to(picture[..., :channels - transparent], [height, width, 3])
    alpha = picture[..., channels - transparent:]
    # As Pillow shows 16 bits: of gray the nearest level, of colour the upper byte.
    eight = tf.cond(deep, lambda: tf.where(channels == 1, (rgb + 128) // 257, rgb // 256),
                    lambda: rgb)
    opaque = tf.fill([height, width, 1 - transparent], 255)
    share = tf.concat([tf.where(deep, alpha // 256, alpha), opaque], axis=-1)  # [h, w, 1]
    laid = (eight * share + 255 * (255 - share) + 127) // 255
    return Decoded(luminance_of(rgb), tf.cast(luminance_of(laid), tf.uint8), alpha,
                   tf.where(deep, 65535, 255))


def _begins(head: tf.Tensor, with_bytes: bytes) -> tf.Tensor:
    return tf.reduce_all(head[:len(with_bytes)] == list(with_bytes))


def _still(file: tf.Tensor, head: tf.Tensor) -> tf.Tensor:
    """Passes a WebP on that is no animation."""
    extended = _begins(head[12:], b"VP8X")
    animated = extended & (tf.bitwise.bitwise_and(head[WEBP_FLAGS], ANIMATED) != 0)
    return _checked(~animated, ANIMATION, file)


def _unkeyed(file: tf.Tensor, head: tf.Tensor) -> tf.Tensor:
    """Passes a PNG on, unless it is gray or RGB with one value that stands for transparency.

    That would come out opaque.
    """
    before_pixels = tf.strings.split(file, "IDAT", maxsplit=1)[:1]
    named = tf.size(tf.strings.split(before_pixels, "tRNS").flat_values) > 1
    keyed = named & ((head[COLOR_TYPE] == 0) | (head[COLOR_TYPE] == 2))
    return _checked(~keyed, KEYED, file)


def _checked(right: tf.Tensor, error: str, value: tf.Tensor) -> tf.Tensor:
    """Passes a value on if all is right, and ends in an error if not."""
    with tf.control_dependencies([tf.debugging.Assert(right, [error])]):
        return tf.identity(value)
