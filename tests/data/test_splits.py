import numpy as np
import pytest
from scipy.spatial import distance

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.data import splits
from keras_colorize.errors import DatasetError
from keras_colorize.image import pixels

EXAMPLES = [(f"film{film}", shot) for film in range(10) for shot in range(10) for _ in range(7)]
EMPTY = np.empty((0, 9, 16, 3), np.uint8)


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


def plain(*colors):
    """Thumbnails of one colour each."""
    return np.stack([np.full((9, 16, 3), color, np.uint8) for color in colors])


def test_a_thumbnail_is_the_mean_of_the_pixels_it_covers(random_pictures):
    picture = random_pictures(36, 64, 3)
    means = picture.reshape(9, 4, 16, 4, 3).mean(axis=(1, 3))
    thumbnail = pixels.thumbnail(picture)
    assert thumbnail.shape == (9, 16, 3) and thumbnail.dtype == np.uint8
    assert np.abs(thumbnail - means).max() <= 0.5


def test_the_distance_is_the_root_mean_square_of_delta_e_1976():
    red, green = plain((255, 0, 0)), plain((0, 255, 0))
    assert splits.distances(red, green) == pytest.approx(170.57, abs=0.1)  # published Lab values
    half = plain((0, 0, 0))
    half[:, :, :8] = 255  # half of the pixels differ by 100 from black
    assert splits.distances(half, plain((0, 0, 0))) == pytest.approx(100 / np.sqrt(2), abs=0.01)


def test_each_test_frame_is_measured_against_the_training_frame_nearest_to_it():
    train = plain((0, 0, 0), (128, 128, 128), (255, 255, 255))
    near = splits.distances(plain((250, 250, 250), (128, 128, 128), (3, 3, 3)), train)
    assert near[1] == 0 and 0 < near[0] < 3 and 0 < near[2] < 3


def test_chunks_bound_the_memory_and_change_nothing(random_pictures, monkeypatch):
    test, train = random_pictures(7, 9, 16, 3), random_pictures(5, 9, 16, 3)
    whole = splits.distances(test, train)
    compared = []
    cdist = distance.cdist
    monkeypatch.setattr(distance, "cdist",
                        lambda some, others: compared.append(len(some)) or cdist(some, others))
    monkeypatch.setattr(splits, "CHUNK", 3)
    np.testing.assert_array_equal(splits.distances(test, train), whole)
    assert compared == [3, 3, 1] and whole.shape == (7,)


def test_the_figure_counts_the_near_duplicates_and_states_its_measure():
    train = plain((40, 90, 160), (200, 180, 90))
    figure = splits.leak(plain((41, 90, 160), (90, 40, 160), (200, 181, 90)), train)
    measure = figure.pop("measure")
    assert figure == {"share": 0.6667, "near_duplicates": 2, "test": 3,
                      "threshold": splits.NEAR_DUPLICATE}
    assert "less than 3 away" in measure and "9x16" in measure and "CIELAB" in measure


def test_an_empty_side_leaks_nothing():
    some = plain((1, 2, 3))
    assert np.isposinf(splits.distances(some, EMPTY)).all()
    assert splits.distances(EMPTY, some).shape == (0,)
    assert splits.leak(some, EMPTY)["share"] == 0
    assert splits.leak(EMPTY, some)["share"] == splits.leak(EMPTY, EMPTY)["test"] == 0


def test_the_next_drawing_is_a_near_duplicate_and_another_place_is_not():
    frames = [pixels.thumbnail(episode.draw_frame(index)) for index in (70, 72, 110)]
    assert episode.shot_of(70) == episode.shot_of(72) != episode.shot_of(110)
    this, following, elsewhere = (frame[None] for frame in frames)
    assert splits.distances(this, following) < splits.NEAR_DUPLICATE
    assert splits.distances(this, elsewhere) > 3 * splits.NEAR_DUPLICATE


@pytest.mark.data
@pytest.mark.slow
def test_a_real_film_split_by_frame_leaks_and_split_at_a_cut_does_not(real_data):
    film = real_data / "big_buck_bunny" / "big_buck_bunny_720p.mp4"
    thumbnails = np.stack([pixels.thumbnail(frame.picture()) for frame in media.read_video(film)
                           if frame.number % 5 == 0])
    by_frame = splits.assign([("film", 0)] * len(thumbnails), "frame", seed=0)
    leak = splits.leak(thumbnails[by_frame["test"]], thumbnails[by_frame["train"]])
    assert leak["share"] == pytest.approx(0.576, abs=0.05)
    cut = 590 // 5  # where the fifth shot ends
    assert splits.leak(thumbnails[:cut], thumbnails[cut:])["share"] == 0
