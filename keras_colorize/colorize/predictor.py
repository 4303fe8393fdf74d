"""A trained generator, ready to colour pictures of any size, and what a user decides about that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import tensorflow as tf

from keras_colorize import config, export, media
from keras_colorize.colorize import series
from keras_colorize.colorize.printed_page import PageMemory
from keras_colorize.colorize.series import Series
from keras_colorize.errors import ConfigError, RunError, SourceError, UsageError
from keras_colorize.export import graph
from keras_colorize.files import read_json, sha256_of
from keras_colorize.image import moods, page_kind, pixels
from keras_colorize.training import run_directory

PRINTED = "printed"  # within a model's folder the model that colours its printed pages
SAVED_MODEL = "saved_model.pb"  # names it
PANELS = 1.5  # times as large as what it learned a model of printed pages sees a page
TOGETHER = 2  # pages or frames at once, as the network alone leaves a core idle now and then


@dataclass(frozen=True, eq=False)
class Model:
    """A generator from a SavedModel or a run directory."""

    name: str
    digest: str
    """The SHA-256 of the run's `generator.keras`."""
    input: str
    """`gray`, `edge` or `manga`."""
    zoom: str
    """How the edges that it learned were brought to their size, as in `pixels.edges`."""
    size: tuple[int, int] | None
    """Height and width of the pictures that it learned; None where it does not say."""
    network: Callable[..., dict[str, tf.Tensor]]
    owner: object
    """What `network` belongs to: TensorFlow frees a model whose functions alone are kept."""
    network_guided: Callable[..., dict[str, tf.Tensor]] | None = None
    """The network with hints beside the condition; None where it was trained without them."""
    class_shares: Callable[[tf.Tensor], tf.Tensor] | None = None
    """How likely the network finds each colour, where it was trained to say so."""
    features: Callable[[tf.Tensor], tf.Tensor] | None = None
    """What the network sees in a condition, where it takes hints: uint8 [batch, h, w, 1] to float32
    [batch, rows, columns, n]."""
    saturation: float | None = None
    """The factor by which the network multiplies its own chroma; None where it does not."""
    moods: list = field(default_factory=list)
    """The moods of the series that it learned, as `run_directory.read_moods` gives them."""
    path: Path | None = None
    """The folder that it was loaded from."""
    together: int = TOGETHER
    """How many pages or frames it is to be given at once."""

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Loads a SavedModel of ours, or a run's generator; raises RunError if it is neither."""
        if not is_model(path):
            raise RunError(path, "is neither a SavedModel nor a run directory",
                           "export a run, or name one")
        if (path / SAVED_MODEL).is_file():
            return cls._load_saved(path)
        condition = run_directory.read_config(path).model.input
        module = export.Colorizer(run_directory.load_generator(path))
        dataset = run_directory.describe(path).get("dataset", {})
        return cls(_name_of(path), sha256_of(path / "generator.keras"), condition,
                   *_learned(dataset), module.network, module,
                   module.network_guided if module.takes_hints else None, module.class_shares,
                   module.features, _saturation(module), run_directory.read_moods(path), path)

    @classmethod
    def _load_saved(cls, path: Path) -> "Model":
        try:
            with export.plain_path(path) as place:
                loaded = tf.saved_model.load(place)
            network = loaded.signatures["network"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError,
                tf.errors.OpError) as error:
            raise RunError(path, "cannot be loaded as a SavedModel of ours",
                           "export it again") from error
        card = read_json(path / export.CARD, _Card, RunError, "export the model again")
        return cls(str(path), card["generator_sha256"], card["input"], *_learned(card["dataset"]),
                   network, loaded, loaded.signatures.get("network_guided"),
                   getattr(loaded, "class_shares", None),
                   getattr(loaded, "features", None), _saturation(loaded),
                   card.get("moods", []), path)

    def saturate(self, factor: float | None) -> None:
        """Lets the network multiply its own chroma by `factor` from now on; None: as at first.

        Raises UsageError where the network has no such factor.
        """
        if self.saturation is not None:
            self.owner.saturation.assign(self.saturation if factor is None else factor)
        elif factor is not None:
            raise UsageError(self.name, "has no saturation to set",
                             "leave out --saturation, or train with model.output='chroma'")

    @property
    def matches_references(self) -> bool:
        """Whether it can be told, place by place, what coloured pages show that is alike."""
        return self.input == "gray" and None not in (self.network_guided, self.features)

    @property
    def takes_references(self) -> bool:
        """Whether coloured pages tell it anything, if only their mood for printed pages."""
        return self.matches_references or self.input == "manga"

    @property
    def mood_count(self) -> int:
        """How many moods of the series there are to choose from."""
        return len(self.moods) if self.network_guided else 0

    def mood(self, chosen: str) -> np.ndarray:
        """Finds a mood, float32 [levels, 2]: one of the series, by its number, or a picture's.

        A printed page takes it by its regions, a gray one by a network that takes hints.

        Args:
            chosen: a number from 1 on, or the path of a picture in colour.

        Raises:
            UsageError: the network is of gray or edge input and takes no hints, or there is no such
                mood.
            SourceError: the picture cannot be read, or has no colour.
        """
        if self.network_guided is None and self.input != "manga":
            raise UsageError(self.name, "takes no hints, and so no mood",
                             "leave out --mood, or train cpu/guided_gray")
        if not chosen.isdecimal():
            path = Path(chosen)
            if not path.exists():
                raise UsageError("--mood", f"{chosen} is neither a mood's number nor a picture",
                                 "give a number from 1 on, or a coloured picture")
            return _mood_of(path, path.stat().st_mtime_ns if path.is_file() else 0)
        if not 1 <= int(chosen) <= len(self.moods):
            count, remedy = (len(self.moods), "give a smaller number, or a coloured picture") \
                if self.moods else ("none", "give a coloured picture")
            raise UsageError("--mood", f"{chosen} is none of the moods of {self.name}, which has "
                             f"{count}", remedy)
        return np.float32(self.moods[int(chosen) - 1])

    def scale_for(self, height: int, width: int) -> float:
        """Computes `export.working_scale` for this model: above 0, at most 1.

        A model of printed pages learned panels, and a page holds several.
        """
        scale = float(export.working_scale(self.size, height, width))
        return min(1.0, PANELS * scale) if self.input == "manga" else scale

    def page_scale(self, luminance: np.ndarray) -> float:
        """Computes it for a page, uint8 [h, w]; in a double spread each is as large as one alone.
        """
        height, width = luminance.shape
        return self.scale_for(height, width // 2 if page_kind.is_spread(luminance) else width)

    def colorize(self, condition: np.ndarray, strokes: np.ndarray | None = None) -> np.ndarray:
        """Computes the generator's own picture, uint8 RGB [h, w, 3], in tiles where it is large.

        The condition is luminance or white lines on black, uint8 [h, w]. A network that takes hints
        may be given strokes of its size, uint8 RGBA [h, w, 4]. Tiles show no seams.
        """
        height, width = condition.shape
        condition = condition[..., None] if strokes is None else np.dstack([condition, strokes])
        if height * width <= graph.WHOLE:
            return self.see(condition[np.newaxis])[0]
        total = np.zeros((height, width, 3), np.float32)
        weight = np.zeros((height, width, 1), np.float32)
        for top in graph.tile_starts(height).numpy():
            for left in graph.tile_starts(width).numpy():
                place = (slice(top, top + graph.TILE), slice(left, left + graph.TILE))
                picture = self.see(condition[place][np.newaxis])[0]
                share = graph.tile_share(picture.shape[:2]).numpy()
                total[place] += share * picture
                weight[place] += share
        np.divide(total, weight, out=total)
        return np.rint(total, out=total).astype(np.uint8)

    def see(self, conditions: np.ndarray) -> np.ndarray:
        """Computes the network, guided where hints follow the condition.

        It is from uint8 [batch, h, w, 1] or, with hints, [batch, h, w, 5] to [batch, h, w, 3].
        """
        network = self.network if conditions.shape[3] == 1 else self.network_guided
        return network(pixels=tf.constant(conditions))["pixels"].numpy()


@lru_cache(maxsize=1)
def _mood_of(path: Path, changed_ns: int) -> np.ndarray:
    """Reads the mood of a picture; the last is kept, until its file changes."""
    picture = media.read_picture(path)
    if pixels.is_gray(picture):
        raise SourceError(path, "is gray all over, so it tells no mood", "give a coloured picture")
    return moods.of_picture(picture)


def is_model(path: Path) -> bool:
    """Whether a folder looks like a SavedModel or a run directory, whole or not."""
    return (path / SAVED_MODEL).is_file() \
        or (run_directory.of(path) / run_directory.CONFIG).is_file()


def _name_of(path: Path) -> str:
    """Names a run directory by its path, and what ships by its own name, wherever it lies."""
    ships = path.is_relative_to(config.SHIPPED_MODEL)
    return str(path.relative_to(config.SHIPPED_MODEL.parent) if ships else path)


def _saturation(owner: object) -> float | None:
    variable = getattr(owner, "saturation", None)
    return None if variable is None else float(variable)


class _Card(TypedDict):
    """The parts of a SavedModel's card that are needed here."""

    generator_sha256: str
    input: str
    dataset: dict
    moods: NotRequired[list[list[tuple[float, float]]]]


def _learned(dataset: dict) -> tuple[str, tuple[int, int] | None]:
    """Reads the `zoom` and `size` of a model."""
    return dataset.get("zoom") or "spline", tuple(dataset["size"]) if dataset.get("size") else None


@dataclass(frozen=True)
class Settings:
    """How pages and films are coloured; the defaults are those of the command."""

    lock: str | None = None
    """What of the page stays: its `luminance`, its `ink` laid over colours, or `none` of it. None
    for what suits its kind: flat colour under the ink of a printed page, the luminance of others,
    films among them."""
    tones: str = "keep"
    """Whether a printed page's dots are printed over its colours (`keep`), or the shade that they
    mean is (`smooth`)."""
    paper: str = "keep"
    """Whether the tint of a gray or printed page's paper stays as it is (`keep`), or is taken off
    (`white`)."""
    treat_as: str | None = None
    """One of `page_kind.KINDS` in place of what the page is judged to be."""
    scale: float | None = None
    """The factor by which the network sees a page smaller; None as the model learned it."""
    hints: Path | None = None
    """A transparent picture with strokes of colour, or a folder of them named as the pages, in the
    same folders."""
    keyframes: Path | None = None
    """A folder of coloured frames of a film, or of folders of them named as the films."""
    mood: str | None = None
    """What the pages' light is like, where hints say nothing: as of `Model.mood`."""
    reference: tuple[Path, ...] = ()
    """Coloured pictures, comics, films, or folders of them, that tell the pages their colours; they
    take the place of a mood."""
    saturation: float | None = None
    """The factor by which the network multiplies its own chroma; None for what it was given in
    training. Hints keep theirs."""
    format: str | None = None
    """`png`, `jpeg` or `webp` for all pages; None for that of each page."""
    quality: int | None = None
    """Of JPEG and WebP, 1..100; None for that of the page, or `stored_pictures.QUALITY`."""
    layers: bool = False
    """Whether each page is also written as OpenRaster, ink and colour apart."""
    codec: str | None = None
    """Of video; None for one that the container takes."""
    crf: int | None = None
    """The constant quality of video, smaller is better; None for `film_writer.QUALITY`."""
    of_series: tuple[str, ...] = field(default=(), compare=False)
    """Which of these the series decided, and not the user."""

    @property
    def suffix(self) -> str | None:
        """The suffix of all pages; None where each keeps its own."""
        return media.FORMATS[self.format.upper()] if self.format else None

    def described(self) -> dict:
        """Describes the settings as JSON, hints and a picture's mood by their content.

        Keyframes are described with each film, which is coloured anew where they have changed;
        references by `references.digest`.
        """
        hints = self.hints
        if hints is not None:
            hints = sha256_of(hints) if not hints.is_dir() else {
                path.relative_to(hints).as_posix(): sha256_of(path)
                for path in sorted(hints.rglob("*")) if path.is_file()}
        mood = self.mood
        if mood is not None and not mood.isdecimal():
            mood = sha256_of(Path(mood))
        described = {**self.__dict__, "hints": hints, "mood": mood,
                     "keyframes": None if self.keyframes is None else "given"}
        del described["of_series"], described["reference"]
        return described


@dataclass(frozen=True)
class Models:
    """The model for pages, and the one for line art, or for all printed pages, if there is one."""

    pages: Model
    line_art: Model | None = None
    memory: PageMemory = field(default_factory=lambda: PageMemory(0), compare=False)
    """The printed pages that are kept for a further click; none unless a server makes it larger."""
    series: Series = field(default_factory=Series)
    """The project of the series that the model learned."""

    @classmethod
    def load(cls, path: Path, line_art: Path | None = None, memory: PageMemory | None = None,
             with_series: bool = True) -> "Models":
        """Loads the model for pages, and `line_art`, or else the model in the folder `PRINTED`.

        Args:
            with_series: whether the project in the model's folder is read, if there is one.

        Raises:
            RunError: one of them is no model, or damaged.
            ConfigError: the project has a fault, or settings that the model does not have.
        """
        project, printed = series.read(path) if with_series else Series(), path / PRINTED
        pages = Model.load(path)
        check_has(pages, project, series.place(path))
        if line_art is None and is_model(printed):
            line_art = printed
        return cls(pages, line_art and Model.load(line_art), memory or PageMemory(0), project)

    def settings(self, said: dict[str, Any]) -> Settings:
        """Makes settings of what a user said, and where that is silent, of the series' own.

        Of lock and tones, which do not go together, one that was said keeps out the other, and a
        reference keeps out a mood.
        """
        own = self.series.settings.decided()
        if said.get("lock"):
            own.pop("tones", None)
        if said.get("tones", "keep") != "keep":
            own.pop("lock", None)
        if said.get("reference"):
            own.pop("mood", None)
        return Settings(**own | said, of_series=tuple(name for name in own if name not in said))

    def choose(self, kind: str) -> Model:
        """Returns the model that colours a kind of page."""
        other = self.line_art
        takes = other and (kind == "line_art" or (kind == "screentone" and other.input == "manga"))
        return other if takes else self.pages


def check_has(model: Model, project: Series, where: Path) -> None:
    """Raises ConfigError where a model does not have what its series' project sets."""
    taste = project.settings
    if taste.saturation is not None and model.saturation is None:
        raise ConfigError(f"{where}: settings.saturation", "is set, and this model has none to set",
                          "remove it there")
    if taste.mood is not None and taste.mood > model.mood_count:
        raise ConfigError(f"{where}: settings.mood", f"is {taste.mood}, and this model has "
                          f"{model.mood_count} moods", "give a smaller number, or remove it there")
