"""What the studio keeps for the next volume: colours and settings, in the series' project."""

import asyncio
from dataclasses import replace
from typing import Any

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from keras_colorize.colorize import Settings, series
from keras_colorize.errors import ConfigError, first_line
from keras_colorize.serving import uploads
from keras_colorize.serving.limits import Refused
from keras_colorize.serving.service import Service


def routes(service: Service) -> list[BaseRoute]:
    """Makes the routes of the project, to be mounted at `/api`, for a service that has its model.

    Each answers with the project as it is then.
    """
    turn = asyncio.Lock()

    async def keep_settings(request: Request) -> Response:
        """Keeps the settings in the address, as books take them, for all that say nothing else."""
        chosen = uploads.settings_of(request, service.models)
        taste = {name: getattr(chosen, name) for name in uploads.TASTE
                 if getattr(chosen, name) != getattr(Settings, name)}
        if "mood" in taste:
            taste["mood"] = int(taste["mood"])
        return await keep(settings=series.Taste(**taste))

    async def keep_swatches(request: Request) -> Response:
        """Keeps the colours in the body, JSON: a list of names and colours, in place of others."""
        try:
            named = msgspec.json.decode(await request.body(), type=list[tuple[str, str]])
            return await keep(swatches=series.checked_swatches(named, "the body"))
        except (ConfigError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refused(400, str(error) if isinstance(error, ConfigError) else
                          f"swatches: {first_line(error)}; send [[name, colour], ...]") from error

    async def keep(**changed: Any) -> Response:
        if not _is_kept(service):
            raise Refused(409, f"{series.FILE}: is not kept on this server, whose model may not be "
                               "written beside; colours and settings last as long as this tab")
        async with turn:
            project = await anyio.to_thread.run_sync(_change, service, changed)
        service.models = replace(service.models, series=project)
        return JSONResponse(described(service))

    return [Route("/series/settings", keep_settings, methods=["PUT"]),
            Route("/series/swatches", keep_swatches, methods=["PUT"])]


def described(service: Service) -> dict:
    """Describes as JSON what a model lets visitors choose, and the project of its series."""
    model, project = service.models.pages, service.models.series
    return {"saturation": model.saturation, "moods": model.mood_count,
            "settings": project.settings.decided(), "swatches": list(project.swatches.items()),
            "kept": _is_kept(service)}


def _is_kept(service: Service) -> bool:
    return service.with_series and series.may_be_kept(service.path)


def _change(service: Service, changed: dict) -> series.Series:
    """Changes tables of the project; the others stay as the file has them by now."""
    try:
        project = replace(series.read(service.path), **changed)
        series.write(service.path, project)
    except ConfigError as error:
        raise Refused(409, f"{series.FILE}: {error.what}; {error.remedy}") from error
    except OSError as error:
        raise Refused(409, f"{series.FILE}: cannot be written ({error.strerror}); let the server "
                           "write beside its model") from error
    return project
