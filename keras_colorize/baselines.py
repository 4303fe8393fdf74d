"""What colouring is worth nothing: the answers that any trained model must beat."""

from collections.abc import Callable, Iterable

import numpy as np

Baseline = Callable[[np.ndarray], np.ndarray]


def return_input(condition: np.ndarray) -> np.ndarray:
    """The condition as it is: uint8 [n, h, w, 1] to [n, h, w, 3]."""
    return np.repeat(condition, 3, axis=-1)


def mean_colour(training: Iterable[tuple[np.ndarray, np.ndarray]], condition: str) -> Baseline:
    """The mean colour of the training set for each gray level; for edges, over all of it.

    Args:
        training: uint8 batches of conditions [n, h, w, 1] and colours [n, h, w, 3].
        condition: "gray" or "edge".

    Returns:
        A function from uint8 conditions [n, h, w, 1] to uint8 colours [n, h, w, 3]. A gray level
        that training does not show is interpolated between its neighbours.
    """
    counts, sums = np.zeros(256), np.zeros((256, 3))
    for levels, colors in training:
        level = levels.ravel() if condition == "gray" else np.zeros(levels.size, np.uint8)
        counts += np.bincount(level, minlength=256)
        for channel in range(3):
            sums[:, channel] += np.bincount(level, colors[..., channel].ravel(), minlength=256)
    seen = np.flatnonzero(counts)
    table = np.stack([np.interp(np.arange(256), seen, sums[seen, channel] / counts[seen])
                      for channel in range(3)], axis=1).round().astype(np.uint8)  # [256, 3]
    return lambda levels: table[levels[..., 0]]
