"""A dataset's training pictures kept decoded in memory, and batches looked up there."""

import math
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_colorize.errors import DatasetError


def decode(stored: tf.data.Dataset, count: int, directory: Path) -> list[np.ndarray]:
    """All elements of a dataset of `count` tuples of pictures, an array for each part of them.

    Args:
        stored: uint8, of known shapes.
        directory: where they come from, for errors.

    Raises:
        DatasetError: they do not fit in memory.
    """
    shapes = [(count, *each.shape) for each in stored.element_spec]
    try:
        decoded = [np.empty(shape, np.uint8) for shape in shapes]
    except MemoryError as error:
        size = sum(math.prod(shape) for shape in shapes) / 1e9
        raise DatasetError(directory, f"needs {size:.1f} GB of memory to be kept decoded",
                           "set data.cache=false") from error
    elements = stored.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
    for row, pictures in enumerate(tqdm(elements, "decoding pictures", count, unit="picture",
                                        delay=2)):
        for kept, picture in zip(decoded, pictures, strict=True):
            kept[row] = picture
    return decoded


def look_up(decoded: list[np.ndarray], rows: tf.data.Dataset) -> tf.data.Dataset:
    """Batches of what `decode` keeps, for batches of row numbers, int64 [batch]."""
    def batch_of(numbers):
        stored = tf.numpy_function(lambda numbers: [kept[numbers] for kept in decoded], [numbers],
                                   [tf.uint8] * len(decoded), stateful=False)
        return tuple(tf.ensure_shape(each, (*numbers.shape, *kept.shape[1:]))
                     for each, kept in zip(stored, decoded, strict=True))

    return rows.map(batch_of, tf.data.AUTOTUNE)
