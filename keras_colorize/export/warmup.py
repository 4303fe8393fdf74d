"""Requests that TensorFlow Serving makes of a model before it says that it is ready.

It looks for them in a TFRecord file of `PredictionLog` messages. Those are of the package
tensorflow-serving-api; the few fields that are needed are written here by their numbers, which
Protocol Buffers never change (tensorflow_serving/apis/prediction_log.proto, predict.proto,
model.proto).
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_colorize.export.signatures import Colorizer

FILE = "assets.extra/tf_serving_warmup_requests"
SIZE = (180, 320)  # of the picture where the model does not say what it learned
PREDICT_LOG, REQUEST = 6, 1
MODEL_SPEC, INPUTS = 1, 2
NAME, SIGNATURE_NAME = 1, 3
KEY, VALUE = 1, 2


def write(path: Path, colorizer: Colorizer) -> None:
    """Writes one request of each signature, with a picture of the size that the model learned."""
    height, width = colorizer.size or SIZE
    ramp = np.linspace(0, 255, height * width).reshape(1, height, width, 1).astype(np.uint8)
    file = tf.io.encode_png(ramp[0])[tf.newaxis]
    with tf.io.TFRecordWriter(str(path)) as records:
        for name, signature in colorizer.signatures().items():
            of_files = signature.input_signature[0].dtype == tf.string
            argument, value = ("image_bytes", file) if of_files else ("pixels", ramp)
            records.write(_prediction_log(name, argument, value))


def _prediction_log(signature: str, argument: str, value: tf.Tensor | np.ndarray) -> bytes:
    """A request to one signature, as the bytes of a `PredictionLog`."""
    model = _field(NAME, b"default") + _field(SIGNATURE_NAME, signature.encode())
    tensor = tf.make_tensor_proto(value).SerializeToString()
    inputs = _field(KEY, argument.encode()) + _field(VALUE, tensor)
    request = _field(MODEL_SPEC, model) + _field(INPUTS, inputs)
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """A field of text, bytes or a message: its number and kind, its length, and its content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A whole number, seven bits a byte from the lowest, all but the last with the upper bit."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
