"""A run's generator written as a SavedModel, ONNX or LiteRT, with a card that says what it is."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_colorize.errors import SettingsMismatch, UsageError
from keras_colorize.export import model_card, runtimes
from keras_colorize.export.graph import Colorizer
from keras_colorize.files import json_text, sha256_of, whole_file, whole_folder, write_json
from keras_colorize.training import run_directory

CARD = "assets.extra/keras_colorize.json"  # of a SavedModel; other formats have it on top
SAVED_MODEL = "saved_model"
FORMATS = (SAVED_MODEL, *runtimes.CONVERTERS)


def export(run_dir: Path, out: Path, format: str = SAVED_MODEL,
           report_dir: Path | None = None, fixed_size: tuple[int, int] | None = None) -> bool:
    """Writes a run's generator as a folder that needs none of this code.

    A SavedModel holds all signatures of `Colorizer`, and requests that warm TensorFlow Serving up;
    ONNX and LiteRT are of `network` alone. `keras_colorize.json` says which run and dataset it is
    from, which input it takes and which picture size it was trained on; `README.md` says it to
    people.

    Args:
        format: one of `FORMATS`.
        report_dir: what `evaluate` wrote on this run, for the card.
        fixed_size: of ONNX and LiteRT: height and width of the one picture that it then takes.

    Returns:
        False where the same generator was exported there before.

    Raises:
        RunError: this is no run, or it has finished no epoch.
        SettingsMismatch: `out` holds another model, or the same one in another format.
        UsageError: `out` holds something else, a library that the format needs is not installed,
            a SavedModel is to have a fixed size, or the report is not on this generator.
    """
    if fixed_size and format == SAVED_MODEL:
        raise UsageError("--size", "is of ONNX and LiteRT; a SavedModel takes any size",
                         "leave it out, or give --format with it")
    generator = run_directory.load_generator(run_dir)
    dataset = run_directory.describe(run_dir).get("dataset", {})
    given = run_directory.read_config(run_dir).model.input
    size = tuple(dataset["size"]) if dataset.get("size") else None
    colorizer = Colorizer(generator, given == "gray", size)
    served = sorted(colorizer.signatures()) if format == SAVED_MODEL else ["network"]
    digest = sha256_of(run_dir / "generator.keras")
    card = {"generator_sha256": digest, "run": run_directory.name_of(run_dir), "input": given,
            "dataset": dataset, "started": run_directory.describe(run_dir)["starts"][0]["time"],
            "format": format, "signatures": served, "fixed_size": fixed_size and list(fixed_size),
            "metrics": model_card.measured(report_dir, digest) if report_dir else []}
    place = CARD if format == SAVED_MODEL else Path(CARD).name
    if _was_exported(out, card, place):
        return False
    with whole_folder(out) as temporary:
        if format == SAVED_MODEL:
            tf.saved_model.save(colorizer, str(temporary), signatures=colorizer.signatures())
            (temporary / CARD).parent.mkdir()
            write(temporary / FILE, colorizer)
        else:
            runtimes.CONVERTERS[format](generator, temporary, fixed_size)
        write_json(temporary / place, card)
        with whole_file(temporary / "README.md") as readme:
            readme.write_text(model_card.text(run_dir, card, out.name, generator.count_params()),
                              encoding="utf-8")
    return True


def _was_exported(out: Path, card: dict, place: str) -> bool:
    """Whether this very model is in `out`; an error where something else is."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not any((out / each).is_file() for each in (CARD, Path(CARD).name)):
        raise UsageError(out, "exists and is no SavedModel of ours", "name another --out")
    if not (out / place).is_file():
        raise SettingsMismatch(out, f"is a model in another format than {card['format']}",
                               "name another --out")
    if (out / place).read_text(encoding="utf-8") != json_text(card):
        raise SettingsMismatch(out, "is the SavedModel of another run, or of an earlier epoch"
                               if place == CARD else "is of another run, or of an earlier epoch",
                               "name another --out, or remove it first")
    return True


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
