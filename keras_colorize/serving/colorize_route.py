"""The one route for programs, `POST /colorize`: a picture comes in, the coloured one goes out."""

import hashlib
import json
import traceback
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keras_colorize import __version__
from keras_colorize.errors import SourceError
from keras_colorize.media import picture_kinds
from keras_colorize.serving.access_log import mark
from keras_colorize.serving.limits import Refused
from keras_colorize.serving.service import Service

if TYPE_CHECKING:  # it imports TensorFlow
    from keras_colorize.colorize import Models, Settings

NAME = "the picture"
MOST_FIELDS = 16  # of a form, beside the picture
CACHE = "keras-colorize"  # the name of the cache in `Cache-Status` (RFC 9211)


def route(service: Service) -> Route:
    """Makes the route; it answers from the first moment on, though the model is not loaded yet."""
    async def colorize(request: Request) -> Response:
        shows_original = _shows_original(request)
        if not (shows_original or service.cache):
            service.check_ready()  # before the body is read, which may be of use for the others
        settings = _settings_of(service, request) if service.models else None  # as early too
        file = await _file_of(request)
        try:
            service.check_loaded()
            return await _colored(service, file, settings or _settings_of(service, request))
        except Exception as error:
            if not shows_original or (isinstance(error, Refused) and error.status == 400):
                raise
            return _original(file, error)

    return Route("/colorize", colorize, methods=["POST"])


def _settings_of(service: Service, request: Request) -> "Settings":
    """Reads the settings in the address, for a service that has its model."""
    from keras_colorize.serving import uploads  # it imports TensorFlow, which is loaded by now

    return uploads.settings_of(request, service.models)


async def _colored(service: Service, file: bytes, settings: "Settings") -> Response:
    """Answers with the coloured picture: the one that the cache holds, or a new one."""
    from keras_colorize.serving import uploads

    form = await run_in_threadpool(_format_of, file, service.limits.pixels)
    if service.cache is None:
        colored, _ = await service.worker.run(_color, service, file, settings)
        return Response(colored, media_type=uploads.TYPES[form])
    key = await run_in_threadpool(_key_of, file, service.models, settings)
    colored, status = await run_in_threadpool(service.cache.find, key), "hit"
    if colored is None:
        colored, status = await service.worker.run(_color, service, file, settings, key)
    mark(cache=status)
    return Response(colored, media_type=uploads.TYPES[form],
                    headers={"Cache-Status": f"{CACHE}; {status}"})


def _color(service: Service, file: bytes, settings: "Settings", key: str | None = None,
           ) -> tuple[bytes, str]:
    """Colours a picture in the worker's thread, and keeps it under its key if there is a cache.

    It is kept though nobody may wait for it any longer. Also says what the cache did, as
    `Cache-Status` does. Raises Refused for a picture that cannot be coloured.
    """
    if key and (kept := service.cache.find(key)) is not None:  # a request just before was the same
        return kept, "hit"
    try:
        colored, _ = service.color(file, NAME, settings)
    except SourceError as error:
        raise Refused(422, str(error)) from error
    return colored, "fwd=miss; stored" if key and service.cache.keep(key, colored) else "fwd=miss"


def _key_of(file: bytes, models: "Models", settings: "Settings") -> str:
    """Computes the SHA-256, in hexadecimal, of all that decides what a picture's colours are."""
    made_by = [__version__, settings.described(), *(
        (model.digest, model.input, model.zoom, model.size, model.saturation,
         model.moods)
        for model in (models.pages, models.line_art) if model)]
    return hashlib.sha256(json.dumps(made_by).encode() + b"\n" + file).hexdigest()


def _original(file: bytes, error: Exception) -> Response:
    """Answers with the picture as it came; headers and log say what kept it from being coloured."""
    if not isinstance(error, Refused):
        mark(error="".join(traceback.format_exception(error)))
        error = Refused(500, "an error of the server; its log says more")
    mark(fault=error.status)
    kind = picture_kinds.kind_by(file[:picture_kinds.BEGINNING])
    fault = f"{error.status} {error.message}".encode("ascii", "backslashreplace").decode()
    return Response(file, media_type=picture_kinds.TYPES.get(kind, "application/octet-stream"),
                    headers={"Colorize-Error": fault})


def _shows_original(request: Request) -> bool:
    """Reads whether a picture that fails is to come back as it is; refuses other wishes (400)."""
    value = request.query_params.get("on_error")
    if value not in (None, "", "original"):
        raise Refused(400, f"on_error: is {value[:40]!r}; choose original, or leave it out")
    return value == "original"


async def _file_of(request: Request) -> bytes:
    """Reads the picture: the body, or the file `image` of a form; raises Refused for none (400)."""
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
            field = form.get("image")
            file = await field.read() if isinstance(field, UploadFile) else b""
    else:
        file = await request.body()
    if not file:
        raise Refused(400, "no picture came; send it as the body, or as the file `image` of a "
                           "multipart form")
    return file


def _format_of(file: bytes, most_pixels: int) -> str:
    """Checks a picture file by its header alone, and returns its format, a key of `uploads.TYPES`.

    Raises Refused: 415 for no picture, 422 for a damaged one, 413 for too many pixels or scans.
    """
    from keras_colorize.serving import uploads

    if not uploads.begins_as_picture(file):
        raise Refused(415, f"{NAME}: is none of {', '.join(uploads.TYPES)} by its first bytes; "
                           "convert it to one of them")
    try:
        return uploads.check(file, NAME, most_pixels)
    except SourceError as error:  # without a cause it is whole, but too large
        raise Refused(413 if error.__cause__ is None else 422, str(error)) from error
