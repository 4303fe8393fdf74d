"""How the hints of a few pixels spread inside a network, and how it measures nearness to lines."""

import cv2
import keras
import numpy as np
import pytest

from keras_colorize.models.blocks import FAR, Gate, NearestLine, SpreadHints


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


@pytest.mark.parametrize("level", [-0.6, 0.07, 0.125])  # in a bin's middle, and between two
def test_a_dot_is_as_sure_as_a_blot(spreading, level):
    luminance = np.full((64, 96), level)
    blot = [(row, column) for row in range(28, 37) for column in range(28, 37)]
    dot, blot = (spreading(told(luminance, *[(*place, 0.5, 0) for place in places]))[1]
                 for places in ([(32, 32)], blot))
    sure = {"dot": dot[0, 16, :, 2], "blot": blot[0, 16, :, 2]}
    assert all(each[16] > 0.7 and each[40] < 0.2 for each in sure.values())
    np.testing.assert_allclose(sure["dot"][22:], sure["blot"][22:], atol=0.15)


def test_a_hint_on_a_thin_line_is_for_what_is_as_light_as_the_line(spreading):
    luminance = np.full((64, 64), 0.6)
    luminance[:, 21] = -0.6
    luminance[:, 40:] = -0.6
    spread = spreading(told(luminance, (30, 21, 0.5, 0), (30, 24, -0.5, 0)))[2]
    assert np.all(spread[0, 4:28, 22:30, 0] > 0.4) and np.all(spread[0, 4:28, 12:18, 0] < -0.4)


def test_of_two_hints_on_one_surface_the_nearer_counts_more(spreading):
    spread = spreading(told(np.zeros((64, 64)), (32, 8, 0.5, 0), (32, 56, -0.5, 0)))[2]
    row = np.asarray(spread[0, 16, :, 0])  # at half of the size
    assert row[4] > 0.4 and row[28] < -0.4 and np.all(np.diff(row[4:29:4]) < 0.01)


def test_without_hints_a_network_keeps_its_own_chroma(spreading):
    _, features, spread, present = spreading(told(np.zeros((31, 33))))
    assert not np.any(features) and not np.any(spread[..., :2]) and not np.any(present)
    output = np.full((1, 31, 33, 3), 0.3, np.float32)
    gate = Gate()
    np.testing.assert_allclose(gate(output, spread, present), np.tanh(output[..., :2]), atol=1e-6)
    gate.saturation.assign(2)
    vivid = gate(output, spread, present)
    np.testing.assert_allclose(vivid, 2 * np.tanh(output[..., :2]), atol=1e-6)


def test_where_hints_are_sure_saturation_changes_nothing(spreading):
    *_, spread, present = spreading(told(np.zeros((32, 32)), *[
        (row, column, 0.5, 0.25) for row in range(0, 32, 2) for column in range(0, 32, 2)]))
    assert np.all(spread[..., 2] > 3)
    output, gate = np.full((1, 32, 32, 3), 0.3, np.float32), Gate()
    before = np.asarray(gate(output, spread, present))
    gate.saturation.assign(2)
    np.testing.assert_allclose(gate(output, spread, present), before, atol=5e-3)
    chosen = gate(output + np.float32([0, 0, 50]), spread, present, training=True)
    np.testing.assert_allclose(chosen, np.broadcast_to([0.5, 0.25], chosen.shape), atol=1e-4)


def test_a_network_that_runs_away_leaves_no_blot_far_from_a_hint():
    far = np.broadcast_to(np.float32([0.9, 0.9, -7]), (1, 8, 8, 3))
    output = np.full((1, 16, 16, 3), 1000, np.float32)
    chroma = np.asarray(Gate()(output, far, np.ones((1, 1, 1, 1), np.float32)))
    assert np.abs(chroma).max() < 0.4
    learned = Gate()(output, far, np.ones((1, 1, 1, 1), np.float32), training=True)
    assert np.asarray(learned).min() > 0.89  # learning is not bounded, or it could not turn back


@pytest.mark.parametrize("size", [(61, 97), (64, 64), (90, 161)])
def test_the_nearest_line_is_about_as_far_as_opencv_measures_it(size):
    lines = np.zeros(size, np.uint8)
    cv2.circle(lines, (40, 25), 17, 255, 1)
    cv2.line(lines, (50, 5), (63, 57), 255, 1)
    measured = np.array(NearestLine()(lines[None, ..., None] / np.float32(127.5) - 1))
    assert measured.shape == (1, *size, 1)
    measured = (measured[0, ..., 0] + 1) / 2 * FAR
    true = cv2.distanceTransform(255 - lines, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    np.testing.assert_allclose(measured[lines > 0], 0, atol=1e-4)
    np.testing.assert_allclose(measured[true > 1.12 * FAR], FAR, atol=1e-4)  # an octagon's corner
    assert np.abs(measured - np.minimum(true, FAR)).max() < 1.7
    assert np.corrcoef(measured.ravel(), np.minimum(true, FAR).ravel())[0, 1] > 0.995


def test_without_lines_all_is_far_and_a_faint_line_is_half_as_near():
    nothing = np.full((1, 31, 45, 1), -1, np.float32)
    np.testing.assert_allclose(NearestLine()(nothing), 1, atol=1e-6)
    faint = nothing.copy()
    faint[:, :, 22] = 0
    np.testing.assert_allclose(NearestLine()(faint)[:, :, 22], 0, atol=1e-6)
