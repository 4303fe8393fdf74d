"""Statistics of figures: intervals of their means, groups of runs, and tests between two groups."""

import itertools
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import stats

from keras_colorize.config import Config
from keras_colorize.data.dataset import Place
from keras_colorize.evaluation.measure import KEPT, Measured, Values
from keras_colorize.training import run_directory

RESAMPLES = 2000
LEVEL = 0.95
FEWEST = 5
"""Groups that an interval needs: of four, resampling still covers too little at any tail."""

DISTANCES = ("l1", "l2", "ciede2000")
COMPARED = (*DISTANCES, "colourfulness", "histogram_overlap", "edge_bleed")
BASELINES = {"input": DISTANCES, "mean_colour": DISTANCES,
             "chroma_gain": (*DISTANCES, "histogram_overlap")}
"""What every trained group is compared with, and by which figures."""
SIGNIFICANT = 0.05
TEST = ("Two paired tests, both two-sided at 0.05. Over shots: the runs of a group are averaged "
        "for each picture, and the signs of the shots' summed differences are flipped at random (a "
        "permutation test): would other shots of the series agree? Over seeds: Student's paired t "
        "test of the mean figures of runs of one seed (of a baseline, which has no seeds, always "
        "the same): would other trainings agree? A difference counts as decided only where both "
        "say so. Not corrected for the number of comparisons.")


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
        """Returns the 95 % interval of the mean of a figure over the pictures.

        Args:
            values: float [n], NaN where a picture has none.
            divisors: float [n], where the figure is the mean of `values` over the mean of these.

        Returns:
            Its low and high end; None where fewer than `FEWEST` groups have values.
        """
        means = self.resample(values)
        if divisors is not None:
            means = means / np.maximum(self.resample(divisors), 1e-9)
        return self.ends(means, len(np.unique(self._group[~np.isnan(values)])))

    def means(self, figures: dict[str, np.ndarray]) -> dict[str, float | list[float] | None]:
        """Returns the mean of each figure, None where no picture has it, and `NAME_ci` as well.

        Figures are float [n], NaN where a picture has none.
        """
        means = {}
        for name, values in figures.items():
            known = values[~np.isnan(values)]
            means |= {name: float(known.mean()) if len(known) else None,
                      f"{name}_ci": self.interval(values)}
        return means

    def interval_of(self, statistic: Callable[[np.ndarray], float]) -> list[float] | None:
        """Returns the 95 % interval of any figure of the pictures, as `interval` does.

        `statistic` takes the numbers of the pictures of a resample, int [m].
        """
        if self.groups < FEWEST:
            return None
        pictures = [np.flatnonzero(self._group == group) for group in range(self.groups)]
        return self.ends(np.array([
            statistic(np.concatenate([np.tile(own, times) for own, times
                                      in zip(pictures, resample, strict=True)]))
            for resample in self._times]))

    def ends(self, resampled: np.ndarray, groups: int | None = None) -> list[float] | None:
        """Returns the ends of the interval of a figure that was computed for each resample.

        Args:
            resampled: float [`RESAMPLES`], NaN where a resample has none.
            groups: how many groups have values, all of them by default.
        """
        count = self.groups if groups is None else groups
        if count < FEWEST:
            return None
        spread = np.sqrt(count / (count - 1)) * stats.t.ppf((1 + LEVEL) / 2, count - 1)
        tail = stats.norm.cdf(-spread)
        return [float(end) for end in np.nanquantile(resampled, [tail, 1 - tail])]

    def resample(self, values: np.ndarray) -> np.ndarray:
        """Returns the mean in each resample, float64 [`RESAMPLES`], NaN where it has no values."""
        counts = np.bincount(self._group, ~np.isnan(values), minlength=self.groups)
        with np.errstate(invalid="ignore"):
            return (self._times @ self.group_sums(values)) / (self._times @ counts)

    def group_sums(self, values: np.ndarray) -> np.ndarray:
        """Sums each group's pictures that have a value, float64 [groups]."""
        return np.bincount(self._group, np.nan_to_num(values), minlength=self.groups)


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone, or a baseline, whose `seeds` are empty."""

    label: str
    model: str
    input: str
    seeds: dict[int, str]
    """The name of the run of each seed."""
    values: Values
    """Of each picture, the mean over the runs."""
    runs: dict[str, Values]
    where: list[Place]

    def means(self, figure: str, seeds: list[int]) -> list[float]:
        """Lists the mean of a figure over the pictures for each seed; a baseline has but one."""
        runs = [self.runs[self.seeds[seed]] if self.seeds else self.values for seed in seeds]
        return [float(np.nanmean(each[figure])) for each in runs]


def group_runs(run_dirs: dict[str, Path], pictures: Measured) -> list[Group]:
    """Groups runs that differ in their seed alone, after the baselines on the same input.

    Args:
        run_dirs: run directories by name.
        pictures: by input, model and run the figures of pictures, as `tables.read_pictures` reads.
    """
    configs = {name: run_directory.read_config(path) for name, path in run_dirs.items()}
    alike: dict[tuple, list[tuple[str, str, str]]] = {}
    for key in pictures:
        condition, model, run = key
        kind = (condition, *_kind(run_dirs[run], configs[run])) if run else (condition, model)
        while run and any(configs[run].train.seed == configs[other].train.seed
                          for _, _, other in alike.get(kind, [])):
            kind = (*kind, "again")  # a seed that is there already says nothing new of seeds
        alike.setdefault(kind, []).append(key)
    groups = []
    for keys in alike.values():
        condition, model, first = keys[0]
        runs = {run: pictures[condition, model, run][0] for _, _, run in keys}
        label = _label(keys)
        if label in [group.label for group in groups]:
            label = first or f"{model} ({condition})"
        mean = {name: np.mean([each[name] for each in runs.values()], axis=0) for name in KEPT}
        seeds = {configs[run].train.seed: run for run in runs if run}
        groups.append(Group(label, model, condition, seeds, mean, runs, pictures[keys[0]][1]))
    return groups


def _label(keys: list[tuple[str, str, str]]) -> str:
    """Names a group by what the names of its runs begin with alike, without the seed's number."""
    condition, model, first = keys[0]
    if len(keys) == 1:
        return first or model
    alike = os.path.commonprefix([run for _, _, run in keys])  # noqa: RUF071, of letters
    return alike.rstrip("_-0123456789") or f"{model}_{condition}"


def _kind(run_dir: Path, config: Config) -> tuple[Config, bool]:
    """Returns what runs of one group share: all settings but the seed, and a start from a run."""
    continues = run_directory.describe(run_dir).get("init_from") is not None
    return replace(config, train=replace(config.train, seed=0)), continues


def compare(groups: list[Group]) -> list[dict]:
    """Compares every two groups of trained runs on one input, or of one model, by each `COMPARED`.

    A GAN stands before a ConvNet, and gray input before edge. Then each group is compared with the
    `BASELINES` of its input.

    Returns:
        Of each comparison the labels `one` and `other`, their `models` and `inputs`, the `figure`;
        `difference`, one less the other;
        `shots` and `seeds`, each with `n`, `p` (None where there are less than two) and `interval`
        (None where there are too few);
        `lower`, the label of the group that is lower by both tests, or None.
    """
    trained = sorted((group for group in groups if group.seeds), reverse=True,
                     key=lambda group: (group.input, group.model))
    pairs = [(one, other, COMPARED) for one, other in itertools.combinations(trained, 2)
             if one.input == other.input or one.model == other.model]
    pairs += [(one, other, BASELINES[other.model]) for one in trained for other in groups
              if other.model in BASELINES and other.input == one.input]
    return [_compare(one, other, figure) for one, other, figures in pairs for figure in figures]


def _compare(one: Group, other: Group, figure: str) -> dict:
    differences = one.values[figure] - other.values[figure]
    resampling = Resampling([place[:2] for place in one.where])
    shots = {"n": resampling.groups, "p": None, "interval": resampling.interval(differences)}
    if resampling.groups > 1:
        shots["p"] = _flip_signs(resampling.group_sums(differences))
    seeds = _over_seeds(one, other, figure)
    tests = (shots["p"], seeds["p"])
    decided = None not in tests and max(tests) < SIGNIFICANT
    difference = float(np.nanmean(differences))
    same_way = seeds["difference"] is not None and seeds["difference"] * difference > 0
    lower = (one if difference < 0 else other).label if decided and same_way else None
    return {"one": one.label, "other": other.label, "models": [one.model, other.model],
            "inputs": [one.input, other.input], "figure": figure, "difference": difference,
            "shots": shots, "seeds": seeds, "lower": lower}


def _flip_signs(sums: np.ndarray) -> float:
    """Returns how probable so large a total is, were the sign of each sum random."""
    return float(stats.permutation_test((sums,), np.sum, permutation_type="samples",
                                        n_resamples=9999, rng=np.random.default_rng(0)).pvalue)


def _over_seeds(one: Group, other: Group, figure: str) -> dict:
    both = sorted(one.seeds.keys() & (other.seeds or one.seeds).keys())
    means = [group.means(figure, both) for group in (one, other)]
    result = {"n": len(both), "p": None, "interval": None, "difference": None}
    if both:
        result["difference"] = float(np.mean(means[0]) - np.mean(means[1]))
    if len(both) > 1 and np.ptp(np.subtract(*means)):  # a test needs differences that differ
        test = stats.ttest_rel(*means)
        interval = test.confidence_interval()
        result |= {"p": float(test.pvalue), "interval": [float(interval.low), float(interval.high)]}
    return result
