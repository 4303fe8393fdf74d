"""Claims about the study: its tests, its plots, its page."""

import numpy as np
import pytest

from keras_colorize.data.dataset import Place
from keras_colorize.evaluation import groups, hint_curve
from keras_colorize.evaluation.measuring import FIGURES, TRUE_COLOURFULNESS

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
    return groups.Group(label, model, "gray", {seed: f"{label}{seed}" for seed in seeds}, mean,
                        runs, where)


def test_a_clear_difference_is_found_and_signed():
    one, other = group("convnet", "convnet", 3), group("gan", "gan", 0)
    result = groups.comparisons([one, other])
    assert [each["figure"] for each in result] == list(groups.COMPARED)
    first = result[0]
    assert (first["one"], first["other"], first["lower"]) == ("gan", "convnet", "gan")
    assert first["difference"] == pytest.approx(-3, abs=0.3)
    for over, count in (("shots", SHOTS), ("seeds", 3)):
        low, high = first[over]["interval"]
        assert first[over]["n"] == count and first[over]["p"] < 0.05
        assert low < first["difference"] < high < 0


def test_equal_models_are_called_different_seldom():
    called = sum(groups.comparisons([group("convnet", "convnet", 0, chance=chance),
                                     group("gan", "gan", 0, chance=chance)])[0]["lower"] is not None
                 for chance in range(30))
    assert called <= 3


def test_tests_that_point_in_opposite_ways_decide_nothing():
    one, other = group("gan", "gan", 0), group("convnet", "convnet", 3)
    stray = group("convnet", "convnet", -20, (3,))
    both = {**other.runs, **stray.runs}
    mean = {name: np.mean([each[name] for each in both.values()], axis=0) for name in other.values}
    other = groups.Group("convnet", "convnet", "gray", {**other.seeds, **stray.seeds}, mean, both,
                         other.where)
    result = groups.comparisons([one, other])[0]
    assert result["difference"] > 0 > result["seeds"]["difference"]
    assert max(result["shots"]["p"], result["seeds"]["p"]) < 0.05 and result["lower"] is None


def test_one_seed_decides_nothing():
    alone = [group(name, name, level, (0,)) for name, level in (("convnet", 3), ("gan", 0))]
    result = groups.comparisons(alone)
    assert result[0]["lower"] is None and result[0]["seeds"]["p"] is None
    assert result[0]["shots"]["p"] < 0.05


def test_a_model_is_compared_with_the_baselines_of_its_input():
    model = group("gan", "gan", -3)
    hard = np.random.default_rng(0).normal(20, 5, 4 * SHOTS)
    values = dict.fromkeys((*FIGURES, TRUE_COLOURFULNESS), hard)
    returned = groups.Group("input", "input", "gray", {}, values, {}, model.where)
    result = groups.comparisons([returned, model])
    assert [each["figure"] for each in result] == list(groups.DISTANCES)
    assert all((each["one"], each["other"], each["lower"]) == ("gan", "input", "gan")
               for each in result)
    assert result[0]["seeds"]["n"] == 3 and result[0]["seeds"]["difference"] == \
        pytest.approx(result[0]["difference"])
    row = next(each for each in groups.rows([returned, model]) if each["model"] == "gan")
    assert row["l1_of_input"] == pytest.approx(row["l1"] / hard.mean())
    assert row["l1_of_input_ci"][0] < row["l1_of_input"] < row["l1_of_input_ci"][1] < 1


def test_pictures_without_a_value_are_left_out_and_equal_seeds_decide_nothing():
    one, other = group("gan", "gan", 0), group("convnet", "convnet", 3)
    for values in (one.values, other.values, *one.runs.values(), *other.runs.values()):
        values["edge_bleed"] = values["edge_bleed"].copy()
        values["edge_bleed"][:9] = np.nan
    result = {each["figure"]: each for each in groups.comparisons([one, other])}
    assert result["edge_bleed"]["lower"] == "gan"
    same = groups.Group("convnet", "convnet", "gray", one.seeds, one.values, one.runs, one.where)
    assert groups.comparisons([one, same])[0]["seeds"]["p"] is None


def test_the_interval_of_a_crossing_may_end_beyond_every_count():
    resampling = groups.Resampling(range(10))
    count = len(resampling.resampled(np.arange(10.0)))
    crossed = [0.0] * (count // 10) + [5.0] * (count // 2)
    assert hint_curve._ends(resampling, crossed + [None] * (count - len(crossed))) == [0.0, None]
    assert hint_curve._ends(resampling, [7.0] * count) == [7.0, 7.0]


def test_the_hints_that_equal_a_model_are_read_off_the_curve():
    counts, means = [1, 10, 100], [30.0, 20.0, 10.0]
    assert hint_curve.crossing(counts, means, 15) == pytest.approx(np.sqrt(1000))
    assert hint_curve.crossing(counts, means, 20) == pytest.approx(10)
    assert hint_curve.crossing(counts, means, 31) == 0
    assert hint_curve.crossing(counts, means, 9) is None
