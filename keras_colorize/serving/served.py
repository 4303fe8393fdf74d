"""A SavedModel's signatures, called by name with arrays."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from keras_colorize import colorize, export
from keras_colorize.errors import RunError, one_line
from keras_colorize.export.graph import WHOLE
from keras_colorize.serving.refusals import Busy, Refused
from keras_colorize.serving.scans import white
from keras_colorize.serving.tensors import Input


@dataclass(frozen=True)
class Served:
    """A loaded model as a server calls it."""

    model: colorize.Model
    """The same as `colorize` uses it."""
    signatures: dict[str, Callable]
    definitions: dict[str, dict]
    """The `SignatureDef` of each signature, as JSON."""
    most_at_once: int = WHOLE
    """Pixels that the network may see at once; beyond, `colorize` and files go in tiles."""

    @classmethod
    def load(cls, path: Path) -> "Served":
        """Loads a SavedModel, or exports a run directory to a temporary one first.

        Raises:
            RunError: it is neither, or damaged.
        """
        if (path / "saved_model.pb").is_file():
            return cls._load_saved(path)
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder) / "model"
            export.export(path, saved)
            served = cls._load_saved(saved)
        return replace(served, model=replace(served.model, name=str(path)))

    @classmethod
    def _load_saved(cls, path: Path) -> "Served":
        model = colorize.Model.load(path)
        stored = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        definitions = {name: json_format.MessageToDict(
            definition, preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True)
            for name, definition in stored.meta_graphs[0].signature_def.items()}
        return cls(model, dict(model.owner.signatures), definitions)

    def inputs(self, signature: str) -> list[Input]:
        """What a signature takes.

        Raises:
            Refused: 400: there is none of that name.
        """
        if signature not in self.signatures:
            raise Refused(400, f'Serving signature name: "{signature}" not found in signature def')
        _, named = self.signatures[signature].structured_input_signature
        return [Input(name, np.dtype(spec.dtype.as_numpy_dtype), tuple(spec.shape))
                for name, spec in sorted(named.items())]

    def call(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a signature gives for arrays of the types and shapes of its inputs.

        Raises:
            Refused: 400: its graph refuses them, as it does a damaged picture.
            Busy: the machine's memory does not suffice.
        """
        try:
            given = {name: tf.constant(array) if array.dtype != object
                     else tf.constant(array.tolist(), tf.string)
                     for name, array in inputs.items()}
            outputs = self.signatures[signature](**given)
            return {name: tensor.numpy() for name, tensor in outputs.items()}
        except (tf.errors.ResourceExhaustedError, MemoryError):
            raise Busy("not enough memory for this request now", 10) from None
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            said = getattr(error, "message", None) or str(error)
            raise Refused(400, one_line(said.strip().partition("\n")[0])) from None

    def warm_up(self) -> None:
        """Runs each signature once, so that no client waits for what TensorFlow builds then."""
        height, width = self.model.size or (64, 64)
        for name in self.signatures:
            self.call(name, {each.name: _blank(each, height, width) for each in self.inputs(name)})


def _blank(wanted: Input, height: int, width: int) -> np.ndarray:
    if wanted.dtype == object:
        return np.array([white(height, width)], object)
    lengths = (1, height, width, 1)[:len(wanted.shape)]
    return np.zeros([own or length for own, length in zip(wanted.shape, lengths, strict=True)],
                    wanted.dtype)


def load(path: Path) -> Served:
    """A model, loaded and warmed up.

    Raises:
        RunError: it is none, it is damaged, or it cannot be run.
    """
    served = Served.load(path)
    try:
        served.warm_up()
    except Refused as refused:
        raise RunError(path, f"cannot be run ({refused.message})", "export it again") from refused
    return served
