"""Claims about colour that is spread from hints."""

import numpy as np
import pytest
from scipy.sparse import linalg

from keras_colorize.cartoon import episode
from keras_colorize.image import pixels, scribbles

FRAME = 100


def distance(picture, truth):
    return np.abs(picture.astype(float) - truth).mean()


def hints(shape, count, seed=0):
    return scribbles.random_hints(shape, count, np.random.default_rng(seed))


def colored(truth, hinted):
    return scribbles.colorize(pixels.gray(truth), hinted, np.where(hinted[..., None], truth, 0))


def test_a_picture_of_the_episode_comes_back_from_a_twentieth_of_its_pixels():
    truth = episode.draw_frame(FRAME)
    hinted = hints(truth.shape[:2], truth.shape[0] * truth.shape[1] // 20)
    picture = colored(truth, hinted)
    assert distance(pixels.gray(truth)[..., None], truth) > 40
    assert distance(picture, truth) < 3
    assert np.abs(picture[hinted].astype(int) - truth[hinted]).max() <= 2
    assert np.abs(pixels.gray(picture).astype(int) - pixels.gray(truth)).max() <= 1


def test_a_dot_fills_its_surface_and_neither_the_line_that_it_touches_nor_what_lies_beyond():
    luminance = np.full((80, 120), 150, np.uint8)
    luminance[:, 58:61] = 70  # a line of dark gray, on which a tint would show
    hinted = np.zeros(luminance.shape, bool)
    hinted[30:42, 44:62] = True  # 14 columns of the surface, 3 of the line, and 1 beyond it
    told = np.full((*luminance.shape, 2), 40, np.float32)
    filled = scribbles.fill_flats(np.zeros_like(told), luminance, hinted, told)
    assert np.abs(filled[:, :54] - 40).max() < 0.01 and (filled[hinted] == 40).all()
    assert (filled[:28, 58:] == 0).all() and (filled[44:, 58:] == 0).all()


def test_a_hint_corrects_what_is_near_it_and_has_the_same_colour():
    values = np.full((60, 200, 3), 100, np.float32)
    values[:, 20:30] = 250  # of another colour, beside the hint
    hinted, told = np.zeros((60, 200), bool), np.full_like(values, 40)
    hinted[30, 15] = True
    corrected = scribbles.correct(values, hinted, told)
    assert (corrected[30, 15] == 40).all()
    assert np.abs(corrected[30, 5:15] - 40).max() < 6
    assert corrected[30, 25].min() > 210  # 250 - 60 if it were corrected alike
    assert corrected[30, 199].min() > 90
    hinted[30, 190], told[30, 190] = True, 100  # right there
    assert scribbles.correct(values, hinted, told)[30, 180].min() > 95
    np.testing.assert_array_equal(scribbles.correct(values, np.zeros_like(hinted), told), values)


def test_a_patch_of_two_colours_corrects_each_side_towards_its_own():
    values, told = (np.zeros((60, 120, 2), np.float32) for _ in range(2))
    told[:, :60], told[:, 60:] = (60, 0), (0, 60)
    hinted = np.zeros((60, 120), bool)
    hinted[28:32, 50:70] = True
    red, blue = np.moveaxis(scribbles.correct(values, hinted, told), -1, 0)
    assert red[30, 44] > 40 and abs(blue[30, 44]) < 1
    assert blue[30, 76] > 40 and abs(red[30, 76]) < 1


def test_hints_that_cover_all_are_the_picture():
    for size in ((1, 1), (4, 6)):
        told = np.random.default_rng(0).normal(size=(*size, 2)).astype(np.float32)
        filled = scribbles.fill_flats(np.zeros_like(told), np.zeros(size, np.uint8),
                                      np.ones(size, bool), told)
        np.testing.assert_array_equal(filled, told)


def test_more_hints_come_nearer():
    truth = pixels.scale(episode.draw_frame(FRAME), (90, 160))
    errors = [distance(colored(truth, hints((90, 160), count)), truth)
              for count in (5, 50, 500, 5000)]
    assert errors == sorted(errors, reverse=True)


def test_one_stroke_fills_its_region_and_stops_at_the_edge():
    truth = np.full((60, 80, 3), (90, 60, 200), np.uint8)
    truth[:, 40:] = (240, 180, 120)
    hinted = np.zeros((60, 80), bool)
    hinted[10, 5:30] = hinted[50, 50:60] = True
    assert np.abs(colored(truth, hinted).astype(int) - truth).max() < 10


@pytest.mark.parametrize("small", [0, scribbles.SMALL])
def test_both_solvers_give_the_solution_of_the_system(random_pictures, small, monkeypatch):
    monkeypatch.setattr(scribbles, "SMALL", small)
    gray, known = random_pictures(20, 30), hints((20, 30), 12).ravel()
    chroma = random_pictures(600, 2) - 128.0
    rows = scribbles._laplacian(gray)[~known]
    exact = linalg.spsolve(rows[:, ~known].tocsc(), -(rows[:, known] @ chroma[known]))
    answer = scribbles.propagate(gray, known.reshape(20, 30), chroma.reshape(20, 30, 2))
    np.testing.assert_allclose(answer.reshape(600, 2)[~known], exact, atol=0.05)
    assert np.array_equal(answer.reshape(600, 2)[known], chroma[known])


def test_a_pixel_is_a_mean_of_its_neighbours_by_affinity():
    laplacian = scribbles._laplacian(np.array([[0, 0, 255], [0, 0, 255]], np.uint8)).toarray()
    np.testing.assert_allclose(laplacian.sum(axis=1), 0, atol=1e-12)
    assert np.array_equal(laplacian, laplacian.T)
    assert laplacian[0, 1] == laplacian[0, 4] == -1 and laplacian[0, 2] == 0
    assert 0 < -laplacian[1, 2] < 0.02
    speck = np.zeros((5, 5), np.uint8)
    speck[2, 2] = 255  # is tied to its surroundings, however unlike them
    assert -scribbles._laplacian(speck).toarray()[12, 7] >= 0.005


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_the_smallest_pictures_and_full_hints_are_answered(shape, random_pictures):
    truth = random_pictures(*shape, 3)
    hinted = np.zeros(shape, bool)
    hinted[0, 0] = True
    assert colored(truth, hinted).shape == truth.shape
    assert np.abs(colored(truth, np.ones(shape, bool)).astype(int) - truth).max() <= 2


def test_without_a_hint_there_is_no_answer(random_pictures):
    with pytest.raises(ValueError, match="no pixel is hinted"):
        scribbles.colorize(random_pictures(4, 5), np.zeros((4, 5), bool), random_pictures(4, 5, 3))
