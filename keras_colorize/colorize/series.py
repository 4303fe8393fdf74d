"""A series' project, `series.toml` in a model's folder: what the next volume begins with."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from keras_colorize.config import SHIPPED_MODEL, FromOne, fit, read_toml
from keras_colorize.errors import ConfigError, one_line
from keras_colorize.files import is_within, whole_file
from keras_colorize.training import run_directory

FILE = "series.toml"
LOCKS = ("luminance", "ink", "none")
TONES = ("keep", "smooth")
PAPERS = ("keep", "white")
MOST_SATURATION = 10  # times the chroma that the network learned
MOST_SWATCHES = 200
LONGEST_NAME = 60  # characters of a swatch's name
COLOR = re.compile("#[0-9a-f]{6}", re.IGNORECASE)
HEADING = """\
# What keras-colorize knows of this series beside its model. `colorize` and `serve` take their
# settings from here where you name none; the page of `serve` keeps settings and swatches here.
"""


@dataclass(frozen=True)
class Learned:
    """What `learn` wrote down."""

    sources: tuple[str, ...] = ()
    """The episodes: videos, comics and folders of them."""
    test: tuple[str, ...] = ()
    """The names of those on which the model is measured; none: those that chance takes."""


@dataclass(frozen=True)
class Taste:
    """The settings of `predictor.Settings` that are a matter of taste; None: not decided."""

    lock: Literal[LOCKS] | None = None
    tones: Literal[TONES] | None = None
    paper: Literal[PAPERS] | None = None
    mood: FromOne | None = None
    """One of the model's own, by its number."""
    saturation: Annotated[float, Meta(gt=0, le=MOST_SATURATION, description="a number above 0, up "
                                      f"to {MOST_SATURATION}")] | None = None

    def decided(self) -> dict[str, Any]:
        """Lists the settings that are decided, as `Settings` takes them."""
        some = {name: value for name, value in asdict(self).items() if value is not None}
        return some | {"mood": str(self.mood)} if self.mood else some


TASTE = tuple(Taste.__dataclass_fields__)
"""The names of these settings."""


@dataclass(frozen=True)
class Series:
    """The project: a dataclass or dictionary for each table of the file."""

    learned: Learned = field(default_factory=Learned)
    settings: Taste = field(default_factory=Taste)
    swatches: dict[str, Any] = field(default_factory=dict)
    """Colours, `#rrggbb`, by the names that a user gave them."""


def place(model: Path) -> Path:
    """Names the project of a model's folder; a run's `best/`, which is replaced, has the run's."""
    return run_directory.of(model) / FILE


def read(model: Path) -> Series:
    """Reads the project of a model's folder; an empty one where there is no file.

    Raises ConfigError for no TOML, an unknown key, or a value that cannot be.
    """
    path = place(model)
    if not path.exists():
        return Series()
    series = fit(read_toml(path), Series, str(path))
    taste = series.settings
    if taste.lock and taste.tones == "smooth":
        raise ConfigError(f"{path}: settings.tones", "is for flat colour, and settings.lock "
                          "chooses another rule", "remove one of them")
    return replace(series, swatches=checked_swatches(series.swatches.items(), path))


def checked_swatches(swatches: Iterable[tuple[str, Any]], where: object) -> dict[str, str]:
    """Returns swatches, each a name and a colour, by name; raises ConfigError for what is none."""
    checked = {}
    for name, color in swatches:
        name = one_line(name).strip()
        if not 0 < len(name) <= LONGEST_NAME:
            raise ConfigError(f"{where}: swatches", f"have a name of {len(name)} characters",
                              f"give it 1 to {LONGEST_NAME}")
        if not (isinstance(color, str) and COLOR.fullmatch(color)):
            raise ConfigError(f"{where}: swatches.{name}", f"is {color!r}"[:60],
                              "give a colour such as '#d9482b'")
        checked[name] = color.lower()
    if len(checked) > MOST_SWATCHES:
        raise ConfigError(f"{where}: swatches", f"are {len(checked)}",
                          f"keep {MOST_SWATCHES} at most")
    return checked


def may_be_kept(model: Path) -> bool:
    """Tells whether a model's folder takes a project: not what ships, nor what is read-only."""
    return not is_within(model, SHIPPED_MODEL) and os.access(place(model).parent, os.W_OK)


def write(model: Path, series: Series) -> None:
    """Writes the project of a model's folder, whole or not at all."""
    with whole_file(place(model)) as temporary:
        temporary.write_text(dumps(series), encoding="utf-8")


def dumps(series: Series) -> str:
    """Writes a project as TOML, without what is not decided."""
    lines = [HEADING.rstrip()]
    for table, values in asdict(series).items():
        some = {key: value for key, value in values.items() if value is not None}
        lines += ["", f"[{table}]"]
        lines += [f"{key if key.isidentifier() and key.isascii() else _text(key)} = "
                  f"{_text(value)}" for key, value in some.items()]
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """Writes a value as JSON, which is TOML too, apart from characters beyond 16 bits."""
    return json.dumps(value, ensure_ascii=False)
