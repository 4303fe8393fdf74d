import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow as tf
from conftest import SIZE, data_for, tiny
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

from keras_colorize import cli, export, media
from keras_colorize.cartoon import episode
from keras_colorize.errors import RunError, SettingsMismatch, UsageError
from keras_colorize.image import line_lock, pixels
from keras_colorize.training import run_directory, train

# What a stranger runs: TensorFlow alone, with this package and all that it needs out of reach.
FRESH = """
import sys
ours = ("keras_colorize", "keras", "cv2", "PIL", "scipy", "skimage", "av", "pyamg", "matplotlib")
sys.modules.update(dict.fromkeys(ours))  # importing any of them now fails
import numpy as np, pathlib, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
folder = pathlib.Path(sys.argv[2])
answers = {}
for path in sorted(folder.iterdir()):
    if path.suffix == ".npy":
        for name in ("network", "pixels"):
            answer = model.signatures[name](pixels=tf.constant(np.load(path)))["pixels"]
            np.save(folder / f"{path.stem}.{name}", answer.numpy())
    else:
        for name in ("serving_default", "page"):
            answer = model.signatures[name](image_bytes=tf.constant([path.read_bytes()]))
            (folder / f"{path.name}.{name}").write_bytes(answer["colored_bytes"].numpy()[0])
assert not any(sys.modules.get(name) for name in ours)
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
    loaded = tf.saved_model.load(str(saved))
    return loaded.signatures, loaded


def drawn_pages() -> dict[str, np.ndarray]:
    """Gray pages of 8 and 16 bits, with transparency, and one so large that it goes in tiles."""
    gray = pixels.gray(episode.draw_frame(0))
    deep = gray.astype(np.uint16) * 257 ^ 5
    clear = np.linspace(0, 255, gray.size).reshape(gray.shape).astype(np.uint8)
    return {"gray": gray, "deep": deep, "odd": gray[:101, :77], "clear": np.dstack([gray] * 3 + [
        clear]), "large": cv2.resize(gray, (1501, 1127), interpolation=cv2.INTER_CUBIC)}


def levels(file: bytes) -> np.ndarray:
    """The levels of a PNG file as they are stored, of 16 bits as of 255."""
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    return picture * (255 / np.iinfo(picture.dtype).max)


@pytest.fixture(scope="module")
def answers(saved, tmp_path_factory):
    """A folder of inputs and what every signature made of them in a fresh process."""
    folder = tmp_path_factory.mktemp("fresh")
    noise = np.random.default_rng(0)
    for size in ((1, 180, 320), (1, 181, 333), (1, 1000, 700), (2, *SIZE), (1, 1, 1)):
        np.save(folder / f"{'x'.join(map(str, size))}.npy",
                noise.integers(0, 256, (*size, 1), np.uint8))
    for name, page in drawn_pages().items():
        cv2.imwrite(str(folder / f"{name}.png"), page)
    fresh = subprocess.run([sys.executable, "-c", FRESH, saved, folder], capture_output=True,
                           text=True, cwd=folder)
    assert fresh.returncode == 0, fresh.stderr
    return folder


def test_in_a_fresh_process_without_this_code_the_network_is_the_generator(answers, runs):
    generator = run_directory.load_generator(runs["gan_gray"])
    for path in answers.glob("*x*x?*.npy"):
        if path.suffixes != [".npy"]:
            continue
        condition, colored = np.load(path), np.load(answers / f"{path.stem}.network.npy")
        signed = pixels.to_signed(condition.astype(np.float32))
        own = pixels.to_uint8(np.asarray(generator(signed, training=False)))
        assert colored.shape == (*condition.shape[:3], 3)
        assert np.abs(colored.astype(int) - own).max() <= 1


def test_it_gives_the_pixels_that_colorize_gives_at_the_same_scale(answers, saved, tmp_path):
    pages = sorted(answers.glob("*.png"))
    assert len(pages) == 5
    for signature, flags in (("serving_default", ["--scale", "1"]), ("page", [])):
        out = tmp_path / signature
        words = ["colorize", saved, *pages, "--out", out, "--treat-as", "gray", *flags]
        assert cli.main([str(word) for word in words]) == 0
        for path in pages:
            served = levels((answers / f"{path.name}.{signature}").read_bytes())
            difference = np.abs(served - levels((out / path.name).read_bytes()))
            if signature == "serving_default":
                assert difference.max() <= 1, path.name
            assert np.mean(difference > 1) < 1e-4, path.name
            assert np.ptp(served[..., :3], axis=-1).mean() > 2  # of levels: it has colour


def test_a_page_as_large_as_what_was_learned_gets_other_colours_than_at_its_own_size(answers):
    for name, alike in (("large", False), ("gray", False)):
        own, learned = (levels((answers / f"{name}.png.{signature}").read_bytes())
                        for signature in ("serving_default", "page"))
        assert np.array_equal(own, learned) == alike


def test_a_session_loads_it_as_tensorflow_serving_does(saved, signatures):
    gray = np.random.default_rng(0).integers(0, 256, (1, 70, 90, 1), np.uint8)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(saved))
        assert set(loaded.signature_def) >= {"network", "pixels", "page", "serving_default"}
        network = loaded.signature_def["network"]
        served = session.run(network.outputs["pixels"].name, {network.inputs["pixels"].name: gray})
    own = signatures[0]["network"](pixels=gray)["pixels"].numpy()
    np.testing.assert_allclose(served.astype(int), own, atol=1)


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
    read = (saved / "README.md").read_text()
    for said in (card["dataset"]["digest"], card["generator_sha256"], "2 epochs", "EXIF",
                 "## Licence", "`page`", "64x96"):
        assert said in read


def test_the_card_says_what_the_model_learned_from(saved, data_dir):
    data = json.loads((data_dir / "dataset.json").read_text())
    read = (saved / "README.md").read_text()
    assert f"- Sources: `{data['sources'][0]['name']}`\n" in read
    counts = ", ".join(f"{count} {split}" for split, count in data["counts"].items())
    assert f"- Pictures: {counts}; split by shot\n" in read


def test_an_edge_run_serves_lines_and_no_page(runs, tmp_path):
    assert export.export(runs["gan_edge"], tmp_path / "edge") is True
    loaded = tf.saved_model.load(str(tmp_path / "edge"))
    assert loaded.signatures.keys() == {"serving_default", "pixels", "network"}
    lines = cv2.Canny(pixels.gray(episode.draw_frame(0)), 100, 200)
    file = media.encode_picture(lines)
    served = loaded.signatures["serving_default"](image_bytes=tf.constant([file]))
    given = tf.constant(lines[np.newaxis, ..., np.newaxis])
    own, alike = (loaded.signatures[name](pixels=given)["pixels"].numpy()[0]
                  for name in ("network", "pixels"))
    np.testing.assert_array_equal(own, alike)
    np.testing.assert_array_equal(own, media.decode_picture(served["colored_bytes"].numpy()[0]))
    generator = run_directory.load_generator(runs["gan_edge"])
    signed = pixels.to_signed(lines[np.newaxis, ..., np.newaxis].astype(np.float32))
    wanted = pixels.to_uint8(np.asarray(generator(signed, training=False)))[0]
    assert np.abs(own.astype(int) - wanted).max() <= 1
    card = (tmp_path / "edge" / "README.md").read_text()
    assert "edge pictures, white lines on black" in card and "`page`" not in card


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


def prediction_log():
    """The message that TensorFlow Serving reads, from its published numbers of fields."""
    pool = descriptor_pool.Default()
    file = descriptor_pb2.FileDescriptorProto(
        name="test/prediction_log.proto", package="test", syntax="proto3",
        dependency=[tensor_pb2.DESCRIPTOR.name])
    text, message = 9, 11  # descriptor.proto: TYPE_STRING, TYPE_MESSAGE

    def declare(name, *fields):
        declared = file.message_type.add(name=name)
        for number, field, kind in fields:
            declared.field.add(name=field, number=number, label=1, type=text if kind is None
                               else message, type_name=kind)
        return declared

    declare("ModelSpec", (1, "name", None), (3, "signature_name", None))
    request = declare("PredictRequest", (1, "model_spec", ".test.ModelSpec"))
    entry = request.nested_type.add(name="InputsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=1, type=text)
    entry.field.add(name="value", number=2, label=1, type=message,
                    type_name=".tensorflow.TensorProto")
    request.field.add(name="inputs", number=2, label=3, type=message,
                      type_name=".test.PredictRequest.InputsEntry")
    declare("PredictLog", (1, "request", ".test.PredictRequest"))
    declare("PredictionLog", (6, "predict_log", ".test.PredictLog"))
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.PredictionLog"))


def test_its_warm_up_requests_are_what_its_signatures_take(saved, signatures):
    read, asked = prediction_log(), []
    for record in tf.data.TFRecordDataset(
            str(saved / "assets.extra" / "tf_serving_warmup_requests")):
        log = read.FromString(record.numpy())
        assert log.SerializeToString(deterministic=True) == record.numpy()
        request = log.predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        inputs = {name: tf.constant(value.tolist() if value.dtype == object else value)
                  for name, value in inputs.items()}
        answer, = signatures[0][request.model_spec.signature_name](**inputs).values()
        picture = answer if answer.dtype == tf.uint8 else tf.io.decode_png(answer[0])[tf.newaxis]
        assert picture.shape == (1, *SIZE, 3)
        asked.append(request.model_spec.signature_name)
    assert sorted(asked) == ["network", "page", "pixels", "serving_default"]


@pytest.mark.slow
def test_averaged_weights_are_those_that_are_exported(runs, data_dir, tmp_path):
    wanted = tiny("cpu/convnet_gray", "optimizer.ema=0.9")
    train.train(wanted, data_for(wanted, data_dir), tmp_path / "run")
    assert export.export(tmp_path / "run", tmp_path / "saved")
    assert "Averaged weights (EMA): 0.9" in (tmp_path / "saved" / "README.md").read_text()
    gray = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 1), np.uint8)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    served = loaded.signatures["network"](pixels=gray)["pixels"].numpy().astype(int)
    averaged, raw = (pixels.to_uint8(np.asarray(run_directory.load_generator(run)(
        pixels.to_signed(gray.astype(np.float32)), training=False)))
        for run in (tmp_path / "run", runs["convnet_gray"]))  # raw: the same training, not averaged
    assert np.abs(served - averaged).max() <= 1
    assert np.mean(np.abs(served - raw) > 1) > 0.1  # farther than from the averaged ones
