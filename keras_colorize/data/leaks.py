"""How many test frames have a near-duplicate among the training frames."""

import cv2
import numpy as np
from scipy.spatial import distance
from tqdm import tqdm

from keras_colorize.image.pixels import THUMBNAIL

NEAR_DUPLICATE = 3.0  # below it, a pair is the same picture but for a small movement
CHUNK = 128  # test frames compared at once: at the paper's size 23 MB of distances
MEASURE = ("share of test frames with a training frame less than {threshold:g} away, by the root "
           "mean square CIELAB difference (Delta E 1976) of their {height}x{width} area means")


def distances(test: np.ndarray, train: np.ndarray) -> np.ndarray:
    """How far each test frame is from the training frame most like it.

    Args:
        test, train: thumbnails, uint8 RGB [n, 9, 16, 3] and [m, 9, 16, 3]; either may be empty.

    Returns:
        float64 [n], in units of Delta E 1976: the root mean square CIELAB difference over the
        thumbnail's pixels; infinite where there is no training frame.
    """
    test, train = _flat_lab(test), _flat_lab(train)
    nearest = np.full(len(test), np.inf)
    starts = range(0, len(test) if len(train) else 0, CHUNK)
    for start in tqdm(starts, "looking for leaks", unit="chunk", delay=2):
        pairs = distance.cdist(test[start:start + CHUNK], train)  # [chunk, m]
        nearest[start:start + CHUNK] = pairs.min(axis=1)
    return nearest / np.sqrt(np.prod(THUMBNAIL))


def figure(test: np.ndarray, train: np.ndarray) -> dict[str, object]:
    """The leak of a split, for reports; thumbnails as in `distances`.

    Returns:
        `share` of test frames with a near-duplicate, 0..1 to four digits (0 where there is no test
        frame), `near_duplicates` and `test` as counts, the `measure` in words, and its `threshold`.
    """
    near_duplicates = int(np.sum(distances(test, train) < NEAR_DUPLICATE))
    measure = MEASURE.format(threshold=NEAR_DUPLICATE, height=THUMBNAIL[0], width=THUMBNAIL[1])
    return {"share": round(near_duplicates / max(1, len(test)), 4),
            "near_duplicates": near_duplicates, "test": len(test), "measure": measure,
            "threshold": NEAR_DUPLICATE}


def _flat_lab(thumbnails: np.ndarray) -> np.ndarray:
    if not len(thumbnails):
        return np.empty((0, 3 * THUMBNAIL[0] * THUMBNAIL[1]))
    row = np.float32(thumbnails).reshape(1, -1, 3) / 255  # OpenCV wants one picture
    return np.float64(cv2.cvtColor(row, cv2.COLOR_RGB2Lab)).reshape(len(thumbnails), -1)
