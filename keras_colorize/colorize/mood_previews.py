"""Small pictures of a page in each mood that its model knows, to choose one by eye."""

import numpy as np
import tensorflow as tf

from keras_colorize import media
from keras_colorize.colorize.predictor import Models
from keras_colorize.image import moods, pixels

LONGEST = 200  # pixels of the longer side


def preview(file: bytes, where: object, models: Models, kind: str) -> list[np.ndarray]:
    """Colours a small copy of a page without a mood and in each, in one batch.

    Args:
        file: of the page.
        where: its name, for errors.
        kind: what the page was judged to be, one of `page_kind.KINDS`.

    Returns:
        The network's own pictures, uint8 RGB [h, w, 3]: one without a mood, then one for each, in
        their order. None at all where the model of such pages knows no moods.

    Raises:
        SourceError: the page cannot be read.
    """
    model = models.choose(kind)
    if kind == "color" or not model.mood_count:
        return []
    page = pixels.eight_bits(media.read_stored_picture(file, where).shown)
    while max(page.shape[:2]) > 4 * LONGEST:
        page = pixels.halved(page)
    luminance = pixels.shrunk(pixels.gray(page), LONGEST)
    untold = np.zeros((*luminance.shape, 4), np.uint8)
    told = [moods.tell(np.float32(mood), luminance) for mood in model.moods]
    batch = np.stack([np.dstack([luminance, strokes]) for strokes in (untold, *told)])
    return list(model.network_guided(pixels=tf.constant(batch))["pixels"].numpy())
