"""The examples that are measured: those of a split, as they are or printed as manga is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from keras_colorize.data.dataset import Dataset, Place
from keras_colorize.image import screentone


@dataclass(frozen=True)
class Examples:
    """The examples of a split, numbered from 0 on in the order of the dataset."""

    data: Dataset
    split: str
    """The name of a split, or "all" for each in turn."""
    screentone: bool = False
    """Whether gray conditions are redrawn by `screentone.draw`, each in the same way always."""

    def __len__(self) -> int:
        return sum(self.data.manifest.counts[split] for split in self._splits)

    @property
    def condition(self) -> str:
        """Which picture the conditions are: "gray" or "edge"."""
        return self.data.condition

    def places(self) -> list[Place]:
        """Where they come from."""
        return [place for split in self._splits for place in self.data.places(split)]

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Their numbers, uint8 conditions [n, h, w, 1] and truths [n, h, w, 3]."""
        start = 0
        for split in self._splits:
            for condition, truth in self.data.pictures(split).as_numpy_iterator():
                numbers = np.arange(start, start + len(truth))
                start += len(truth)
                if self.screentone and self.condition == "gray":
                    condition = _printed(condition, numbers)
                yield numbers, condition, truth

    def chosen(self, numbers: Iterable[int]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Some of them by number: uint8 condition [h, w, 1] and truth [h, w, 3]."""
        wanted, found = set(numbers), {}
        for indices, condition, truth in self.batches():
            for row, index in enumerate(indices.tolist()):
                if index in wanted:
                    found[index] = condition[row], truth[row]
        return found

    @property
    def _splits(self) -> list[str]:
        return list(self.data.manifest.counts) if self.split == "all" else [self.split]


def _printed(conditions: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.stack([screentone.draw(condition[..., 0], np.random.default_rng(number))
                     for condition, number in zip(conditions, numbers, strict=True)])[..., None]
