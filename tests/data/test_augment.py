import numpy as np
import pytest

from keras_colorize.cartoon import episode
from keras_colorize.config import AugmentConfig
from keras_colorize.data import augment
from keras_colorize.image import pixels

SIZE = (90, 160)


@pytest.fixture(scope="module")
def drawn():
    """Some frames of the drawn episode colour and edge: uint8 [h, w, 4]."""
    frames = [pixels.example(episode.draw_frame(index), SIZE) for index in range(100, 1700, 200)]
    return [np.dstack([frame["color"], frame["edge"]]) for frame in frames]


def varied(stored, seed=0, **how):
    """A picture varied: its colour [h, w, 3] alone, or with its edges behind it [h, w, 4]."""
    color = np.ascontiguousarray(stored[..., :3])
    edge = stored[..., 3] if stored.shape[2] == 4 else None
    return augment.vary(color, edge, AugmentConfig(**how), np.random.default_rng(seed))


def test_nothing_changes_by_default(drawn):
    for stored in drawn:
        condition, color = varied(stored)
        np.testing.assert_array_equal(np.dstack([color, condition]), stored)
        condition, color = varied(stored[..., :3])
        np.testing.assert_array_equal(color, stored[..., :3])
        np.testing.assert_array_equal(condition[..., 0], pixels.gray(color))


def test_the_same_generator_gives_the_same_variation_and_another_another(drawn):
    for how, stored in (({"screentone": 0.5}, drawn[0][..., :3]),
                        ({"canny": 0.5, "line_thickness": 3}, drawn[0])):
        def made(seed, how=how, stored=stored):
            pair = varied(stored, seed, flip=True, crop=0.5, gamma=0.5, **how)
            return b"".join(each.tobytes() for each in pair)

        assert made(0) == made(0)
        assert len({made(seed) for seed in range(4)}) == 4


def test_a_flip_mirrors_both_parts_of_about_half_of_the_pictures(drawn):
    mirrored = 0
    for seed in range(40):
        condition, color = varied(drawn[0], seed, flip=True)
        both = np.dstack([color, condition])
        mirrored += np.array_equal(both, drawn[0][:, ::-1])
        assert np.array_equal(both, drawn[0]) or np.array_equal(both, drawn[0][:, ::-1])
    assert 10 < mirrored < 30


def test_a_crop_keeps_at_least_its_share_of_height_and_width_and_their_ratio():
    rows, columns = np.mgrid[:200, :200].astype(np.uint8)
    stored = np.dstack([rows, columns, rows, columns])  # every pixel says where it was
    shares = []
    for seed in range(60):
        condition, color = varied(stored, seed, crop=0.6)
        assert color.shape == (200, 200, 3) and condition.shape == (200, 200, 1)
        np.testing.assert_array_equal(condition[..., 0], color[..., 1])
        spans = [int(np.ptp(color[..., channel])) + 1 for channel in (0, 1)]
        assert abs(spans[0] - spans[1]) <= 1
        shares.append(spans[0] / 200)
    assert 0.59 <= min(shares) < 0.65 and 0.95 < max(shares) <= 1


def test_gamma_lightens_and_darkens_within_its_bounds_and_the_gray_alike():
    gray = np.full((8, 8, 3), 128, np.uint8)
    values = []
    for seed in range(60):
        condition, color = varied(gray, seed, gamma=0.5)
        np.testing.assert_array_equal(condition[..., 0], pixels.gray(color))
        values.append(int(color[0, 0, 0]))
    lightest, darkest = (255 * (128 / 255) ** exponent for exponent in (1 / 1.5, 1.5))
    assert darkest - 1 <= min(values) < darkest + 10
    assert lightest - 10 < max(values) <= lightest + 1
    assert 20 < sum(value > 128 for value in values) < 40


def test_gamma_leaves_edges_where_they_were(drawn):
    condition, color = varied(drawn[0], gamma=0.5)
    np.testing.assert_array_equal(condition[..., 0], drawn[0][..., 3])
    assert np.any(color != drawn[0][..., :3])


def test_edges_found_anew_look_as_the_dataset_finds_them(drawn):
    for zoom_by in pixels.ZOOMS:
        for stored in drawn:
            anew = augment.edges(stored[..., :3], 1.0, zoom_by).astype(int)
            assert np.abs(anew - pixels.edges(stored[..., :3], SIZE, zoom_by)).mean() < 2


def test_higher_thresholds_find_fewer_edges_and_canny_goes_both_ways(drawn):
    stored = drawn[3]
    counts = [augment.edges(stored[..., :3], factor).mean() for factor in (0.5, 0.8, 1, 1.2, 1.5)]
    assert counts == sorted(counts, reverse=True) and counts[0] > 1.2 * counts[-1]
    found = [varied(stored, seed, canny=0.5)[0].mean() for seed in range(30)]
    assert counts[-1] <= min(found) < counts[2] < max(found) <= counts[0]


def test_canny_finds_the_edges_of_the_part_that_a_crop_has_kept(drawn):
    condition, color = varied(drawn[0], 1, flip=True, crop=0.5, gamma=0.3, canny=1e-9)
    differs = condition[..., 0] != augment.edges(color, 1.0)
    assert np.mean(differs) < 0.01  # OpenCV's thresholds are whole numbers


def test_lines_become_one_to_so_many_pixels_thick():
    stored = np.zeros((20, 20, 4), np.uint8)
    stored[:, 10, 3] = 255
    widths = [int(np.count_nonzero(varied(stored, seed, line_thickness=3)[0][10]))
              for seed in range(30)]
    assert set(widths) == {1, 2, 3}


def test_screentone_prints_its_share_of_pictures_and_leaves_their_colour(drawn):
    stored = drawn[0][..., :3]
    printed = 0
    for seed in range(60):
        condition, color = varied(stored, seed, screentone=0.3)
        np.testing.assert_array_equal(color, stored)
        printed += not np.array_equal(condition[..., 0], pixels.gray(stored))
    assert 8 < printed < 30
