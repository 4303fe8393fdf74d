"""Line lock as TensorFlow operations: the maths of `line_lock`, inside a graph."""

import tensorflow as tf

from keras_colorize.image.line_lock import SAME_SURFACE
from keras_colorize.image.pixels import BLUE, GREEN, LUMINANCE_UNIT, LUMINANCE_WEIGHTS, RED


def luminance_of(rgb):
    """OpenCV's RGB2GRAY of int32 [..., 3], of 8 or 16 bits, as int32 [...]."""
    total = tf.reduce_sum(rgb * LUMINANCE_WEIGHTS, axis=-1)
    return (total + LUMINANCE_UNIT // 2) // LUMINANCE_UNIT


def chroma(picture):
    """Red and blue less the luminance: uint8 RGB [..., 3] to float32 [..., 2]."""
    picture = tf.cast(picture, tf.int32)
    level = luminance_of(picture)[..., tf.newaxis]
    return tf.cast(tf.stack([picture[..., 0], picture[..., 2]], axis=-1) - level, tf.float32)


def join(luminance, chroma, most):
    """A page's luminance with a chroma of its size, as `line_lock.join`.

    Args:
        luminance: int32 [...], 0 to `most`.
        chroma: float32 [..., 2] in units of 1/255.
        most: 255 or 65535.

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


def enlarge(values, guide, luminance):
    """Brings small values to a page's size without crossing its lines, as `line_lock.enlarge`.

    Args:
        values: float32 [h, w, n].
        guide: the luminance that the values are of, uint8 [h, w].
        luminance: of the page, uint8 [H, W].

    Returns:
        float32 [H, W, n].
    """
    large = tf.shape(luminance)
    rows, row_weights = _taps(tf.shape(guide)[0], large[0])
    columns, column_weights = _taps(tf.shape(guide)[1], large[1])
    layers = tf.concat([tf.cast(guide, tf.float32)[..., tf.newaxis], values], axis=-1)
    page = tf.cast(luminance, tf.float32)
    total = tf.zeros(large, tf.float32)
    summed = tf.zeros(tf.concat([large, tf.shape(values)[-1:]], 0), tf.float32)
    for down in range(2):
        for across in range(2):
            near = tf.gather(tf.gather(layers, rows[down]), columns[across], axis=1)
            unlike = (near[..., 0] - page) / SAME_SURFACE
            weight = (1 + unlike ** 2) ** -2 * column_weights[across]
            weight *= row_weights[down][:, tf.newaxis]
            total += weight
            summed += weight[..., tf.newaxis] * near[..., 1:]
    return summed / total[..., tf.newaxis]


def _taps(small, large):
    """As `line_lock._taps`: indices int32 [2, large], and weights float32 [2, large]."""
    place = (tf.range(large, dtype=tf.float64) + 0.5) * tf.cast(small, tf.float64) \
        / tf.cast(large, tf.float64) - 0.5
    first = tf.floor(place)
    indices = tf.clip_by_value(tf.cast(tf.stack([first, first + 1]), tf.int32), 0, small - 1)
    return indices, tf.cast(tf.stack([first + 1 - place, place - first]), tf.float32)
