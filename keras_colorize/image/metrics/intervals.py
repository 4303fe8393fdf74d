"""Bootstrap confidence intervals of means over pictures that come in groups."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from scipy import stats

RESAMPLES = 2000
LEVEL = 0.95
FEWEST = 5
"""Groups that an interval needs: of four, resampling still covers too little at any tail."""


class Resampling:
    """The same resamples of groups, such as shots or pages, for every figure of some pictures.

    Pictures of one shot are nearly one picture: to resample them one by one would make intervals
    several times too narrow. Plain percentiles are too narrow too where groups are few, so the
    tails are those at which the interval of a mean is as wide as Student's: the expanded percentile
    interval of Hesterberg 2015 ("What teachers should know about the bootstrap", section 5.2).

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
        """The 95 % interval of the mean of a figure over the pictures.

        Args:
            values: float [n], NaN where a picture has none.
            divisors: float [n], where the figure is the mean of `values` over the mean of these.

        Returns:
            Its low and high end; None where fewer than `FEWEST` groups have values.
        """
        means = self.resampled(values)
        if divisors is not None:
            means = means / np.maximum(self.resampled(divisors), 1e-9)
        return self.ends(means, self._known_groups(values))

    def interval_of(self, statistic: Callable[[np.ndarray], float]) -> list[float] | None:
        """The 95 % interval of any figure of the pictures, as `interval`.

        Args:
            statistic: takes the numbers of the pictures of a resample, int [m].
        """
        pictures = [np.flatnonzero(self._group == group) for group in range(self.groups)]
        return self.ends(np.array([
            statistic(np.concatenate([np.tile(own, times) for own, times
                                      in zip(pictures, resample, strict=True)]))
            for resample in self._times]), self.groups)

    def ends(self, resampled: np.ndarray, groups: int | None = None) -> list[float] | None:
        """The ends of the interval of a figure that was computed for each resample.

        Args:
            resampled: float [`RESAMPLES`], NaN where a resample has none.
            groups: how many groups have values; all, if it is not said.
        """
        count = self.groups if groups is None else groups
        if count < FEWEST:
            return None
        spread = np.sqrt(count / (count - 1)) * stats.t.ppf((1 + LEVEL) / 2, count - 1)
        tail = stats.norm.cdf(-spread)
        return [float(end) for end in np.nanquantile(resampled, [tail, 1 - tail])]

    def resampled(self, values: np.ndarray) -> np.ndarray:
        """The mean in each resample, float64 [`RESAMPLES`].

        NaN where a resample has only groups without values.
        """
        known = ~np.isnan(values)
        counts = np.bincount(self._group[known], minlength=self.groups)
        sums = np.bincount(self._group[known], values[known], minlength=self.groups)
        with np.errstate(invalid="ignore"):
            return (self._times @ sums) / (self._times @ counts)

    def group_sums(self, values: np.ndarray) -> np.ndarray:
        """The sum over each group's pictures, float64 [groups], of those that have a value."""
        return np.bincount(self._group, np.nan_to_num(values), minlength=self.groups)

    def _known_groups(self, values: np.ndarray) -> int:
        return len(np.unique(self._group[~np.isnan(values)]))
