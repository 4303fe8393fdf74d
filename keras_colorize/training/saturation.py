"""How saturated a trained network paints: chosen on validation pictures after every epoch."""

from collections.abc import Iterable

import keras
import numpy as np

from keras_colorize.image import metrics, pixels
from keras_colorize.image.figures import evenly
from keras_colorize.models import saturation_of

JUDGED = 128  # validation pictures, about: on 32 the choice was off by a tenth
MEASURED = 48  # of these, by which epochs are compared
MOST = 3.0  # times the chroma that a network gives; a network of the first epochs may want more
HALVINGS = 7  # of the range in which the saturation is sought, which leave 0.016 of it
LOWERINGS = 5  # halvings of the range down to 1, where so vivid pictures are worse than gray ones


class Saturation:
    """The rule by which a generator gets its saturation.

    Low errors make pale pictures: where a network cannot know a colour, the middle of all that it
    may be is the safest. Multiplied by one number, its chroma is as vivid as wanted, at the cost of
    some error. The cost has an end: where pictures would be farther from the truth than gray ones,
    they become paler, but never paler than the network learned to paint.

    Args:
        share: of the truth's colourfulness that pictures are to have; 0 leaves a generator alone.
        validation: batches of float32 conditions [n, h, w, 1 or 4] and colours [n, h, w, 3] in
            [-1, 1]; some of the pictures, evenly spaced, are kept to judge by.
    """

    def __init__(self, share: float, validation: Iterable):
        self.share, self.pictures, self.measured = share, [], []
        if not share:
            return
        every, first = 1, 0
        for number, (condition, color) in enumerate(validation):
            if number == 0 and hasattr(validation, "__len__"):
                every = max(1, len(validation) * len(color) // JUDGED)
            self.pictures += [(np.asarray(condition[row]), pixels.to_uint8(np.asarray(color[row])))
                              for row in range(-first % every, len(color), every)]
            first += len(color)
        if not self.pictures:
            return
        self.measured = [self.pictures[number] for number in evenly(len(self.pictures), MEASURED)]
        self.gray = _ciede2000(self.measured, [
            np.repeat(pixels.to_uint8(condition[..., :1]), 3, axis=2)
            for condition, _ in self.measured])

    def finish(self, generator: keras.Model) -> float | None:
        """Sets the saturation of a generator, which is 1, to one from 1 to `MOST`.

        Returns:
            The mean CIEDE2000 of its pictures, as vivid as wanted; None for a share of 0. Epochs
            are compared by it, so that none is better by being paler. Only where it is farther than
            that of gray pictures the saturation is lowered, and then the pictures are paler.
        """
        if not self.pictures:
            return None
        low, high = 1.0, self._vivid(generator)
        distance = self._distance(generator, high)
        if distance > self.gray:
            for _ in range(LOWERINGS):
                middle = (low + high) / 2
                is_near = self._distance(generator, middle) <= self.gray
                low, high = (middle, high) if is_near else (low, middle)
            saturation_of(generator).assign(low)
        return distance

    def _distance(self, generator: keras.Model, saturation: float) -> float:
        """Measures the mean CIEDE2000 of what a generator paints at a saturation, and sets it."""
        saturation_of(generator).assign(saturation)
        return _ciede2000(self.measured, [_paint(generator, condition)
                                          for condition, _ in self.measured])

    def _vivid(self, generator: keras.Model) -> float:
        """Finds the saturation of the share of colourfulness that is wanted, from 1 to `MOST`."""
        painted, luminances = [], []
        for condition, _ in self.pictures:
            painted.append(pixels.chroma(_paint(generator, condition)))
            luminances.append(pixels.to_uint8(condition[..., 0]))
        wanted = self.share * metrics.colourfulness(
            np.stack([color for _, color in self.pictures])).mean()
        return metrics.vivid_gain(luminances, painted, wanted, (1.0, MOST), HALVINGS)


def _paint(generator: keras.Model, condition: np.ndarray) -> np.ndarray:
    picture = generator(condition[np.newaxis], training=False)
    return pixels.to_uint8(keras.ops.convert_to_numpy(picture)[0])


def _ciede2000(pictures: list[tuple[np.ndarray, np.ndarray]], painted: list[np.ndarray]) -> float:
    return float(metrics.ciede2000(np.stack(painted),
                                   np.stack([color for _, color in pictures])).mean())
