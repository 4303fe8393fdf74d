"""Values of JSON to arrays and back, as TensorFlow Serving maps them."""

import base64
import binascii
import json
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from keras_colorize.serving.refusals import Refused


@dataclass(frozen=True)
class Input:
    """An input of a signature."""

    name: str
    dtype: np.dtype
    """Of object where it takes bytes."""
    shape: tuple[int | None, ...]
    """Its lengths, the batch first; None where any will do."""


def document_of(body: bytes) -> dict:
    """A request's JSON object.

    Raises:
        Refused: 400: it is none.
    """
    try:
        document = json.loads(body)
    except RecursionError:
        raise Refused(400, "JSON Parse error: nested too deeply") from None
    except ValueError as error:  # of JSON or of UTF-8
        raise Refused(400, f"JSON Parse error: {error}") from None
    if not isinstance(document, dict):
        raise Refused(400, "JSON Value: is not an object")
    return document


def arrays_of(document: dict, inputs: list[Input]) -> tuple[dict[str, np.ndarray], bool]:
    """The arrays that a request gives for the inputs of a signature, and whether in rows.

    Raises:
        Refused: 400: a value is missing, or of another type or shape.
    """
    rows, columns = "instances" in document, "inputs" in document
    if rows == columns:
        raise Refused(400, "expecting one of 'inputs' or 'instances' keys"
                      + (", not both" if rows else ""))
    values = document["instances" if rows else "inputs"]
    if rows and (not isinstance(values, list) or not values):
        raise Refused(400, "expecting 'instances' to be a list of at least one value")
    named = _named_rows(values, inputs) if rows else _named_columns(values, inputs)
    return {each.name: _array(named[each.name], each) for each in inputs}, rows


def _named_rows(rows: list, inputs: list[Input]) -> dict[str, list]:
    if not _is_object(rows[0]):
        _check_single(inputs, "instances")
        if any(map(_is_object, rows)):
            raise Refused(400, "expecting each of 'instances' to be a value, as the first is")
        return {inputs[0].name: rows}
    names = {each.name for each in inputs}
    for number, row in enumerate(rows):
        if not _is_object(row) or row.keys() != names:
            raise Refused(400, f"'instances' {number}: keys must be equal to: "
                               f"{', '.join(sorted(names))}")
    return {name: [row[name] for row in rows] for name in names}


def _named_columns(values: Any, inputs: list[Input]) -> dict[str, Any]:
    if not _is_object(values):
        _check_single(inputs, "inputs")
        return {inputs[0].name: values}
    for each in inputs:
        if each.name not in values:
            raise Refused(400, f"Missing named input: {each.name} in 'inputs' object")
    return values


def _check_single(inputs: list[Input], key: str) -> None:
    if len(inputs) != 1:
        raise Refused(400, f"'{key}' is a plain value, but {len(inputs)} named inputs are expected")


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _array(values: Any, wanted: Input) -> np.ndarray:
    """Nested lists as an array of exactly the type and shape that an input takes."""
    shape, first = [], values
    while isinstance(first, list):
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    fits = len(shape) == len(wanted.shape) and all(
        length and own in (None, length)
        for length, own in zip(shape, wanted.shape, strict=True))
    if not fits:
        expected = ", ".join("?" if each is None else str(each) for each in wanted.shape)
        raise Refused(400, f"input '{wanted.name}' is of shape {shape}, expected [{expected}]")
    if wanted.dtype == object:
        array = np.empty(len(values), object)
        array[:] = [_bytes(value, wanted.name) for value in values]
        return array
    return _numbers(values, wanted)


def _numbers(values: list, wanted: Input) -> np.ndarray:
    flat = values
    for _ in wanted.shape[1:]:
        flat = chain.from_iterable(flat)
    whole = wanted.dtype.kind in "ui"
    try:
        kinds = set(map(type, flat))
        if not kinds <= ({int} if whole else {int, float}):
            raise Refused(400, f"input '{wanted.name}' holds values that are not of expected type: "
                               f"{wanted.dtype}")
        array = np.array(values, np.int64 if whole else wanted.dtype)
    except (TypeError, ValueError):
        raise Refused(400, f"input '{wanted.name}' has rows of different lengths") from None
    except OverflowError:
        raise Refused(400, f"input '{wanted.name}' holds a value that is no {wanted.dtype}"
                      ) from None
    if whole:
        kept = np.iinfo(wanted.dtype)
        if array.min() < kept.min or array.max() > kept.max:
            raise Refused(400, f"input '{wanted.name}' holds a value that is not within "
                               f"{kept.min}..{kept.max}")
    return array.astype(wanted.dtype)


def _bytes(value: Any, name: str) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if not _is_base64(value):
        raise Refused(400, f"input '{name}' holds a value that is neither a string nor "
                           '{"b64": "..."}')
    text = "".join(value["b64"].split())
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, f"input '{name}': unable to base64 decode") from None


def encoded(outputs: dict[str, np.ndarray], rows: bool) -> bytes:
    """A response's JSON: `predictions` in rows, `outputs` in columns; the name of one is left out.

    Args:
        outputs: by name, [batch, ...]; bytes as arrays of object [batch].
    """
    named = {name: [_text(value) for value in array] for name, array in outputs.items()}
    if len(named) == 1:
        value = _listed(next(iter(named.values())))
    elif rows:
        batch = zip(*named.values(), strict=True)
        value = _listed([_object(dict(zip(named, row, strict=True))) for row in batch])
    else:
        value = _object({name: _listed(texts) for name, texts in named.items()})
    return _object({"predictions" if rows else "outputs": value}).encode()


def _text(value: Any) -> str:
    """A value's JSON; row by row, so that others have their turn between."""
    if isinstance(value, bytes):
        return json.dumps({"b64": base64.b64encode(value).decode()})
    if value.ndim > 1:
        return _listed([_text(row) for row in value])
    return json.dumps(value.tolist())


def _listed(texts: list[str]) -> str:
    return f"[{','.join(texts)}]"


def _object(texts: dict[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in texts.items()) + "}"
