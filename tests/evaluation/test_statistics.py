"""Claims about intervals of means, and about the tests that compare groups of runs."""

import numpy as np
import pytest

from keras_colorize.data.dataset import Place
from keras_colorize.evaluation import hint_curve, statistics, study, tables
from keras_colorize.evaluation.measure import FIGURES, TRUE_COLOURFULNESS, Candidate
from keras_colorize.evaluation.statistics import Group, Resampling

SHOTS = 30


def group(label, model, level, seeds=(0, 1, 2), noise=1.0, chance=0):
    """Runs whose pictures err by `level` plus what is common to all groups of that chance."""
    generator = np.random.default_rng([chance, len(label)])
    where = [Place("film", number // 4, number, 0.0) for number in range(4 * SHOTS)]
    hard = np.random.default_rng(chance).normal(20, 5, len(where))
    runs = {}
    for seed in seeds:
        errors = hard + level + generator.normal(0, noise, len(where)) + generator.normal(0, 0.1)
        runs[f"{label}{seed}"] = dict.fromkeys((*FIGURES, TRUE_COLOURFULNESS), errors)
    mean = {name: np.mean([each[name] for each in runs.values()], axis=0)
            for name in (*FIGURES, TRUE_COLOURFULNESS)}
    return Group(label, model, "gray", {seed: f"{label}{seed}" for seed in seeds}, mean, runs,
                 where)


def test_a_clear_difference_is_found_and_signed():
    one, other = group("convnet", "convnet", 3), group("gan", "gan", 0)
    result = statistics.compare([one, other])
    assert [each["figure"] for each in result] == list(statistics.COMPARED)
    first = result[0]
    assert (first["one"], first["other"], first["lower"]) == ("gan", "convnet", "gan")
    assert first["difference"] == pytest.approx(-3, abs=0.3)
    for over, count in (("shots", SHOTS), ("seeds", 3)):
        low, high = first[over]["interval"]
        assert first[over]["n"] == count and first[over]["p"] < 0.05
        assert low < first["difference"] < high < 0


def test_a_model_that_is_told_pixels_stands_beside_scribbles_of_the_same_pixels():
    errors = group("told", "convnet", 0)
    levels = errors.values["l1"]
    rows = [tables.row(Candidate("told", "convnet", "gray", None, points), errors.values,
                       errors.where, levels + 5, rival)
            for points, rival in ((None, None), (5, levels + np.repeat([1, 3], len(levels) // 2)))]
    assert "l1_less_scribbles" not in rows[0]
    low, high = rows[1]["l1_less_scribbles_ci"]
    assert rows[1]["l1_less_scribbles"] == pytest.approx(-2)
    assert -3 < low < -2.1 and -1.9 < high < -1
    written = tables.markdown(rows).split("less that of scribbles")[1]
    assert "5 points" in written and written.count("| gray |") == 1


def test_equal_models_are_called_different_seldom(monkeypatch):
    monkeypatch.setattr(statistics, "COMPARED", ("l1",))
    called = sum(statistics.compare([group("convnet", "convnet", 0, chance=chance),
                                     group("gan", "gan", 0, chance=chance)])[0]["lower"] is not None
                 for chance in range(30))
    assert called <= 3


def test_tests_that_point_in_opposite_ways_decide_nothing():
    one, other = group("gan", "gan", 0), group("convnet", "convnet", 3)
    stray = group("convnet", "convnet", -20, (3,))
    both = {**other.runs, **stray.runs}
    mean = {name: np.mean([each[name] for each in both.values()], axis=0) for name in other.values}
    other = Group("convnet", "convnet", "gray", {**other.seeds, **stray.seeds}, mean, both,
                  other.where)
    result = statistics.compare([one, other])[0]
    assert result["difference"] > 0 > result["seeds"]["difference"]
    assert max(result["shots"]["p"], result["seeds"]["p"]) < 0.05 and result["lower"] is None


def test_one_seed_decides_nothing():
    alone = [group(name, name, level, (0,)) for name, level in (("convnet", 3), ("gan", 0))]
    result = statistics.compare(alone)
    assert result[0]["lower"] is None and result[0]["seeds"]["p"] is None
    assert result[0]["shots"]["p"] < 0.05


def test_a_model_is_compared_with_the_baselines_of_its_input():
    model = group("gan", "gan", -3)
    hard = np.random.default_rng(0).normal(20, 5, 4 * SHOTS)
    values = dict.fromkeys((*FIGURES, TRUE_COLOURFULNESS), hard)
    returned = Group("input", "input", "gray", {}, values, {}, model.where)
    result = statistics.compare([returned, model])
    assert [each["figure"] for each in result] == list(statistics.DISTANCES)
    assert all((each["one"], each["other"], each["lower"]) == ("gan", "input", "gan")
               for each in result)
    assert result[0]["seeds"]["n"] == 3 and result[0]["seeds"]["difference"] == \
        pytest.approx(result[0]["difference"])
    row = next(each for each in study.rows([returned, model]) if each["model"] == "gan")
    assert row["l1_of_input"] == pytest.approx(row["l1"] / hard.mean())
    assert row["l1_of_input_ci"][0] < row["l1_of_input"] < row["l1_of_input_ci"][1] < 1


def test_pictures_without_a_value_are_left_out_and_equal_seeds_decide_nothing():
    one, other = group("gan", "gan", 0), group("convnet", "convnet", 3)
    for values in (one.values, other.values, *one.runs.values(), *other.runs.values()):
        values["edge_bleed"] = values["edge_bleed"].copy()
        values["edge_bleed"][:9] = np.nan
    result = {each["figure"]: each for each in statistics.compare([one, other])}
    assert result["edge_bleed"]["lower"] == "gan"
    same = Group("convnet", "convnet", "gray", one.seeds, one.values, one.runs, one.where)
    assert statistics.compare([one, same])[0]["seeds"]["p"] is None


def test_the_interval_of_a_crossing_may_end_beyond_every_count():
    resampling = Resampling(range(10))
    count = len(resampling.resample(np.arange(10.0)))
    crossed = [0.0] * (count // 10) + [5.0] * (count // 2)
    assert hint_curve._ends(resampling, crossed + [None] * (count - len(crossed))) == [0.0, None]
    assert hint_curve._ends(resampling, [7.0] * count) == [7.0, 7.0]


def test_the_hints_that_equal_a_model_are_read_off_the_curve():
    counts, means = [1, 10, 100], [30.0, 20.0, 10.0]
    assert hint_curve.crossing(counts, means, 15) == pytest.approx(np.sqrt(1000))
    assert hint_curve.crossing(counts, means, 20) == pytest.approx(10)
    assert hint_curve.crossing(counts, means, 31) == 0
    assert hint_curve.crossing(counts, means, 9) is None


def test_intervals_resample_groups_and_cover_the_true_mean():
    generator = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 10)
    covered = 0
    for seed in range(100):
        values = np.repeat(generator.normal(5, 1, 40), 10)
        low, high = Resampling(groups.tolist(), seed).interval(values)
        covered += low <= 5 <= high
    assert 88 <= covered <= 99
    low, high = Resampling(range(400)).interval(values)
    grouped = Resampling(groups.tolist()).interval(values)
    assert (grouped[1] - grouped[0]) / (high - low) == pytest.approx(np.sqrt(10), rel=0.15)


@pytest.mark.parametrize(("groups", "least"), ((5, 176), (8, 184), (21, 184)))
def test_intervals_of_few_groups_cover_the_true_mean_too(groups, least):
    """Plain percentiles cover it 171, 181 and 189 times of these 200."""
    generator = np.random.default_rng(2)
    covered = sum(low <= 5 <= high for low, high in (
        Resampling(range(groups), seed).interval(generator.normal(5, 1, groups))
        for seed in range(200)))
    assert least <= covered <= 198


def test_an_interval_needs_five_groups_and_passes_over_pictures_without_a_value():
    values = np.array([1, 2, np.nan, 3, 2, 1, 3])
    assert Resampling("aaaaaaa").interval(values) is None
    assert Resampling("abbcdde").interval(values) is not None
    assert Resampling("abbcddd").interval(values) is None
    assert Resampling("abecddd").interval(values) is None
    low, high = Resampling("abbcdef").interval(values)
    assert 1 <= low < 2 < high <= 3
    assert Resampling("abcde").interval(np.ones(5) * 3, np.ones(5) * 2) == [1.5, 1.5]
    assert Resampling("abba").group_sums(np.array([0, 1, np.nan, 3])).tolist() == [3, 1]


def test_the_interval_of_any_figure_is_that_of_the_mean_where_it_is_the_mean():
    values, resampling = np.random.default_rng(3).normal(0, 1, 30), Resampling([*range(10)] * 3)
    assert resampling.interval_of(lambda numbers: values[numbers].mean()) == \
        pytest.approx(resampling.interval(values))
