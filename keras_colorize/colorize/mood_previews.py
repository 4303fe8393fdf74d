"""Small pictures of a page in each mood that its model knows, to choose one by eye."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import tensorflow as tf

from keras_colorize import media
from keras_colorize.colorize.predictor import Model, Models
from keras_colorize.image import moods, pixels

LONGEST = 200  # pixels of the longer side


@dataclass(frozen=True)
class Preview:
    """A small copy of a page, and what the network makes of it."""

    luminance: np.ndarray
    """uint8 [h, w]."""
    pictures: list[np.ndarray]
    """The network's own pictures, uint8 RGB [h, w, 3]: one without a mood, then one for each there
    is, in their order."""


def paint(file: bytes, where: object, models: Models, kind: str) -> Preview:
    """Colours a small copy of a page without a mood and in each, in one batch.

    Args:
        file: of the page.
        where: its name, for errors.
        kind: what the page was judged to be, one of `page_kind.KINDS`.

    Raises:
        SourceError: the page cannot be read.
    """
    model = models.choose(kind)
    saturation = None if model.saturation is None else float(model.owner.saturation)
    key = ("preview", sha256(file).digest(), kind, saturation)
    known = models.memory.find(key)
    if known is None:
        page = pixels.eight_bits(media.read_stored_picture(file, where).shown)
        while max(page.shape[:2]) > 4 * LONGEST:
            page = pixels.halved(page)
        luminance = pixels.shrunk(pixels.gray(page), LONGEST)
        known = Preview(luminance, _painted(model, luminance))
        models.memory.keep(key, known, luminance.size)
    return known


def _painted(model: Model, luminance: np.ndarray) -> list[np.ndarray]:
    if not model.mood_count:
        return [model.colorize(luminance)]
    untold = np.zeros((*luminance.shape, 4), np.uint8)
    told = [moods.tell(np.float32(mood), luminance) for mood in model.moods]
    batch = np.stack([np.dstack([luminance, strokes]) for strokes in (untold, *told)])
    return list(model.network_guided(pixels=tf.constant(batch))["pixels"].numpy())
