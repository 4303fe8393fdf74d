import pytest

from keras_colorize.data import splits
from keras_colorize.errors import DatasetError

EXAMPLES = [(f"film{film}", shot) for film in range(10) for shot in range(10) for _ in range(7)]


@pytest.mark.parametrize("rule", splits.RULES)
def test_every_example_is_in_one_split_and_shares_are_eight_one_one(rule):
    split = splits.assign(EXAMPLES, rule, seed=0)
    assert sorted(index for part in split.values() for index in part) == list(range(700))
    assert [len(split[name]) for name in ("train", "validation", "test")] == [560, 70, 70]


def test_the_papers_counts_come_out():
    split = splits.assign([("film", 0)] * 28_179, "frame", seed=0)
    assert [len(part) for part in split.values()] == [22_543, 2_818, 2_818]


@pytest.mark.parametrize(("rule", "group"), [("shot", lambda each: each),
                                             ("source", lambda each: each[0])])
def test_a_group_is_never_divided(rule, group):
    split = splits.assign(EXAMPLES, rule, seed=3)
    sides = [{group(EXAMPLES[index]) for index in part} for part in split.values()]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


def test_the_seed_decides_the_split():
    assert splits.assign(EXAMPLES, "shot", 1) == splits.assign(EXAMPLES, "shot", 1)
    assert splits.assign(EXAMPLES, "shot", 1) != splits.assign(EXAMPLES, "shot", 2)


@pytest.mark.parametrize("rule", splits.RULES)
def test_named_sources_are_the_test_set_whatever_the_rule(rule):
    split = splits.assign(EXAMPLES, rule, 0, frozenset({"film3", "film7"}))
    assert {EXAMPLES[index][0] for index in split["test"]} == {"film3", "film7"}
    assert len(split["test"]) == 140
    assert len(split["train"]) == pytest.approx(8 / 9 * 560, abs=70)


def test_a_split_that_would_be_empty_is_refused():
    with pytest.raises(DatasetError, match="leaves the validation set empty"):
        splits.assign([("film", 0)] * 50, "shot", seed=0)
