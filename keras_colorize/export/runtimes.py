"""The signature `network` for ONNX Runtime and LiteRT."""

import logging
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from keras_colorize.errors import UsageError
from keras_colorize.export.graph import Colorizer
from keras_colorize.files import whole_file

OPSET = 18  # of ONNX: the newest that tf2onnx writes


class Network(tf.Module):
    """`Colorizer.network` under names that a file can hold: input and output may not be alike.

    It takes one picture of height and width `size` at a time; for None any size and batch.
    """

    def __init__(self, generator: keras.Model, size: tuple[int, int] | None = None):
        super().__init__()
        colorizer = Colorizer(generator)
        self.weights = colorizer.weights
        self.shape = (1, *size, 1) if size else (None, None, None, 1)
        self.network = tf.function(
            lambda pixels: {"colored_pixels": colorizer.network(pixels)["pixels"]},
            input_signature=[tf.TensorSpec(self.shape, tf.uint8, "pixels")], autograph=False)


class Doubling(keras.layers.Layer):
    """Repeats every pixel, as UpSampling2D does, in which LiteRT loses the number of channels."""

    def call(self, x):
        return tf.image.resize(x, 2 * tf.shape(x)[1:3], "nearest")


def write_onnx(generator: keras.Model, folder: Path, size: tuple[int, int] | None = None) -> None:
    """Writes `network.onnx`: uint8 `pixels` [batch, h, w, 1] to `colored_pixels` [batch, h, w, 3].

    `size` is as of `Network`. It raises UsageError where tf2onnx is not installed.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise UsageError("--format onnx", "needs tf2onnx, which is not installed",
                         "run pip install 'keras_colorize[onnx]'") from error
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    module = Network(generator, size)
    with whole_file(folder / "network.onnx") as temporary:
        tf2onnx.convert.from_function(module.network, module.network.input_signature, opset=OPSET,
                                      output_path=str(temporary))


def write_litert(generator: keras.Model, folder: Path, size: tuple[int, int] | None = None,
                 ) -> None:
    """Writes `network.tflite`, the same as `write_onnx` in LiteRT's own operations."""
    convertible = keras.models.clone_model(generator, clone_function=_convertible)
    convertible.set_weights(generator.get_weights())
    module = Network(convertible, size)
    with tempfile.TemporaryDirectory() as saved, whole_file(folder / "network.tflite") as temporary:
        tf.saved_model.save(module, saved, signatures={"network": module.network})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=["network"])
        temporary.write_bytes(converter.convert())


def _convertible(layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, keras.layers.UpSampling2D):
        return Doubling(name=layer.name)
    return type(layer).from_config(layer.get_config())


CONVERTERS = {"onnx": write_onnx, "litert": write_litert}
