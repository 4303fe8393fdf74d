import json

import cv2
import numpy as np
import pytest
from conftest import command, examples
from web_pages import WebPage

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.cli import demo
from keras_colorize.errors import ColorizeError
from keras_colorize.image import pixels

RED, BLUE = (200, 60, 50), (70, 90, 210)


def test_the_first_of_the_chosen_frames_is_the_test_frame_that_gray_misses_most(data_dir):
    frames = demo.colourful_test_frames(data_dir)
    shots = {int(each["shot"]) for each in examples(data_dir, "test")}
    assert [episode.shot_of(frame.number) in shots for frame in frames] == [True] * len(shots)
    _, gray, truth = frames[0]
    assert gray.shape == (64, 96) and truth.shape == (64, 96, 3)
    chosen = np.abs(truth.astype(float) - gray[..., np.newaxis]).mean()
    for each in examples(data_dir, "test"):
        other = [media.decode_picture(each[name].numpy()).astype(float) for name in ("color",
                                                                                     "gray")]
        assert np.abs(other[0] - other[1]).mean() <= chosen


def test_large_pictures_show_the_chosen_frames(data_dir, tmp_path):
    frames = demo.colourful_test_frames(data_dir)
    page, frame = map(media.read_picture, demo.large_pictures(frames, tmp_path))
    assert page.shape == (2000, 1360, 3) and frame.shape == (720, 1280, 3)
    color = media.read_picture(tmp_path / "truth" / "frame.png")
    small = cv2.resize(color[:, 100:-100], (96, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - frames[0].color).mean() < 5
    np.testing.assert_array_equal(pixels.gray(color), frame[..., 0])


def test_the_page_is_told_the_colours_of_its_largest_surfaces_and_nothing_of_its_margins(tmp_path):
    truth = np.full((400, 300, 3), 255, np.uint8)
    truth[20:200, 20:280], truth[220:380, 20:280], truth[300:340, 100:200] = RED, BLUE, (0, 0, 0)
    media.write_picture(tmp_path / "truth" / "page.png", truth)
    dots = cv2.imread(str(demo.draw_hints(tmp_path)), cv2.IMREAD_UNCHANGED)
    drawn = dots[..., 3] > 0
    assert {tuple(color[::-1]) for color in dots[drawn][:, :3].tolist()} == {RED, BLUE}
    assert (truth[drawn] == dots[drawn][:, 2::-1]).all()
    assert cv2.connectedComponents(drawn.astype(np.uint8))[0] == 1 + 2


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
    page = WebPage((tmp_path / "demo" / "demo.html").read_text())
    page.check_whole()
    assert len(page.pictures) == 5 + 4 + 3  # a page and a frame, and the losses
    picture = media.read_picture(tmp_path / "demo" / "before_after.png")
    assert picture.shape[0] == 4 * (90 + 4)  # input, ConvNet, GAN, truth
