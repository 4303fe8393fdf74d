"""A run's generator written as a SavedModel, ONNX or LiteRT, with a card that says what it is."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
PATTERNS = frozenset("[]*?{}\\")
"""What TensorFlow takes in the path of a SavedModel for a pattern, and may find nothing by."""

WARM_UP = "assets.extra/tf_serving_warmup_requests"
WARM_UP_SIZE = (180, 320)  # of the picture where the model does not say what it learned
# The numbers of fields in prediction_log.proto, predict.proto and model.proto of TensorFlow
# Serving, which Protocol Buffers never change.
PREDICT_LOG, REQUEST = 6, 1
MODEL_SPEC, INPUTS = 1, 2
NAME, SIGNATURE_NAME = 1, 3
KEY, VALUE = 1, 2


def export(run_dir: Path, out: Path, format: str = SAVED_MODEL,
           report_dir: Path | None = None, fixed_size: tuple[int, int] | None = None) -> bool:
    """Writes a run's generator as a folder that needs none of this code.

    A SavedModel holds all signatures of `Colorizer`, and requests that warm TensorFlow Serving up.
    ONNX and LiteRT hold `network` alone. `keras_colorize.json` says from which run and dataset the
    model is, which input it takes and which picture size it was trained on; `README.md` says it to
    people.

    Args:
        format: one of `FORMATS`.
        report_dir: what `evaluate` wrote on this run, for the card.
        fixed_size: for ONNX and LiteRT, height and width of the one picture that they then take.

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
    digest = sha256_of(run_dir / "generator.keras")
    described = run_directory.describe(run_dir)
    dataset = described.get("dataset", {})
    condition = run_directory.read_config(run_dir).model.input
    size = tuple(dataset["size"]) if dataset.get("size") else None
    moods = run_directory.read_moods(run_dir)
    colorizer = Colorizer(generator, condition == "gray", size)
    served = sorted(colorizer.signatures()) if format == SAVED_MODEL else ["network"]
    card = {"generator_sha256": digest, "run": run_directory.name_of(run_dir), "input": condition,
            "dataset": dataset, "started": described["starts"][0]["time"],
            "format": format, "signatures": served, "fixed_size": fixed_size and list(fixed_size),
            **({"moods": moods} if moods else {}),
            "metrics": model_card.measured(report_dir, digest) if report_dir else []}
    if _was_exported(out, card):
        return False
    with whole_folder(out) as temporary:
        if format == SAVED_MODEL:
            _write_saved_model(temporary, colorizer)
        else:
            runtimes.CONVERTERS[format](generator, temporary, fixed_size)
        write_json(temporary / _place(format), card)
        with whole_file(temporary / "README.md") as readme:
            readme.write_text(model_card.text(run_dir, card, out.name, generator.count_params()),
                              encoding="utf-8")
    return True


@contextmanager
def plain_path(path: Path) -> Iterator[str]:
    """Gives a path of the same folder that TensorFlow takes for no pattern, while it is loaded."""
    if PATTERNS.isdisjoint(str(path.absolute())):
        yield str(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "model")
        link.symlink_to(path.absolute(), target_is_directory=True)
        yield str(link)


def _place(format: str) -> str:
    return CARD if format == SAVED_MODEL else Path(CARD).name


def _was_exported(out: Path, card: dict) -> bool:
    """Whether this very model is in `out`; raises an error where something else is."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not any((out / each).is_file() for each in (CARD, Path(CARD).name)):
        raise UsageError(out, "exists and is no SavedModel of ours", "name another --out")
    written = out / _place(card["format"])
    if not written.is_file():
        raise SettingsMismatch(out, f"is a model in another format than {card['format']}",
                               "name another --out")
    if written.read_text(encoding="utf-8") != json_text(card):
        kind = "the SavedModel " if card["format"] == SAVED_MODEL else ""
        raise SettingsMismatch(out, f"is {kind}of another run, or of an earlier epoch",
                               "name another --out, or remove it first")
    return True


def _write_saved_model(folder: Path, colorizer: Colorizer) -> None:
    """Writes a SavedModel, and beside it one request of each signature.

    TensorFlow Serving makes the requests before it says that it is ready. It reads them from a
    TFRecord file of `PredictionLog` messages, which are written here field by field, without the
    package tensorflow-serving-api. Their picture is of the size that the model learned.
    """
    tf.saved_model.save(colorizer, str(folder), signatures=colorizer.signatures())
    (folder / WARM_UP).parent.mkdir()
    height, width = colorizer.size or WARM_UP_SIZE
    ramp = np.linspace(0, 255, height * width).reshape(1, height, width, 1).astype(np.uint8)
    file = tf.io.encode_png(ramp[0])[tf.newaxis]
    with tf.io.TFRecordWriter(str(folder / WARM_UP)) as records:
        for name, signature in colorizer.signatures().items():
            of_files = signature.input_signature[0].dtype == tf.string
            argument, value = ("image_bytes", file) if of_files else ("pixels", ramp)
            records.write(_prediction_log(name, argument, value))


def _prediction_log(signature: str, argument: str, value: tf.Tensor | np.ndarray) -> bytes:
    """Encodes a request to one signature as the bytes of a `PredictionLog`."""
    model = _field(NAME, b"default") + _field(SIGNATURE_NAME, signature.encode())
    tensor = tf.make_tensor_proto(value).SerializeToString()
    inputs = _field(KEY, argument.encode()) + _field(VALUE, tensor)
    request = _field(MODEL_SPEC, model) + _field(INPUTS, inputs)
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """Encodes a field of text, bytes or a message: number and kind, length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Encodes a whole number: seven bits a byte, the lowest first, and a bit that more follow."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
