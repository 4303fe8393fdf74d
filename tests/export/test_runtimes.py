"""The generator in ONNX Runtime and LiteRT."""

import itertools
import sys

import keras
import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from conftest import SIZE

from keras_colorize import export, models
from keras_colorize.errors import SettingsMismatch
from keras_colorize.export import runtimes
from keras_colorize.image import pixels
from keras_colorize.training import run_directory

SIZES = ((1, 180, 320), (1, 181, 333), (2, *SIZE), (3, 97, 45), (1, 1, 1))


def onnx(folder):
    """The network of a folder as a function of arrays."""
    session = onnxruntime.InferenceSession(folder / "network.onnx",
                                           providers=["CPUExecutionProvider"])
    return lambda gray: session.run(["colored_pixels"], {"pixels": gray})[0]


def litert(folder):
    """The same of LiteRT."""
    interpreter = Interpreter(str(folder / "network.tflite"))
    return lambda gray: interpreter.get_signature_runner("network")(pixels=gray)["colored_pixels"]


RUN = {"onnx": onnx, "litert": litert}


def assert_equal(network, generator, sizes=SIZES) -> None:
    """They give the same pictures, within one level of 255, of any size and batch."""
    noise = np.random.default_rng(0)
    for size in sizes:
        gray = noise.integers(0, 256, (*size, 1), np.uint8)
        signed = pixels.to_signed(gray.astype(np.float32))
        own = pixels.to_uint8(np.asarray(generator(signed, training=False)))
        colored = network(gray)
        assert (colored.dtype, colored.shape) == (np.uint8, (*size, 3))
        assert np.abs(colored.astype(int) - own).max() <= 1


@pytest.mark.parametrize("format", RUN)
def test_an_exported_network_is_the_generator_at_any_size(runs, tmp_path, format):
    out = tmp_path / "model"
    assert export.export(runs["gan_gray"], out, format) is True
    assert_equal(RUN[format](out), run_directory.load_generator(runs["gan_gray"]))
    network, = (path.name for path in out.iterdir() if path.stem == "network")
    assert f'"model/{network}"' in (out / "README.md").read_text()
    assert export.export(runs["gan_gray"], out, format) is False
    for other in ({"onnx", "litert", "saved_model"} - {format}):
        with pytest.raises(SettingsMismatch, match="name another --out"):
            export.export(runs["gan_gray"], out, other)


@pytest.mark.parametrize("format", RUN)
def test_one_of_a_fixed_size_declares_it(runs, tmp_path, format, error_of):
    out = tmp_path / "model"
    assert export.export(runs["gan_gray"], out, format, fixed_size=(65, 99)) is True
    generator = run_directory.load_generator(runs["gan_gray"])
    assert_equal(RUN[format](out), generator, [(1, 65, 99)])
    if format == "onnx":
        declared = onnxruntime.InferenceSession(out / "network.onnx").get_inputs()[0].shape
    else:
        details, = Interpreter(str(out / "network.tflite")).get_input_details()
        declared = details["shape_signature"].tolist()
    assert declared == [1, 65, 99, 1]
    assert "One picture at a time, of 65x99" in (out / "README.md").read_text()
    code, error = error_of("export", runs["gan_gray"], "--out", out, "--size", "65x99")
    assert code == 2 and "a SavedModel takes any size" in error


@pytest.mark.parametrize("variant", [
    {"normalization": "instance", "upsampling": "resize", "output": "chroma"},
    {"normalization": "batch", "upsampling": "bilinear", "lines": "distance"},
    pytest.param(None, marks=pytest.mark.slow)], ids=("gray", "edge", "all"))
@pytest.mark.parametrize("format", RUN)
def test_so_are_its_variants(tmp_path, format, variant):
    every = itertools.product(("batch", "instance"), ("transposed", "resize", "bilinear"),
                              ("color", "chroma"))
    variants = [variant] if variant else [
        dict(zip(("normalization", "upsampling", "output"), each, strict=True)) for each in every]
    for number, variant in enumerate(variants):
        keras.utils.set_random_seed(number)
        normalization = models.Normalization(variant["normalization"])
        widths = [8] * (6 if len(variants) > 1 else 2)
        generator = models.unet(widths, widths, **variant | {"normalization": normalization})
        (tmp_path / str(number)).mkdir()
        runtimes.CONVERTERS[format](generator, tmp_path / str(number))
        assert_equal(RUN[format](tmp_path / str(number)), generator)


def test_without_tf2onnx_it_says_what_to_install(runs, tmp_path, error_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    out = tmp_path / "out"
    code, error = error_of("export", runs["gan_gray"], "--out", out, "--format", "onnx")
    assert code == 2
    assert "needs tf2onnx" in error and "keras_colorize[onnx]" in error
    assert not out.exists()
