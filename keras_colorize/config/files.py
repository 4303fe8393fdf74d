"""Configurations from TOML files and `--set`, and back to TOML."""

import dataclasses
import difflib
import json
import tomllib
import typing
from pathlib import Path

from keras_colorize.config.rules import check, without_idle
from keras_colorize.config.tables import Config
from keras_colorize.errors import ConfigError

SHIPPED = Path(__file__).parent.parent / "configs"


def load(name: str | Path, overrides: typing.Sequence[str] = ()) -> Config:
    """Reads a configuration.

    Args:
        name: a TOML file, or the name of a shipped one, such as `gan_gray` or `cpu/gan_gray`.
        overrides: `section.key=value` each, the value in TOML; a bare word counts as a string.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, a wrong type or a bad value.
    """
    path = Path(name)
    if not path.is_file():
        path = SHIPPED / f"{str(name).removesuffix('.toml')}.toml"
    if not path.is_file():
        raise ConfigError(name, "is neither a file nor a shipped configuration",
                          f"shipped are {', '.join(shipped_names())}")
    tables = _read(path)
    for override in overrides:
        _apply(override, tables)
    return check(_dataclass_from(Config, tables, str(path)), str(path))


def load_recorded(path: Path) -> Config:
    """The configuration that a run recorded, of what may be an earlier version of this package.

    Values that do nothing, which a run may not begin with any more, come as their defaults.

    Raises:
        ConfigError: as `load`.
    """
    return check(without_idle(_dataclass_from(Config, _read(path), str(path))), str(path))


def shipped_names() -> list[str]:
    """The names of the configurations that come with the package."""
    return sorted(str(path.relative_to(SHIPPED).with_suffix(""))
                  for path in SHIPPED.rglob("*.toml"))


def dumps(config: Config) -> str:
    """The configuration as TOML, every key with its value."""
    lines = []
    for table, values in dataclasses.asdict(config).items():
        lines += [f"[{table}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]  # JSON is TOML
        lines += [""]
    return "\n".join(lines)


def _read(path: Path) -> dict:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, f"is not TOML ({error})", "mend the line named") from error


def _apply(override: str, tables: dict) -> None:
    key, separator, text = override.partition("=")
    section, dot, name = key.strip().partition(".")
    if not separator or not dot:
        raise ConfigError(f"--set {override}", "is not section.key=value",
                          "write for example --set train.epochs=5")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = tables.setdefault(section, {})
    if not isinstance(table, dict):
        raise ConfigError(f"--set {override}", f"{section} is not a table", "mend the file")
    table[name] = value


def _dataclass_from(kind: type, values: object, where: str):
    if not isinstance(values, dict):
        raise ConfigError(where, "is not a table", "write it as [table]")
    fields = {each.name: each for each in dataclasses.fields(kind)}
    for key in (key for key in values if key not in fields):
        nearest = difflib.get_close_matches(key, fields, n=1, cutoff=0)
        raise ConfigError(where, f"unknown key {key!r}", f"did you mean {nearest[0]!r}?")
    hints = typing.get_type_hints(kind)
    for name, each in fields.items():
        required = each.default is each.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ConfigError(where, f"lacks {name!r}", "add it")
    return kind(**{name: _checked(value, hints[name], f"{where}: {name}")
                   for name, value in values.items()})


def _checked(value: object, hint: object, where: str):
    if dataclasses.is_dataclass(hint):
        return _dataclass_from(hint, value, where)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        if value not in typing.get_args(hint):
            raise ConfigError(where, f"is {value!r}",
                              f"give one of {', '.join(map(repr, typing.get_args(hint)))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(where, f"is {value!r}", "give a list of whole numbers")
        return tuple(_checked(each, int, where) for each in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise ConfigError(where, f"is {value!r}", f"give {kinds[hint]}")
    return value
