"""Bootstrap confidence intervals of means over pictures that come in groups."""

from collections.abc import Hashable, Sequence

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95


class Resampling:
    """The same resamples of groups, such as shots or pages, for every figure of some pictures.

    Pictures of one shot are nearly one picture: to resample them one by one would make intervals
    several times too narrow.

    Args:
        groups: for each picture the group that it belongs to.
        seed: decides the resamples.
    """

    def __init__(self, groups: Sequence[Hashable], seed: int = 0):
        names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
        self._group = np.array([names[name] for name in groups])
        self.groups = len(names)
        generator = np.random.default_rng(seed)
        shares = np.full(self.groups, 1 / max(1, self.groups))
        self._times = generator.multinomial(self.groups, shares, RESAMPLES)  # [resamples, groups]

    def interval(self, values: np.ndarray, divisors: np.ndarray | None = None,
                 ) -> list[float] | None:
        """The 95 % interval, by percentiles, of the mean of a figure over the pictures.

        Args:
            values: float [n], NaN where a picture has none.
            divisors: float [n], where the figure is the mean of `values` over the mean of these.

        Returns:
            Its low and high end; None where fewer than two groups have values.
        """
        means = self.resampled(values)
        if means is None:
            return None
        if divisors is not None:
            means = means / np.maximum(self.resampled(divisors), 1e-9)
        tails = (1 - LEVEL) / 2
        return [float(end) for end in np.nanquantile(means, [tails, 1 - tails])]

    def resampled(self, values: np.ndarray) -> np.ndarray | None:
        """The mean in each resample, float64 [`RESAMPLES`]; None as in `interval`.

        NaN where a resample has only groups without values.
        """
        known = ~np.isnan(values)
        counts = np.bincount(self._group[known], minlength=self.groups)
        if np.count_nonzero(counts) < 2:
            return None
        sums = np.bincount(self._group[known], values[known], minlength=self.groups)
        with np.errstate(invalid="ignore"):
            return (self._times @ sums) / (self._times @ counts)

    def group_sums(self, values: np.ndarray) -> np.ndarray:
        """The sum over each group's pictures, float64 [groups], of a figure that all have."""
        return np.bincount(self._group, values, minlength=self.groups)
