"""Who colours: this process, or the workers of a Dask cluster in its place."""

import json
import platform
import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf

from keras_colorize.colorize import references
from keras_colorize.colorize.page import colored_file
from keras_colorize.colorize.predictor import Model, Models, Settings
from keras_colorize.config import SHIPPED_MODEL
from keras_colorize.data.cluster import Cluster
from keras_colorize.errors import RunError, UsageError
from keras_colorize.files import whole_file

AT_LEAST = 8  # pages or frames on their way to a cluster, as workers may join it later
SAME_FILES = "let all workers see the same model under the same path"
_LOADING = threading.Lock()


class Crew:
    """This process, with the models and settings that it colours by."""

    def __init__(self, models: Models, settings: Settings):
        self.models = models
        self._settings = settings

    def colored_file(self, file: bytes, where: object, strokes: Path | None, layers_at: Path,
                     ) -> tuple[bytes, dict]:
        """Colours the file of a page, as `page.colored_file`."""
        return colored_file(file, where, self.models, self._settings, strokes, layers_at)


class ClusterCrew(Crew):
    """The workers of a cluster, each of which loads the models once.

    They colour whole pages. Of a film they are the network, and this process does all the rest.
    """

    def __init__(self, models: Models, settings: Settings, cluster: Cluster):
        """Takes models that were loaded from folders, which the workers see as well."""
        pages = replace(models.pages, network=self._network,
                        network_guided=models.pages.network_guided and self._network,
                        together=max(AT_LEAST, 2 * cluster.threads))
        super().__init__(replace(models, pages=pages), settings)
        self._cluster, self._setup = cluster, _Setup.of(models, settings)

    def colored_file(self, file: bytes, where: object, strokes: Path | None, layers_at: Path,
                     ) -> tuple[bytes, dict]:
        """Lets a worker colour the file of a page; writes its layers here."""
        colored, record, layers = self._cluster.perform(
            _color, self._setup, file, where, strokes and strokes.absolute())
        if layers is not None:
            with whole_file(layers_at) as temporary:
                temporary.write_bytes(layers)
        return colored, record

    def _network(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Lets a worker compute the network, uint8 [1, h, w, 1 or 5] to uint8 [1, h, w, 3]."""
        return {"pixels": tf.constant(
            self._cluster.perform(_compute, self._setup, pixels.numpy()))}


@dataclass(frozen=True)
class _SharedModel:
    """A model as each machine finds it."""

    place: Path
    """Within the model that ships, or absolute."""
    name: str
    digest: str

    @classmethod
    def of(cls, model: Model) -> "_SharedModel":
        ships = model.path.is_relative_to(SHIPPED_MODEL)  # which lies elsewhere on each machine
        place = model.path.relative_to(SHIPPED_MODEL) if ships else model.path.absolute()
        return cls(place, model.name, model.digest)

    def load(self) -> Model:
        """Loads the model on a worker; raises RunError where it is not there, or another."""
        where = f"{self.name} on the worker {platform.node()}"
        try:
            model = Model.load(SHIPPED_MODEL / self.place)
        except RunError as error:
            raise RunError(where, error.what, SAME_FILES) from error
        if model.digest != self.digest:
            raise RunError(where, "is another model than here", SAME_FILES)
        return replace(model, name=self.name)


@dataclass(frozen=True)
class _Setup:
    """All that a worker needs to know, to colour as this process would."""

    pages: _SharedModel
    line_art: _SharedModel | None
    settings: Settings
    told_by: str
    """The content of the references and of the picture whose mood is taken, as JSON."""

    @classmethod
    def of(cls, models: Models, settings: Settings) -> "_Setup":
        settings = replace(  # without what each page or film has of its own
            settings, hints=None, keyframes=None,
            reference=tuple(place.absolute() for place in settings.reference))
        if settings.mood is not None and not settings.mood.isdecimal():
            settings = replace(settings, mood=str(Path(settings.mood).absolute()))
        other = models.line_art
        return cls(_SharedModel.of(models.pages), other and _SharedModel.of(other), settings,
                   _told_by(settings))

    def models(self) -> Models:
        """Returns the models, which a worker loads for the first page or frame."""
        with _LOADING:
            return _load(self)


def _told_by(settings: Settings) -> str:
    return json.dumps([settings.described()["mood"], references.digest(settings.reference)])


@lru_cache(maxsize=2)
def _load(setup: _Setup) -> Models:
    try:
        is_same = _told_by(setup.settings) == setup.told_by
    except (OSError, UsageError):
        is_same = False
    if not is_same:
        what = setup.settings.mood or f"{len(setup.settings.reference)} files of references"
        raise RunError(f"{what} on the worker {platform.node()}", "is not what it is here",
                       "let all workers see the same pictures under the same paths")
    models = Models(setup.pages.load(), setup.line_art and setup.line_art.load())
    models.pages.saturate(setup.settings.saturation)
    return models


def _color(setup: _Setup, file: bytes, where: object, strokes: Path | None,
           ) -> tuple[bytes, dict, bytes | None]:
    """Is a worker's work on a page; returns its file, its record, and its layers if wanted."""
    with TemporaryDirectory() as folder:
        layers_at = Path(folder) / "layers.ora"
        colored, record = colored_file(file, where, setup.models(), setup.settings, strokes,
                                       layers_at)
        return colored, record, layers_at.read_bytes() if layers_at.exists() else None


def _compute(setup: _Setup, condition: np.ndarray) -> np.ndarray:
    """Is a worker's work on a frame."""
    return setup.models().pages.see(condition)
