"""The one route for programs, `POST /colorize`: a picture comes in, the coloured one goes out."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from keras_colorize.errors import SourceError
from keras_colorize.serving import uploads
from keras_colorize.serving.limits import Refused
from keras_colorize.serving.service import Service

NAME = "the picture"
MOST_FIELDS = 16  # of a form, beside the picture


def routes(service: Service) -> list[BaseRoute]:
    """Makes the route, for a service whose model is loaded."""
    async def colorize(request: Request) -> Response:
        service.check_ready()
        settings, file = uploads.settings_of(request, service.models), await _file_of(request)
        form = await run_in_threadpool(_format_of, file, service.limits.pixels)
        try:
            colored, _ = await service.worker.run(service.color, file, NAME, settings)
        except SourceError as error:
            raise Refused(422, str(error)) from error
        return Response(colored, media_type=uploads.TYPES[form])

    return [Route("/colorize", colorize, methods=["POST"])]


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
    if not uploads.begins_as_picture(file):
        raise Refused(415, f"{NAME}: is none of {', '.join(uploads.TYPES)} by its first bytes; "
                           "convert it to one of them")
    try:
        return uploads.check(file, NAME, most_pixels)
    except SourceError as error:  # without a cause it is whole, but too large
        raise Refused(413 if error.__cause__ is None else 422, str(error)) from error
