"""The bytes of a picture file to the page that they hold, as TensorFlow operations.

What they are is read from the bytes themselves, and a decoder sees only what it was made for:
TensorFlow's for WebP, given an animation, writes beyond its memory.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_colorize.export.locking import luminance_of

HEAD = 32  # bytes of a file that say what it is
PNG, JPEG, RIFF, WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"WEBP"
DEPTH, COLOR_TYPE = 24, 25  # of a PNG: where its header says so
WEBP_FLAGS, ANIMATED = 20, 2  # of an extended WebP (VP8X)

UNKNOWN = "image_bytes: is no PNG, JPEG or WebP file; convert it to one"
ANIMATION = "image_bytes: is an animated WebP; send its frames one by one, as PNG"
KEYED = ("image_bytes: is a PNG with a transparent colour (tRNS); save it with an alpha channel, "
         "or without transparency")


class Page(NamedTuple):
    """A picture that is to be coloured, as `media.Page`."""

    luminance: tf.Tensor
    """int32 [h, w], 0 to `most`, of its colours as stored, before any transparency."""
    shown: tf.Tensor
    """uint8 [h, w]: the luminance that a viewer shows, transparency on white."""
    alpha: tf.Tensor
    """int32 [h, w, 1], or [h, w, 0] where it has no transparency."""
    most: tf.Tensor
    """int32: 255, or 65535 of a PNG with 16 bits a channel."""


def read_page(file: tf.Tensor) -> Page:
    """A PNG, JPEG or WebP file, a scalar string, as a page; not turned as its EXIF may say.

    Anything else, an animated WebP and a PNG whose transparency is one of its colours end in an
    InvalidArgumentError that says so, and so do files that are damaged.
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
    ], default=lambda: _refused(UNKNOWN))
    return _page(picture, deep)


def _page(picture: tf.Tensor, deep: tf.Tensor) -> Page:
    """Of a decoded picture, int32 [h, w, channels], with 16 bits each where it is deep."""
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
    return Page(luminance_of(rgb), tf.cast(luminance_of(laid), tf.uint8), alpha,
                tf.where(deep, 65535, 255))


def _begins(head: tf.Tensor, with_bytes: bytes) -> tf.Tensor:
    return tf.reduce_all(head[:len(with_bytes)] == list(with_bytes))


def _still(file: tf.Tensor, head: tf.Tensor) -> tf.Tensor:
    extended = _begins(head[12:], b"VP8X")
    animated = extended & (tf.bitwise.bitwise_and(head[WEBP_FLAGS], ANIMATED) != 0)
    with tf.control_dependencies([tf.debugging.Assert(~animated, [ANIMATION])]):
        return tf.identity(file)


def _unkeyed(file: tf.Tensor, head: tf.Tensor) -> tf.Tensor:
    """A PNG; gray or RGB in which one value stands for transparency would come out opaque."""
    before_pixels = tf.strings.split(file, "IDAT", maxsplit=1)[:1]
    named = tf.size(tf.strings.split(before_pixels, "tRNS").flat_values) > 1
    keyed = named & ((head[COLOR_TYPE] == 0) | (head[COLOR_TYPE] == 2))
    with tf.control_dependencies([tf.debugging.Assert(~keyed, [KEYED])]):
        return tf.identity(file)


def _refused(why: str) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.Assert(False, [why])]):
        return tf.zeros([1, 1, 1], tf.int32)
