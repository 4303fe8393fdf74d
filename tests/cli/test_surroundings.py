"""Claims about odd paths and environments: what is printed, and what the commands make of them."""

import importlib.util
import io
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

import keras_colorize
from keras_colorize import cli, colorize, export, import_tensorflow
from keras_colorize.cartoon import episode
from keras_colorize.data import build, records
from keras_colorize.errors import UsageError, shell_line

PACKAGE = Path(keras_colorize.__file__).parent
ODD = ("two words", "it's", 'say "hi"', "$HOME;ls", "*.png", "-x", "~", "a\tb", "#1", "漫画")
PATTERNS = ("[Group] Series", "a[!b]", "back\\slash", "a*b?", "{a,b}")


def test_a_model_in_a_folder_named_like_a_pattern_loads(served_model, tmp_path):
    place = tmp_path / "[Group] Series"
    place.symlink_to(served_model)
    assert colorize.Model.load(place).name == str(place)
    module = tf.Module()
    module.weight = tf.Variable(3.0)
    tf.saved_model.save(module, str(tmp_path / "small"))
    for name in PATTERNS:
        place = shutil.copytree(tmp_path / "small", tmp_path / name / "model")
        with export.plain_path(place) as path:
            assert tf.saved_model.load(path).weight.numpy() == 3


@pytest.mark.parametrize("name", PATTERNS)
def test_an_export_into_a_folder_named_like_a_pattern_says_so(name, monkeypatch, capsys):
    monkeypatch.setattr(export, "export", lambda *arguments: True)
    for out, is_odd in ((Path(name), True), (Path(name, "model"), True), (Path("plain"), False)):
        assert cli.main(["export", "run", "--out", str(out)]) == 0
        assert ("rename it for them" in capsys.readouterr().out) == is_odd


def keras_settings():
    """What Keras takes for its settings, as it reads them when it is imported."""
    import_tensorflow()
    spec = importlib.util.find_spec("keras.src.backend.config")
    read = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(read)
    return read.image_data_format(), read.floatx(), read.backend(), read.max_epochs()


@pytest.mark.parametrize("text", [
    '{"image_data_format": "channels_first"}', '{"floatx": "float16"}', '{"backend": "torch"}',
    '{"floatx": "float12"}', '{"epsilon": "small"}', "[]", "no JSON",
    '{"image_data_format": "channels_first", "floatx": "float64", "nnx_enabled": true}'])
def test_no_settings_of_keras_decide_over_a_run(text, tmp_path, monkeypatch):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(text)
    for name in ("KERAS_HOME", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "1")
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "many")
    assert keras_settings() == ("channels_last", "float32", "tensorflow", None)
    assert (tmp_path / ".keras" / "keras.json").read_text() == text


@pytest.mark.parametrize("backend", ["torch", "numpy", "openvino", "TensorFlow", "jax "])
def test_a_backend_that_is_none_of_ours_is_one_line_where_it_matters(
        backend, monkeypatch, tmp_path, error_of):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(UsageError, match=r"KERAS_BACKEND: is .*; set it to tensorflow or jax"):
        import_tensorflow()
    for arguments in (["train", "gan_gray", "--data", tmp_path], ["evaluate", "r", "--data", "d"]):
        code, error = error_of(*arguments, "--out", tmp_path / "out")
        assert code == 2 and error.startswith("error: KERAS_BACKEND: is '")
    code, error = error_of("colorize", tmp_path, "--model", tmp_path)
    assert code == 1 and "is neither a SavedModel" in error  # it runs on TensorFlow anyway


def test_jax_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="is 'jax', which is not installed; run pip install"):
        import_tensorflow()
    assert keras.backend.backend() == "tensorflow"


@pytest.mark.parametrize("arguments", [
    ["build-tfrecords", "x.mp4", "--out"], ["train", "gan_gray", "--data", "d", "--out"],
    ["train", "gan_gray", "--out", "r", "--data"], ["inspect"], ["evaluate"], ["export"],
    ["inspect", "d", "--out"], ["evaluate", "r", "--data", "d", "--out"], ["demo", "--out"],
    ["export", "r", "--out"], ["export", "r", "--out", "o", "--report"], ["draw-episode"],
    ["draw-manga"],
    ["colorize", "m", "p.png", "--out"], ["colorize", "p.png", "--model"], ["serve"],
    ["train", "gan_gray", "--data", "d", "--out", "r", "--init-from"]])
def test_a_path_that_is_not_utf8_is_one_line(arguments, error_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, error = error_of(*arguments, os.fsdecode(b"caf\xe9"))
    assert code == 2 and "caf\\udce9 is a name that is not UTF-8; rename it" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("arguments", "line"), [
    (["build-tfrecords", "x.mp4", "--out", "/"], "/ is a whole disk; name a file or folder on it"),
    (["colorize", ".", "--model", "m", "--out", "a/../.."], "m: is neither a SavedModel nor"),
    (["evaluate", "loop", "--data", "d", "--out", "o"], "d: holds no dataset.json"),
    (["export", "loop", "--out", "o"], "loop: has no generator.keras"),
    (["inspect", "loop"], "loop: holds no dataset.json"),
    (["build-tfrecords", "loop", "--out", "o"], "loop: is neither a file nor a folder"),
    (["colorize", "/"], "/: is a whole disk, which has nothing beside it; name --out"),
    (["colorize", ".", "--model", "loop"], "loop: is neither a SavedModel nor")])
def test_roots_and_links_to_themselves_are_one_line(
        arguments, line, error_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    code, error = error_of(*arguments)
    assert code in (1, 2) and line in error


def test_what_a_terminal_cannot_show_is_escaped(tmp_path, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    (tmp_path / "画.mp4").touch()
    assert cli.main(["draw-episode", str(tmp_path / "画.mp4")]) == 0
    stream.flush()
    assert b"\\u753b.mp4 is there already" in stream.buffer.getvalue()


@pytest.mark.parametrize("name", ODD)
def test_every_command_that_is_printed_can_be_pasted_into_a_shell(name, monkeypatch, capsys):
    folder = Path(name)
    monkeypatch.setattr(export, "export", lambda *arguments: True)
    monkeypatch.setattr(episode, "write_video", lambda path: None)
    assert cli.main(["export", f"--out={folder / 'model'}", "run"]) == 0
    assert cli.main(["draw-episode", "--", str(folder / "episode.mp4")]) == 0
    print(build.summary(records.Manifest(folder / "data", {
        "size": [64, 96], "split_by": "shot", "counts": {"test": 1}, "sources": [], "failed": {},
        "leak": {"share": 0}})))
    lines = [line for line in capsys.readouterr().out.splitlines()
             if line.startswith("  keras-colorize ")]
    words = {word for line in lines for word in shlex.split(line)}
    shown = [str(folder / each) for each in ("model", "episode.mp4", "data")]
    assert len(lines) == 3
    assert words >= {f"./{each}" if each.startswith("-") else each for each in shown}


def test_no_command_is_printed_without_quotes():
    plain = re.compile(r"(keras-colorize [a-z-]+|tensorboard --logdir) [^\n\"']*\{")
    assert shell_line("keras-colorize", "train", Path("a b")) == "keras-colorize train 'a b'"
    assert not [path for path in PACKAGE.rglob("*.py") if plain.search(path.read_text())]
