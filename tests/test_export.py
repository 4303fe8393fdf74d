import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import SIZE

from keras_colorize import episode, export, line_lock, media, pixels, run_directory
from keras_colorize.errors import RunError, SettingsMismatch, UsageError

# What a stranger runs: TensorFlow alone, with our package and Keras models out of reach.
FRESH = """
import sys
sys.modules["keras_colorize"] = None  # importing it now fails
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
arrays = np.load(sys.argv[2])
answers = {name: model.signatures["network"](pixels=tf.constant(arrays[name]))["pixels"].numpy()
           for name in arrays.files}
np.savez(sys.argv[3], **answers)
"""


@pytest.fixture(scope="module")
def saved(runs, tmp_path_factory):
    """The SavedModel of the tiny gray GAN."""
    out = tmp_path_factory.mktemp("saved") / "model"
    assert export.export(runs["gan_gray"], out) is True
    return out


@pytest.fixture(scope="module")
def signatures(saved):
    """Its signatures, and the model, which must live as long."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(saved))
    return loaded.signatures, loaded


def test_in_a_fresh_process_without_this_code_the_network_is_the_generator(saved, runs, tmp_path):
    noise = np.random.default_rng(0)
    sizes = [(1, 180, 320), (1, 181, 333), (1, 1000, 700), (2, *SIZE), (1, 1, 1)]
    conditions = {f"{size}": noise.integers(0, 256, (*size, 1), np.uint8) for size in sizes}
    np.savez(tmp_path / "in.npz", **conditions)
    answer = subprocess.run([sys.executable, "-c", FRESH, saved, tmp_path / "in.npz",
                             tmp_path / "out.npz"], capture_output=True, text=True, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    colored = np.load(tmp_path / "out.npz")
    generator = run_directory.load_generator(runs["gan_gray"])
    for name, condition in conditions.items():
        signed = pixels.to_signed(condition.astype(np.float32))
        own = pixels.to_uint8(np.asarray(generator(signed, training=False)))
        assert colored[name].shape == (*condition.shape[:3], 3)
        assert np.abs(colored[name].astype(int) - own).max() <= 1


def test_pixels_takes_one_channel_or_three_and_keeps_their_luminance(signatures, random_pictures):
    rgb = random_pictures(1, 70, 90, 3)
    gray = cv2.cvtColor(rgb[0], cv2.COLOR_RGB2GRAY)
    network = signatures[0]["network"](pixels=gray[None, ..., None])["pixels"][0].numpy()
    locked = line_lock.join(gray, pixels.chroma(network))
    for picture in (rgb, gray[None, ..., None]):
        served = signatures[0]["pixels"](pixels=picture)["pixels"][0].numpy()
        assert line_lock.largest_change(gray, served) <= 1
        np.testing.assert_allclose(served.astype(int), locked, atol=1)
    assert not np.array_equal(network, served)


def test_serving_default_takes_files_of_mixed_sizes_and_gives_png(signatures):
    frame = episode.draw_frame(0)
    pictures = [frame, frame[:100, :150], pixels.gray(frame)]
    files = [media.encode_picture(pictures[0], ".png"), media.encode_picture(pictures[1], ".jpg"),
             media.encode_picture(pictures[2], ".png")]
    answers = signatures[0]["serving_default"](image_bytes=files)["colored_bytes"].numpy()
    decoded = [media.decode_picture(answer) for answer in answers]
    assert [each.shape for each in decoded] == [(360, 640, 3), (100, 150, 3), (360, 640, 3)]
    assert all(answer.startswith(b"\x89PNG") for answer in answers)
    np.testing.assert_array_equal(decoded[0], decoded[2])


def test_the_card_says_where_the_model_is_from(saved):
    card = json.loads((saved / "assets.extra" / "keras_colorize.json").read_text())
    assert (card["run"], card["input"]) == ("gan_gray", "gray")


def test_a_second_export_is_found_and_another_is_refused(saved, runs, tmp_path):
    assert export.export(runs["gan_gray"], saved) is False
    with pytest.raises(SettingsMismatch, match="is the SavedModel of another run"):
        export.export(runs["convnet_gray"], saved)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is no SavedModel of ours"):
        export.export(runs["gan_gray"], tmp_path)
    with pytest.raises(RunError, match="has no generator"):
        export.export(tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()
