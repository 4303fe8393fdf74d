"""What the studio keeps for the next volume: colours and settings, in the series' project."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from keras_colorize.colorize import Models, Settings, predictor, references, series
from keras_colorize.errors import ColorizeError, ConfigError, RunError, first_line
from keras_colorize.export import CARD
from keras_colorize.files import read_json, sha256_of
from keras_colorize.serving import uploads
from keras_colorize.serving.limits import Refused
from keras_colorize.serving.service import Service

Change = Callable[[series.Series], series.Series]


@dataclass
class _Swatches:
    """What becomes of a list of names and colours, and what it was; None: whatever it is."""

    after: list[tuple[str, str]]
    before: list[tuple[str, str]] | None = None

    def merged(self, own: dict[str, str]) -> dict[str, str]:
        """Makes the same change to a list that may have changed elsewhere; that stays."""
        after = series.checked_swatches(self.after, "the body")
        before = own if self.before is None else dict(self.before)
        kept = {name: color if color != before.get(name) else own[name]
                for name, color in after.items() if color != before.get(name) or name in own}
        return kept | {name: color for name, color in own.items() if name not in before | kept}


def routes(service: Service) -> list[BaseRoute]:
    """Makes the routes of the project, to be mounted at `/api`, for a service that has its model.

    Each answers with the project as it is then.
    """
    turn = asyncio.Lock()

    async def keep_settings(request: Request) -> Response:
        """Keeps the settings in the address, as books take them, for all that say nothing else.

        Those that it does not name stay; an empty one is decided no more.
        """
        return await keep(lambda project: replace(
            project, settings=_taste(request, replace(service.models, series=project))))

    async def keep_swatches(request: Request) -> Response:
        """Keeps the colours in the body, JSON: a list of names and colours, in place of others.

        Or `{"before": list, "after": list}`: the change alone, beside what others changed.
        """
        try:
            said = msgspec.json.decode(await request.body(),
                                       type=list[tuple[str, str]] | _Swatches)
            said = _Swatches(said) if isinstance(said, list) else said
            return await keep(lambda project: replace(
                project, swatches=said.merged(project.swatches)))
        except (ConfigError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refused(400, str(error) if isinstance(error, ConfigError) else
                          f"swatches: {first_line(error)}; send [[name, colour], ...]") from error

    async def keep(change: Change) -> Response:
        change(service.models.series)  # what is wrong is told even where nothing is kept
        if not _is_kept(service):
            raise Refused(409, f"{series.FILE}: is not kept on this server, whose model may not be "
                               "written beside; colours and settings last as long as this tab")
        async with turn:
            project = await anyio.to_thread.run_sync(_change, service, change)
        service.models = replace(service.models, series=project)
        return JSONResponse(described(service))

    return [Route("/series/settings", keep_settings, methods=["PUT"]),
            Route("/series/swatches", keep_swatches, methods=["PUT"])]


def described(service: Service) -> dict:
    """Describes as JSON what a model lets visitors choose, and the project of its series."""
    model, project = service.models.pages, service.models.series
    return {"saturation": model.saturation, "moods": model.mood_count,
            "references": references.MOST_MATCHED if model.takes_references else 0,
            "settings": project.settings.decided(), "swatches": list(project.swatches.items()),
            "kept": _is_kept(service)}


def _is_kept(service: Service) -> bool:
    return service.with_series and series.may_be_kept(service.path)


def _taste(request: Request, models: Models) -> series.Taste:
    """Reads the settings in the address, and where it is silent, those of the project."""
    chosen = uploads.settings_of(request, models)
    taste = {name: getattr(chosen, name) for name in series.TASTE
             if getattr(chosen, name) != getattr(Settings, name)}
    if "mood" in taste:
        taste["mood"] = int(taste["mood"])
    return series.Taste(**taste)


def _change(service: Service, change: Change) -> series.Series:
    """Changes the project as its file is by now, and as the model that is loaded allows."""
    try:
        if _digest(service.path) != service.models.pages.digest:
            raise RunError(service.name, "was made anew since this server loaded it",
                           "restart the server")
        project = change(series.read(service.path))
        series.checked_swatches(project.swatches.items(), series.FILE)
        predictor.check_has(service.models.pages, project, Path(series.FILE))
        series.write(service.path, project)
    except ColorizeError as error:
        folder = series.place(service.path).parent  # which visitors need not know
        raise Refused(409, str(error).replace(f"{folder}/", "")) from error
    except OSError as error:
        raise Refused(409, f"{series.FILE}: cannot be written ({error.strerror}); let the server "
                           "write beside its model") from error
    return project


def _digest(model: Path) -> str | None:
    """Reads which generator a model's folder has by now, as `Model.digest` tells it."""
    if (model / CARD).is_file():
        return read_json(model / CARD, dict, RunError, "export it again").get("generator_sha256")
    generator = model / "generator.keras"
    return _digest_of(generator, generator.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _digest_of(file: Path, written: int) -> str:
    """Computes a file's digest, once for each time that it was written."""
    return sha256_of(file)
