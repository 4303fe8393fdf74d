"""A generator with the pixel maths around it: the functions that an exported model serves."""

import keras
import tensorflow as tf

from keras_colorize.export import decoding, locking, tiles
from keras_colorize.image.pixels import PAGE_HEIGHT, from_signed, to_signed


class Colorizer(tf.Module):
    """The serving functions around a generator.

    Args:
        generator: a functional model from float32 [batch, h, w, 1] to [batch, h, w, 3] in [-1, 1].
        locked: whether pictures keep the luminance that they are given (line lock); an edge model
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
        self.locked, self.size = locked, size

    def signatures(self) -> dict:
        """What is served, by name; `page` is of models that lock alone."""
        served = {"serving_default": self.serving_default, "pixels": self.pixels,
                  "network": self.network}
        return served | ({"page": self.page} if self.locked else {})

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)])
    def network(self, pixels):
        """The generator's own picture, uint8 [batch, h, w, 3]."""
        color = from_signed(self._generate(to_signed(tf.cast(pixels, tf.float32))))
        # Of these LiteRT knows both, of clipping in one operation it does not.
        within = tf.minimum(255.0, tf.maximum(0.0, tf.round(color)))
        return {"pixels": tf.cast(within, tf.uint8)}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None], tf.uint8)])
    def pixels(self, pixels):
        """As `network`, of pictures with 1 or 3 channels, with their own luminance (line lock)."""
        rgb = tf.broadcast_to(pixels[..., :tf.where(tf.shape(pixels)[-1] >= 3, 3, 1)],
                              tf.concat([tf.shape(pixels)[:-1], [3]], axis=0))
        luminance = locking.luminance_of(tf.cast(rgb, tf.int32))  # [batch, h, w]
        color = self.network(tf.cast(luminance, tf.uint8)[..., tf.newaxis])["pixels"]
        if self.locked:
            color = tf.cast(locking.join(luminance, locking.chroma(color), 255), tf.uint8)
        return {"pixels": color}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serving_default(self, image_bytes):
        """Picture files of any sizes to PNG files, seen by the network at their own size."""
        return self._files(image_bytes, lambda height, width: (height, width))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def page(self, image_bytes):
        """As `serving_default`, seen as large as what the network learned, never larger."""
        return self._files(image_bytes, self._learned)

    def _files(self, files, seen):
        colorize = lambda file: self._file(file, seen)  # noqa: E731 - AutoGraph reads it so
        return {"colored_bytes": tf.map_fn(colorize, files, fn_output_signature=tf.string,
                                           parallel_iterations=1)}  # memory is of one picture

    def _file(self, file, seen):
        """One picture file to a PNG file.

        Args:
            seen: from a page's height and width to those at which the network sees it.
        """
        page = decoding.read_page(file)
        large = tf.shape(page.shown)
        small = tf.stack(seen(large[0], large[1]))
        same = tf.reduce_all(small == large)
        guide = tf.cond(same, lambda: page.shown, lambda: _shrunk(page.shown, small))
        color = tiles.colored(lambda pixels: self.network(pixels)["pixels"], guide)  # [h, w, 3]
        if self.locked:
            values = locking.chroma(color)
            values = tf.cond(same, lambda: values,
                             lambda: locking.enlarge(values, guide, page.shown))
            picture = locking.join(page.luminance, values, page.most)
        else:
            picture = tf.cast(color, tf.float32) * tf.cast(page.most // 255, tf.float32)
        picture = tf.concat([tf.cast(picture, tf.int32), page.alpha], axis=-1)
        return tf.cond(page.most == 255, lambda: tf.io.encode_png(tf.cast(picture, tf.uint8)),
                       lambda: tf.io.encode_png(tf.cast(picture, tf.uint16)))

    def _learned(self, height, width):
        """The size at which a page looks as large as what was learned, as `Model.scale_for`."""
        if self.size is None:
            return height, width
        high, wide = (tf.cast(length, tf.float64) for length in (height, width))
        to_width = self.size[1] / wide
        tall = high >= PAGE_HEIGHT * wide * self.size[0] / self.size[1]
        to_cover = tf.where(tall, to_width, tf.maximum(to_width, self.size[0] / high))
        scale = tf.minimum(tf.constant(1.0, tf.float64), to_cover)
        return [tf.maximum(1, tf.cast(tf.round(length * scale), tf.int32))
                for length in (high, wide)]


def _shrunk(picture, size):
    """uint8 [h, w] at a smaller size, each pixel the mean of those that it covers."""
    mean = tf.image.resize(picture[..., tf.newaxis], size, method="area")[..., 0]
    return tf.cast(tf.round(mean), tf.uint8)
