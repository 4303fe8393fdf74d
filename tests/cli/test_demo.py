import json

import numpy as np
import pytest
from conftest import command, examples

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.cli import demo
from keras_colorize.errors import ColorizeError


def test_the_frames_shown_are_of_unseen_shots_and_fill_a_page(data_dir):
    frames = demo.unseen_frames(data_dir)
    shots = [int(each["shot"]) for each in examples(data_dir, "test")]
    assert {episode.shot_of(frame) for frame in frames} == set(shots)
    assert len(frames) == len(set(shots))
    page = demo.draw_page(frames[:1])
    assert page.shape == (1480, 1290, 3) and (page[:30] == 255).all()
    rows, columns = np.nonzero((page != 255).any(axis=2))
    assert (rows.min(), rows.max()) == (30, 1449) and (columns.min(), columns.max()) == (30, 1259)


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
    for text in ("| gray | GAN | gan_gray |", "demo.html", "tensorboard --logdir"):
        assert text in answer.stdout
    assert (tmp_path / "demo" / "demo.html").read_text().count("data:image/png") == 9
    frame = media.read_picture(tmp_path / "demo" / "colored" / "gan_gray" / "frame.png")
    assert frame.shape == (720, 1280, 3)
