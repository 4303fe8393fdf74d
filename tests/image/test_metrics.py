"""Claims about the figures of a picture: what they equal, and how they behave."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from skimage.metrics import peak_signal_noise_ratio

from keras_colorize.cartoon import episode
from keras_colorize.image import line_lock, metrics, pixels
from keras_colorize.image.metrics import PICTURE_METRICS

BEST = {"psnr": 58.92, "ssim": 1.0, "histogram_overlap": 1.0, "grid": 1.0}
HIGHER_IS_BETTER = {"psnr", "ssim", "histogram_overlap"}


@pytest.fixture(scope="module")
def truth():
    return np.stack([pixels.scale(episode.draw_frame(index), (90, 160)) for index in (100, 900)])


def noisy(truth, strength):
    noise = np.random.default_rng(0).normal(0, strength, truth.shape)
    return np.clip(np.rint(truth + noise), 0, 255).astype(np.uint8)


def test_distances_are_means_per_pixel_channel():
    truth = np.zeros((2, 16, 20, 3), np.uint8)
    pictures = truth.copy()
    pictures[0, ..., 0] = 30
    pictures[1] = 255
    assert metrics.l1(pictures, truth).tolist() == [10, 255]
    assert metrics.l2(pictures, truth).tolist() == [300, 255**2]
    assert metrics.psnr(pictures, truth) == pytest.approx([10 * np.log10(255**2 / 300), 0])
    luminance = pixels.gray(pictures[0])[0, 0]
    assert metrics.chroma_l1(pictures, truth) == pytest.approx([15, 0])  # |30 - 9| and |0 - 9|
    assert luminance == 9


@pytest.mark.parametrize("name", PICTURE_METRICS)
def test_equal_pictures_are_at_the_best_value_and_shapes_must_agree(name, truth):
    metric = PICTURE_METRICS[name]
    np.testing.assert_allclose(metric(truth, truth), BEST.get(name, 0), atol=0.01)
    with pytest.raises(ValueError, match="have shape"):
        metric(truth[:1], truth)


@pytest.mark.parametrize("name", sorted(set(PICTURE_METRICS) - {"edge_bleed"}))
def test_more_noise_is_worse(name, truth):
    values = np.array([PICTURE_METRICS[name](noisy(truth, strength), truth)
                       for strength in (2, 8, 32)])
    steps = np.diff(values, axis=0) * (-1 if name in HIGHER_IS_BETTER else 1)
    assert (steps > 0).all()


def test_all_figures_at_once_are_those_of_each_metric(truth):
    pictures = noisy(truth, 20)
    together = metrics.of_pictures(pictures, truth)
    assert list(together) == list(PICTURE_METRICS)
    for name, metric in PICTURE_METRICS.items():
        assert np.array_equal(together[name], metric(pictures, truth))


def test_similarity_is_that_of_the_published_formula(random_pictures):
    one, other = random_pictures(1, 40, 50, 3), random_pictures(1, 40, 50, 3)
    x, y = one[0].astype(np.float64), other[0].astype(np.float64)

    def mean(values):  # an 11x11 Gaussian window, as in the paper of 2004
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    a, b = mean(x), mean(y)
    spread_x, spread_y = mean(x * x) - a * a, mean(y * y) - b * b
    both = mean(x * y) - a * b
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = ((2 * a * b + first) * (2 * both + second)
                / ((a * a + b * b + first) * (spread_x + spread_y + second)))
    assert metrics.ssim(one, other)[0] == pytest.approx(expected[5:-5, 5:-5].mean(), abs=1e-6)


def test_one_brown_has_few_of_the_hues_and_other_places_do_not_matter(truth):
    brown = np.full_like(truth, (150, 110, 70))
    moved = truth[:, ::-1, ::-1].copy()
    assert (metrics.histogram_overlap(brown, truth) < 0.4).all()
    np.testing.assert_allclose(metrics.histogram_overlap(moved, truth), 1, atol=1e-9)


def test_a_grid_of_two_pixels_is_seen_and_a_blur_is_none(truth):
    chess = 8 * (-1) ** np.indices(truth.shape[1:3]).sum(axis=0)[..., None]
    checked = np.clip(truth.astype(int) + chess, 0, 255).astype(np.uint8)
    soft = np.stack([cv2.GaussianBlur(each, (0, 0), 1.5) for each in truth])
    assert (metrics.grid(checked, truth) > 1.3).all() and (metrics.grid(soft, truth) < 0.4).all()
    assert np.isnan(metrics.grid(checked, np.zeros_like(truth))).all()


def lab(picture):
    """CIELAB of sRGB by the definition, white D65 of the 2 degree observer."""
    linear = picture / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169],
                             [0.019334, 0.119193, 0.950227]]).T / (0.95047, 1, 1.08883)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]),
                     200 * (f[..., 1] - f[..., 2])], -1)


def ciede2000_of(one, other):
    """The formula as Sharma, Wu and Dalal 2005 write it out, in degrees."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25.0**7)))
    c1, c2 = np.hypot((1 + g) * a1, b1), np.hypot((1 + g) * a2, b2)
    h1 = np.degrees(np.arctan2(b1, (1 + g) * a1)) % 360
    h2 = np.degrees(np.arctan2(b2, (1 + g) * a2)) % 360
    turn = h2 - h1
    turn = np.where(turn > 180, turn - 360, np.where(turn < -180, turn + 360, turn))
    far = np.abs(h1 - h2) > 180
    h = np.where(far, np.where(h1 + h2 < 360, (h1 + h2 + 360) / 2, (h1 + h2 - 360) / 2),
                 (h1 + h2) / 2)
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, c = (l1 + l2) / 2, (c1 + c2) / 2

    def cosine(degrees):
        return np.cos(np.radians(degrees))

    t = (1 - 0.17 * cosine(h - 30) + 0.24 * cosine(2 * h) + 0.32 * cosine(3 * h + 6)
         - 0.20 * cosine(4 * h - 63))
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    rotation = (-2 * np.sqrt(c**7 / (c**7 + 25.0**7))
                * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2)))))
    return np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2
                   + rotation * (dc / sc) * (dh / sh))


def test_ciede2000_is_the_published_one(random_pictures):
    pair = np.array([[50, 2.6772, -79.7751], [50, 0, -82.7485]])  # the first pair of Sharma et al.
    assert ciede2000_of(*pair) == pytest.approx(2.0425, abs=1e-4)
    one, other = random_pictures(2, 30, 40, 3), random_pictures(2, 30, 40, 3)
    expected = ciede2000_of(lab(other), lab(one))
    assert metrics.ciede2000(one, other) == pytest.approx(expected.mean(axis=(1, 2)), rel=1e-3)
    assert metrics.ciede2000_p95(one, other) == pytest.approx(
        np.percentile(expected, 95, axis=(1, 2)), rel=1e-3)


def test_colourfulness_is_the_published_one(random_pictures):
    pictures = random_pictures(3, 20, 30, 3)
    for picture, value in zip(pictures, metrics.colourfulness(pictures), strict=True):
        red, green, blue = np.moveaxis(picture.astype(float), 2, 0)
        first, second = red - green, 0.5 * (red + green) - blue
        assert value == pytest.approx(
            np.sqrt(first.var() + second.var()) + 0.3 * np.hypot(first.mean(), second.mean()))
    assert metrics.colourfulness(np.full((1, 5, 5, 3), 99, np.uint8)) == 0


def test_colour_that_crosses_edges_bleeds_and_colour_wrong_within_shapes_does_not():
    truth = np.full((1, 60, 80, 3), (60, 60, 200), np.uint8)
    truth[:, :, 40:] = (250, 220, 120)
    chroma = pixels.chroma(truth[0])

    def with_chroma(chroma):
        return line_lock.join(pixels.gray(truth[0]), chroma)[None]

    little, much = (metrics.edge_bleed(with_chroma(cv2.blur(chroma, (size, 1))), truth)[0]
                    for size in (3, 7))
    assert 1 < little < much
    assert abs(metrics.edge_bleed(with_chroma(chroma * 0), truth)[0]) < 8
    inside = np.where(metrics.near_edges(pixels.gray(truth[0]))[..., None], chroma, 0)
    assert metrics.edge_bleed(with_chroma(inside), truth)[0] < -20


def test_a_picture_without_edges_bleeds_neither_much_nor_little():
    flat = np.full((1, 40, 40, 3), 7, np.uint8)
    assert np.isnan(metrics.edge_bleed(flat, flat)).all()


def chroma_errors(one, other):
    """The chroma error of each pixel of two pictures, pixel by pixel."""
    def chroma(pixel):
        red, green, blue = map(float, pixel)
        level = round(0.299 * red + 0.587 * green + 0.114 * blue)
        return red - level, blue - level

    return np.array([[np.mean(np.abs(np.subtract(chroma(a), chroma(b))))
                      for a, b in zip(*row, strict=True)] for row in zip(one, other, strict=True)])


def test_distances_are_those_of_plain_loops(random_pictures):
    one, other = random_pictures(1, 20, 30, 3), random_pictures(1, 20, 30, 3)
    absolute = squared = 0
    for a, b in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True):
        absolute, squared = absolute + abs(a - b), squared + (a - b) ** 2
    assert metrics.l1(one, other)[0] == pytest.approx(absolute / one.size)
    assert metrics.l2(one, other)[0] == pytest.approx(squared / one.size)
    assert metrics.psnr(one, other)[0] == pytest.approx(
        peak_signal_noise_ratio(other[0], one[0], data_range=255))
    assert metrics.chroma_l1(one, other)[0] == pytest.approx(
        chroma_errors(one[0], other[0]).mean(), abs=0.02)


def test_edge_bleed_is_the_error_near_edges_less_that_elsewhere(random_pictures):
    pictures, truth = random_pictures(1, 40, 60, 3), random_pictures(1, 40, 60, 3)
    truth[:, :, 25:] = 90
    edges = cv2.Canny(pixels.gray(truth[0]), *pixels.CANNY) > 0
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    near, errors = binary_dilation(edges, brush), chroma_errors(pictures[0], truth[0])
    assert metrics.edge_error(pictures, truth)[0] == pytest.approx(errors[near].mean(), abs=0.02)
    assert metrics.edge_bleed(pictures, truth)[0] == pytest.approx(
        errors[near].mean() - errors[~near].mean(), abs=0.02)


def test_flicker_is_change_of_colour_where_nothing_moves(truth):
    luminance = np.stack([pixels.gray(truth[0])] * 2)
    changed = truth[0].copy()
    changed[:, :80] = line_lock.join(luminance[0], -pixels.chroma(truth[0]))[:, :80]
    assert metrics.flicker(np.stack([truth[0], truth[0]]), luminance) == 0
    whole = metrics.flicker(np.stack([truth[0], changed]), luminance)
    assert whole > 5
    moving = luminance.copy()
    moving[1, :, :90] = 255 - moving[1, :, :90]
    assert metrics.flicker(np.stack([truth[0], changed]), moving) == 0
    moving[1] = 255 - luminance[0]
    assert metrics.flicker(np.stack([truth[0], changed]), moving) is None
