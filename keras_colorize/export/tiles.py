"""A large picture through a network in overlapping tiles, as TensorFlow operations."""

import tensorflow as tf

TILE = 1024  # pixels of a side; a multiple of what the U-Net halves six times, as is the step
OVERLAP = 256
WHOLE = 1536 * 1024  # pixels that are worked on at once


def colored(network, condition):
    """The network's picture of a condition, without seams where it is large.

    Args:
        network: from uint8 [1, h, w, 1] to uint8 [1, h, w, 3].
        condition: uint8 [h, w].

    Returns:
        uint8 RGB [h, w, 3].
    """
    return tf.cond(tf.size(condition) <= WHOLE,
                   lambda: network(condition[tf.newaxis, ..., tf.newaxis])[0],
                   lambda: _tiled(network, condition))


def _tiled(network, condition):
    height, width = tf.unstack(tf.shape(condition))
    tops, lefts = tf.meshgrid(_steps(height), _steps(width), indexing="ij")
    total, weight = tf.zeros([height, width, 3]), tf.zeros([height, width, 1])
    for place in tf.stack([tf.reshape(tops, [-1]), tf.reshape(lefts, [-1])], axis=-1):
        tf.autograph.experimental.set_loop_options(shape_invariants=[
            (total, tf.TensorShape([None, None, 3])), (weight, tf.TensorShape([None, None, 1]))])
        tile = condition[place[0]:place[0] + TILE, place[1]:place[1] + TILE]
        size = tf.shape(tile)
        picture = tf.cast(network(tile[tf.newaxis, ..., tf.newaxis])[0], tf.float32)
        share = (_ramp(size[0])[:, tf.newaxis] * _ramp(size[1]))[..., tf.newaxis]
        beyond = tf.stack([height, width]) - place - size
        around = tf.concat([tf.stack([place, beyond], axis=-1), [[0, 0]]], axis=0)  # [3, 2]
        total += tf.ensure_shape(tf.pad(share * picture, around), [None, None, 3])
        weight += tf.ensure_shape(tf.pad(share, around), [None, None, 1])
    return tf.cast(tf.round(total / weight), tf.uint8)


def _steps(length):
    """Where tiles begin along one axis: a whole number of steps, so that all see one grid."""
    return tf.range(0, tf.maximum(1, length - OVERLAP), TILE - OVERLAP)


def _ramp(length):
    """How much each place along one side of a tile counts: little at its ends, [length]."""
    place = tf.range(length)
    from_end = tf.minimum(place, length - 1 - place) + 1
    return tf.minimum(1.0, tf.cast(from_end, tf.float32) / OVERLAP)
