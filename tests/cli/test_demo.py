import json

import numpy as np
import pytest
from conftest import command, examples

from keras_colorize import media
from keras_colorize.cli import demo
from keras_colorize.errors import ColorizeError


def test_the_chosen_frame_is_the_test_frame_that_gray_misses_most(data_dir):
    gray, truth = demo.most_colourful_test_frame(data_dir)
    assert gray.shape == (64, 96) and truth.shape == (64, 96, 3)
    chosen = np.abs(truth.astype(float) - gray[..., np.newaxis]).mean()
    for each in examples(data_dir, "test"):
        other = [media.decode_picture(each[name].numpy()).astype(float) for name in ("color",
                                                                                     "gray")]
        assert np.abs(other[0] - other[1]).mean() <= chosen


def test_a_model_that_learned_nothing_fails_the_demo(tmp_path):
    rows = [{"run": None, "model": "input", "l1": 40.0}, {"run": "good", "model": "gan", "l1": 24},
            {"run": "poor", "model": "gan", "l1": 24.1}]
    (tmp_path / "metrics.json").write_text(json.dumps({"rows": rows[:2]}))
    demo.check_learned(tmp_path)
    (tmp_path / "metrics.json").write_text(json.dumps({"rows": rows}))
    with pytest.raises(ColorizeError, match=r"poor: has L1 24\.10 .* above 0\.6 of .* 40\.00"):
        demo.check_learned(tmp_path)


def test_a_failed_step_ends_the_demo(tmp_path):
    steps = []
    with pytest.raises(ColorizeError, match="keras-colorize draw-episode: failed"):
        demo.demonstrate(tmp_path, lambda line: steps.append(line) or 1)
    assert len(steps) == 1


@pytest.mark.slow
def test_the_demo_learns_its_cartoon_and_shows_it(tmp_path):
    answer = command("demo", "--out", tmp_path / "demo")
    assert answer.returncode == 0, answer.stderr
    for text in ("| gray | GAN | gan_gray |", "before_after.png", "tensorboard --logdir"):
        assert text in answer.stdout
    picture = media.read_picture(tmp_path / "demo" / "before_after.png")
    assert picture.shape[0] == 4 * (90 + 4)  # input, ConvNet, GAN, truth
