"""Small pictures of a page in each mood that its model knows, to choose one by eye."""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import tensorflow as tf

from keras_colorize.colorize.page import read_page
from keras_colorize.colorize.predictor import Model, Models, Settings
from keras_colorize.colorize.printed_page import PrintedPage, in_mood
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


def paint(file: bytes, where: object, models: Models, settings: Settings) -> Preview | None:
    """Colours a small copy of a page without a mood and in each; None of a page in colour.

    The paper of a printed page is white here, and its dots are kept.

    Args:
        file: of the page.
        where: its name, for errors.
        settings: that the page is coloured with.

    Raises:
        SourceError: the page cannot be read.
    """
    saturation = models.pages.saturation and float(models.pages.owner.saturation)
    key = ("preview", sha256(file).digest(), settings.treat_as, settings.lock, settings.scale,
           saturation)
    preview = models.memory.find(key)
    if preview is None:
        known = read_page(file, where, models, settings)
        if known.view is None:
            return None
        luminance = pixels.shrunk(pixels.gray(known.plain.shown), LONGEST)
        every = [np.float32(mood) for mood in models.pages.moods]
        pictures = _guided(known.view.model, luminance, every) if known.printed is None else \
            _printed(known.printed, luminance, every)
        preview = Preview(luminance, pictures)
        models.memory.keep(key, preview, luminance.size)
    return preview


def _guided(model: Model, luminance: np.ndarray, every: list[np.ndarray]) -> list[np.ndarray]:
    """The pictures of a gray page, by its network, in one batch; one, if it takes no mood."""
    if not (every and model.network_guided):
        return [model.colorize(luminance)]
    untold = np.zeros((*luminance.shape, 4), np.uint8)
    told = [moods.tell(moods.paint(mood, luminance), luminance) for mood in every]
    batch = np.stack([np.dstack([luminance, strokes]) for strokes in (untold, *told)])
    return list(model.network_guided(pixels=tf.constant(batch))["pixels"].numpy())


def _printed(page: PrintedPage, luminance: np.ndarray, every: list[np.ndarray],
             ) -> list[np.ndarray]:
    """The pictures of a printed page, by its regions."""
    labels = page.regions.page_labels
    rows, columns = ((2 * np.arange(small) + 1) * whole // (2 * small)
                     for small, whole in zip(luminance.shape, labels.shape, strict=True))
    small = replace(page.regions, page_labels=labels[np.ix_(rows, columns)])
    pages = [page, *(in_mood(page, mood) for mood in every)]
    return [flat_color.paint(luminance, small, each.votes) for each in pages]
