import numpy as np
import pytest
from scipy.spatial import distance

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.data import leaks, splits
from keras_colorize.image import pixels

EMPTY = np.empty((0, 9, 16, 3), np.uint8)


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
    assert leaks.distances(red, green) == pytest.approx(170.57, abs=0.1)  # published Lab values
    half = plain((0, 0, 0))
    half[:, :, :8] = 255  # half of the pixels differ by 100 from black
    assert leaks.distances(half, plain((0, 0, 0))) == pytest.approx(100 / np.sqrt(2), abs=0.01)


def test_each_test_frame_is_measured_against_the_training_frame_nearest_to_it():
    train = plain((0, 0, 0), (128, 128, 128), (255, 255, 255))
    near = leaks.distances(plain((250, 250, 250), (128, 128, 128), (3, 3, 3)), train)
    assert near[1] == 0 and 0 < near[0] < 3 and 0 < near[2] < 3


def test_chunks_bound_the_memory_and_change_nothing(random_pictures, monkeypatch):
    test, train = random_pictures(7, 9, 16, 3), random_pictures(5, 9, 16, 3)
    whole = leaks.distances(test, train)
    compared = []
    cdist = distance.cdist
    monkeypatch.setattr(distance, "cdist",
                        lambda some, others: compared.append(len(some)) or cdist(some, others))
    monkeypatch.setattr(leaks, "CHUNK", 3)
    np.testing.assert_array_equal(leaks.distances(test, train), whole)
    assert compared == [3, 3, 1] and whole.shape == (7,)


def test_the_figure_counts_the_near_duplicates_and_states_its_measure():
    train = plain((40, 90, 160), (200, 180, 90))
    figure = leaks.figure(plain((41, 90, 160), (90, 40, 160), (200, 181, 90)), train)
    measure = figure.pop("measure")
    assert figure == {"share": 0.6667, "near_duplicates": 2, "test": 3,
                      "threshold": leaks.NEAR_DUPLICATE}
    assert "less than 3 away" in measure and "9x16" in measure and "CIELAB" in measure


def test_an_empty_side_leaks_nothing():
    some = plain((1, 2, 3))
    assert np.isposinf(leaks.distances(some, EMPTY)).all()
    assert leaks.distances(EMPTY, some).shape == (0,)
    assert leaks.figure(some, EMPTY)["share"] == 0
    assert leaks.figure(EMPTY, some)["share"] == leaks.figure(EMPTY, EMPTY)["test"] == 0


def test_the_next_drawing_is_a_near_duplicate_and_another_place_is_not():
    frames = [pixels.thumbnail(episode.draw_frame(index)) for index in (70, 72, 110)]
    assert episode.shot_of(70) == episode.shot_of(72) != episode.shot_of(110)
    this, following, elsewhere = (frame[None] for frame in frames)
    assert leaks.distances(this, following) < leaks.NEAR_DUPLICATE
    assert leaks.distances(this, elsewhere) > 3 * leaks.NEAR_DUPLICATE


@pytest.mark.data
@pytest.mark.slow
def test_a_real_film_split_by_frame_leaks_and_split_at_a_cut_does_not(real_data):
    film = real_data / "big_buck_bunny" / "big_buck_bunny_720p.mp4"
    thumbnails = np.stack([pixels.thumbnail(frame.picture()) for frame in media.read_video(film)
                           if frame.number % 5 == 0])
    by_frame = splits.assign([("film", 0)] * len(thumbnails), "frame", seed=0)
    leak = leaks.figure(thumbnails[by_frame["test"]], thumbnails[by_frame["train"]])
    assert leak["share"] == pytest.approx(0.576, abs=0.05)
    cut = 590 // 5  # where the fifth shot ends
    assert leaks.figure(thumbnails[:cut], thumbnails[cut:])["share"] == 0
