"""Small pictures of a page in each mood that its model knows, to choose one by eye."""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import tensorflow as tf

from keras_colorize.colorize import printed_page
from keras_colorize.colorize.page import KnownPage
from keras_colorize.colorize.predictor import Model, Models
from keras_colorize.image import flat_color, moods, pixels

LONGEST = 200  # pixels of the longer side


@dataclass(frozen=True)
class Preview:
    """A small copy of a page, and what becomes of it."""

    luminance: np.ndarray
    """uint8 [h, w]."""
    pictures: list[np.ndarray]
    """uint8 RGB [h, w, 3]: one without a mood, then one for each there is, in their order. Of a
    gray page they are the network's own."""


def paint(file: bytes, known: KnownPage, models: Models) -> Preview:
    """Colours a small copy of a page without a mood and in each.

    Args:
        file: of the page.
        known: what is known of it; not of a page in colour.
    """
    if known.printed is not None:
        return _of_printed(known, models.pages.moods)
    model = known.view.model
    saturation = None if model.saturation is None else float(model.owner.saturation)
    key = ("preview", sha256(file).digest(), known.route.kind, saturation)
    preview = models.memory.find(key)
    if preview is None:
        luminance = _small(known)
        preview = Preview(luminance, _guided(model, luminance))
        models.memory.keep(key, preview, luminance.size)
    return preview


def _small(known: KnownPage) -> np.ndarray:
    """The luminance of a page without tint, small, uint8 [h, w]."""
    return pixels.shrunk(pixels.gray(known.plain.shown), LONGEST)


def _guided(model: Model, luminance: np.ndarray) -> list[np.ndarray]:
    """The pictures of a gray page, by its network, in one batch."""
    if not model.mood_count:
        return [model.colorize(luminance)]
    untold = np.zeros((*luminance.shape, 4), np.uint8)
    told = [moods.tell(np.float32(mood), luminance) for mood in model.moods]
    batch = np.stack([np.dstack([luminance, strokes]) for strokes in (untold, *told)])
    return list(model.network_guided(pixels=tf.constant(batch))["pixels"].numpy())


def _of_printed(known: KnownPage, every: list) -> Preview:
    """The preview of a printed page, by its regions."""
    luminance, labels = _small(known), known.printed.regions.page_labels
    rows, columns = (np.arange(small) * whole // small
                     for small, whole in zip(luminance.shape, labels.shape, strict=True))
    small = replace(known.printed.regions, page_labels=labels[np.ix_(rows, columns)])
    pages = [known.printed, *(printed_page.in_mood(known.printed, np.float32(mood))
                              for mood in every)]
    return Preview(luminance, [flat_color.paint(luminance, small, page.votes) for page in pages])
