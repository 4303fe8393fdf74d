"""What exists in NumPy and in the exported graph gives the same results."""

import numpy as np
import pytest
import tensorflow as tf

from keras_colorize import colorize, export
from keras_colorize.export import graph
from keras_colorize.image import line_lock, pixels


@pytest.fixture
def noise():
    return np.random.default_rng(3)


def picture(noise, *shape):
    return noise.integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_luminance_is_the_same_to_the_bit(kind, noise):
    rgb = picture(noise, 200, 300, 3).astype(kind) * (257 if kind == np.uint16 else 1)
    np.testing.assert_array_equal(graph.luminance_of(tf.cast(rgb, tf.int32)), pixels.gray(rgb))


def test_chroma_is_the_same_to_the_bit(noise):
    rgb = picture(noise, 200, 300, 3)
    np.testing.assert_array_equal(graph.chroma_of(rgb), pixels.chroma(rgb))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_joining_gives_the_same_picture(kind, noise):
    most = np.iinfo(kind).max
    luminance = noise.integers(0, most + 1, (200, 300), kind)
    chroma = noise.normal(0, 60, (200, 300, 2)).astype(np.float32)
    own = line_lock.join(luminance, chroma).astype(int)
    served = np.asarray(graph.join(luminance.astype(np.int32), chroma, most)).astype(int)
    # The order of sums differs: one level where a sum lies between two.
    assert np.abs(own - served).max() <= 1 and np.mean(own != served) < 1e-3


@pytest.mark.parametrize("large", [(60, 90), (131, 203), (97, 640)])
def test_enlarging_along_lines_gives_the_same_values(large, noise):
    values = noise.normal(0, 60, (60, 90, 2)).astype(np.float32)
    guide, luminance = picture(noise, 60, 90), picture(noise, *large)
    np.testing.assert_allclose(graph.enlarge(values, guide, luminance),
                               line_lock.enlarge(values, guide, luminance), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [(37, 41), (300, 40), (333, 461)])
def test_tiles_give_the_same_picture(size, noise, monkeypatch):
    """Of a network that colours by place within the tile, so that every share counts."""
    for name, value in {"TILE": 128, "OVERLAP": 32, "WHOLE": 2000}.items():
        monkeypatch.setattr(graph, name, value)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)])
    def network(pixels):
        rows = tf.cast(tf.range(tf.shape(pixels)[1]) % 256, tf.uint8)[:, tf.newaxis, tf.newaxis]
        return {"pixels": tf.repeat(pixels // 2, 3, axis=-1) + rows // 2}

    condition = picture(noise, *size)
    model = colorize.Model("name", "digest", "gray", "area", None, network, None)
    tiled = tf.function(lambda condition: graph.in_tiles(
        lambda pixels: network(pixels=pixels)["pixels"], condition[..., tf.newaxis]))
    np.testing.assert_array_equal(model.colorize(condition), tiled(condition))


@pytest.mark.parametrize("learned", [None, (64, 96), (180, 320), (320, 180)])
def test_a_page_is_seen_at_the_same_size(learned, noise):
    """By the graph, whose numbers are tensors, and by the predictor, whose are not."""
    model = colorize.Model("name", "digest", "gray", "area", learned, None, None)
    scale = tf.function(lambda size: export.working_scale(learned, size[0], size[1]))
    for size in [(1, 1), (96, 64), (360, 640), (2570, 1800), *noise.integers(1, 4000, (50, 2))]:
        own = model.scale_for(*map(int, size))
        assert own == float(scale(tf.constant(size, tf.int32))) and 0 < own <= 1
        if learned and size[0] < 1.5 * size[1] * learned[0] / learned[1]:  # it covers
            wanted = max(learned[0] / size[0], learned[1] / size[1])
        else:  # a page is as wide
            wanted = learned[1] / size[1] if learned else 1
        assert own == pytest.approx(min(1, wanted))
