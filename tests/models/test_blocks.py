"""Guidance: how the hints of a few pixels spread inside a network."""

import keras
import numpy as np
import pytest

from keras_colorize.models.blocks import Gate, SpreadHints


@pytest.fixture(scope="module")
def spreading():
    condition = keras.Input((None, None, 4))
    return keras.Model(condition, SpreadHints()(condition))


def told(luminance, *hints):
    """A guided condition [1, h, w, 4]: its luminance, and (row, column, Cr, Cb) of each hint."""
    condition = np.zeros((1, *luminance.shape, 4), np.float32)
    condition[0, ..., 0] = luminance
    for row, column, *chroma in hints:
        condition[0, row, column, 1:] = (*chroma, 1)
    return condition


def test_one_hint_reaches_the_whole_picture(spreading):
    _, _, spread, present = spreading(told(np.zeros((61, 97)), (10, 20, 0.5, -0.25)))
    np.testing.assert_allclose(spread[0, ..., 0], 0.5, atol=1e-3)
    np.testing.assert_allclose(spread[0, ..., 1], -0.25, atol=1e-3)
    assert float(present[0, 0, 0, 0]) == 1


def test_a_hint_counts_for_what_is_about_as_light(spreading):
    luminance = np.full((64, 64), -0.6)
    luminance[:, 32:] = 0.6
    spread = spreading(told(luminance, (32, 16, 0.5, 0), (32, 48, -0.5, 0)))[2]
    assert np.all(spread[0, :, :15, 0] > 0.4) and np.all(spread[0, :, 17:, 0] < -0.4)


def test_of_two_hints_on_one_surface_the_nearer_counts_more(spreading):
    spread = spreading(told(np.zeros((64, 64)), (32, 8, 0.5, 0), (32, 56, -0.5, 0)))[2]
    row = np.asarray(spread[0, 16, :, 0])  # at half of the size
    assert row[4] > 0.4 and row[28] < -0.4 and np.all(np.diff(row[4:29:4]) < 0.01)


def test_without_hints_a_network_keeps_its_own_chroma(spreading):
    _, features, spread, present = spreading(told(np.zeros((31, 33))))
    assert not np.any(features) and not np.any(spread) and not np.any(present)
    output = np.full((1, 31, 33, 3), 0.3, np.float32)
    own = np.tanh(output[..., :2])
    np.testing.assert_allclose(Gate()(output, spread, present), own, atol=1e-6)
    np.testing.assert_allclose(Gate()(output + 50, spread + 0.5, present + 1), 0.5, atol=1e-6)
