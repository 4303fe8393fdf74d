"""TensorFlow Serving's REST API: predict, status and metadata.

As https://www.tensorflow.org/tfx/serving/api_rest describes it, and as its server answers.
"""

import re
from dataclasses import dataclass

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from keras_colorize.serving import scans, tensors
from keras_colorize.serving.refusals import Refused
from keras_colorize.serving.service import Service, pixels_of

VERSION = 1
DEFAULT = "serving_default"

_PREDICT = re.compile(r"(?i)/v1/models/([^/:]+)(?:/versions/(\d{1,18}))?:predict")
_STATUS = re.compile(r"(?i)/v1/models/([^/:]+)(?:/versions/(\d{1,18}))?(/metadata)?")


@dataclass(frozen=True)
class _Call:
    signature: str
    inputs: dict[str, np.ndarray]
    rows: bool


def routes(service: Service) -> list[BaseRoute]:
    """All below `/v1`."""
    async def answer(request: Request) -> Response:
        path = request.url.path
        if request.method == "POST" and (found := _PREDICT.fullmatch(path)):
            _check_model(service, *found.groups())
            return await _predict(service, request)
        if request.method == "GET" and (found := _STATUS.fullmatch(path)):
            *model, metadata = found.groups()
            _check_model(service, *model, of_status=not metadata)
            return JSONResponse(_metadata(service) if metadata else _status(service))
        raise Refused(400, f"Malformed request: {request.method} {path}")

    return [Route("/v1/{rest:path}", answer, methods=["GET", "POST"])]


def _check_model(service: Service, name: str, version: str | None,
                 of_status: bool = False) -> None:
    if name == service.name and int(version or VERSION) == VERSION:
        return
    if of_status:
        sought = f"version {int(version)}" if version else "any versions"
        raise Refused(404, f"Could not find {sought} of model {name}")
    asked = f"Specific({name}, {int(version)})" if version else f"Latest({name})"
    raise Refused(404, f"Servable not found for request: {asked}")


async def _predict(service: Service, request: Request) -> Response:
    service.check_ready()
    body = await request.body()
    with service.place():
        call = await service.prepare(_parse, service, body)
        del body
        outputs = await service.call(call.signature, call.inputs)
        content = await service.prepare(tensors.encoded, outputs, call.rows)
    return Response(content, media_type="application/json")


def _parse(service: Service, body: bytes) -> _Call:
    # A list takes fifty times the bytes of its brackets, so these are counted beforehand.
    service.check_pixels(body.count(b"[") + body.count(b"{"))
    document = tensors.document_of(body)
    signature = document.get("signature_name") or DEFAULT
    if not isinstance(signature, str):
        raise Refused(400, "'signature_name' key must be a string value")
    wanted = service.served.inputs(signature)
    inputs, rows = tensors.arrays_of(document, wanted)
    left = service.limits.pixels
    for name, array in inputs.items():
        if array.dtype == object:
            for place, file in enumerate(array):
                array[place], count = scans.admitted(file, left)
                left -= count
        elif array.ndim == 4:
            service.check_numbers(pixels_of(array))
            if array.shape[3] not in scans.CHANNELS:
                raise Refused(400, f"input '{name}' is of {array.shape[3]} channels, expected 1 "
                                   "or 3")
    return _Call(signature, inputs, rows)


def _status(service: Service) -> dict:
    return {"model_version_status": [{
        "version": str(VERSION), "state": service.state,
        "status": {"error_code": "OK", "error_message": ""}}]}


def _metadata(service: Service) -> dict:
    if service.served is None:
        service.check_ready()
    return {"model_spec": {"name": service.name, "signature_name": "", "version": str(VERSION)},
            "metadata": {"signature_def": {"signature_def": service.served.definitions}}}
