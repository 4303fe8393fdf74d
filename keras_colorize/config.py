"""TOML to frozen dataclasses: what a run is, checked before TensorFlow is imported."""

import dataclasses
import difflib
import json
import math
import tomllib
import typing
from dataclasses import dataclass, field, replace
from pathlib import Path

from keras_colorize.errors import ConfigError

HERE = Path(__file__).parent
SHIPPED = next(folder for folder in (HERE / "configs", HERE.parent / "configs")
               if folder.is_dir())  # within an installed package, or beside it in a clone


@dataclass(frozen=True)
class ModelConfig:
    """Which model, on which input, and how wide."""

    kind: typing.Literal["convnet", "gan"]
    """The U-Net alone with a squared loss, or with a discriminator (sections 3.1 and 3.2)."""
    input: typing.Literal["gray", "edge"]
    """What the model is given: the luminance, or white Canny lines on black."""
    encoder: tuple[int, ...] = (64, 128, 256, 512, 512, 512)
    """Channels after each encoder level, top first."""
    decoder: tuple[int, ...] = (512, 512, 256, 128, 64, 64)
    """Channels after each decoder level, bottom first; as many as encoder levels."""
    discriminator: tuple[int, ...] = (64, 128, 256, 512, 512, 512)
    """Channels after each level of the discriminator, of a GAN only."""
    normalization: typing.Literal["batch", "instance"] = "batch"
    """Over the batch, as the paper, or each picture by itself, but for the encoders' last level."""
    normalization_momentum: float = 0.99
    """How slowly BatchNorm's inference statistics follow; lower for short runs."""
    upsampling: typing.Literal["transposed", "resize"] = "transposed"
    """The paper's transposed convolutions, or resizing before a convolution: no checkerboard."""
    output: typing.Literal["color", "chroma"] = "color"
    """RGB, or chroma alone, joined with the input's luminance; of gray input only."""
    discriminator_head: typing.Literal["picture", "patch"] = "picture"
    """One verdict, or one for each patch of 6 * 2^levels - 2 pixels square; of a GAN only."""


@dataclass(frozen=True)
class AugmentConfig:
    """How training pictures are varied; condition and colour alike. The paper does not."""

    flip: bool = False
    """Mirror every second picture, at random."""
    crop: float = 1.0
    """The least share of height and width that a random crop keeps, enlarged again; 1: all."""
    gamma: float = 0.0
    """Lighten or darken by a random exponent between 1 / (1 + gamma) and 1 + gamma."""
    canny: float = 0.0
    """Find edges anew, at the usual thresholds times 1 - canny to 1 + canny; of edge input only."""
    line_thickness: int = 1
    """Widen the lines to a random 1 to this many pixels; of edge input only."""
    screentone: float = 0.0
    """The share of pictures whose input is redrawn as printed manga; of gray input only."""


@dataclass(frozen=True)
class DataConfig:
    """How the dataset is read."""

    cache: bool = False
    """Keep the decoded training pictures in memory (4 GB for the paper's); the same batches."""
    shuffle: int = 4096
    """How many examples, still compressed, wait to be drawn from; smaller datasets wait whole."""


@dataclass(frozen=True)
class LossConfig:
    """The objective of the ConvNet, and the weights of the GAN's."""

    objective: typing.Literal["squared", "absolute"] = "squared"
    """The paper's halved squares, or L1, both summed over pixels; of a ConvNet only."""
    l1_weight: float = 100.0
    """Lambda of the generator's objective (section 3.2.2), of a GAN only."""


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam, one for all networks of a run."""

    learning_rate: float = 2e-4
    beta_1: float = 0.9
    """0.5 in the paper's GAN."""
    schedule: typing.Literal["constant", "cosine"] = "constant"
    """Whether the learning rate stays, or falls to 0 along a cosine over all batches of the run.
    A run continued with more epochs goes on along the longer cosine, so its rate rises again."""
    ema: float = 0.0
    """How slowly an exponential moving average of the generator's weights follows them, 0.999 for
    example; it is what is validated, drawn and saved as the generator. 0: none."""


@dataclass(frozen=True)
class TrainConfig:
    """How long and in what portions."""

    epochs: int = 20
    """May grow when a run is continued."""
    batch_size: int = 64
    seed: int = 0
    """Of the initial weights and of the order of the examples."""
    deterministic: bool = False
    """Bitwise repeatable operations, slower on a GPU."""
    checkpoint_steps: int = 0
    """A checkpoint every so many batches besides the one after each epoch; 0: none besides."""
    checkpoints_kept: int = 2
    """How many checkpoints stay, the last ones; may change when a run is continued."""
    precision: typing.Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the networks' layers; weights, losses and last layers are float32 in any case. On a GPU
    that has tensor cores the shorter ones are faster; on a CPU they are slower."""
    xla: typing.Literal["auto", "on", "off"] = "auto"
    """Whether XLA compiles the step; auto: on JAX, and on TensorFlow for a single GPU."""


@dataclass(frozen=True)
class Config:
    """A run's whole configuration: one dataclass a table."""

    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


NEEDS = {"augment.canny": ("model.input", "edge"),
         "augment.line_thickness": ("model.input", "edge"),
         "augment.screentone": ("model.input", "gray"),
         "model.discriminator": ("model.kind", "gan"),
         "model.discriminator_head": ("model.kind", "gan"),
         "loss.objective": ("model.kind", "convnet"), "loss.l1_weight": ("model.kind", "gan")}
"""What is of use only where another key has some value."""


def check(config: Config, where: str) -> Config:
    """Returns the configuration if its values make sense together, else raises ConfigError."""
    model, train, augment = config.model, config.train, config.augment
    rules = (
        (len(model.encoder) == len(model.decoder) > 0, "model.decoder",
         f"has {len(model.decoder)} levels, model.encoder {len(model.encoder)}",
         "give both the same number"),
        (min(model.encoder + model.decoder + model.discriminator, default=0) > 0, "model",
         "has a level without channels", "give positive widths"),
        (len(model.discriminator) > 0, "model.discriminator", "is empty", "give its widths"),
        (0 < model.normalization_momentum < 1, "model.normalization_momentum",
         f"is {model.normalization_momentum}", "give a number between 0 and 1"),
        (config.data.shuffle > 0, "data.shuffle", f"is {config.data.shuffle}", "give 1 or more"),
        (0 < augment.crop <= 1, "augment.crop", f"is {augment.crop}",
         "give a share above 0, up to 1"),
        (0 <= augment.gamma < math.inf, "augment.gamma", f"is {augment.gamma}",
         "give a number from 0 up"),
        (0 <= augment.canny < 1, "augment.canny", f"is {augment.canny}",
         "give a number from 0 to below 1"),
        (augment.line_thickness > 0, "augment.line_thickness", f"is {augment.line_thickness}",
         "give 1 or more"),
        (0 <= augment.screentone <= 1, "augment.screentone", f"is {augment.screentone}",
         "give a share from 0 to 1"),
        (model.input == "gray" or model.output == "color", "model.output",
         "cannot be 'chroma': lines have no luminance to keep", "leave it at 'color'"),
        (0 < config.optimizer.learning_rate < math.inf, "optimizer.learning_rate",
         f"is {config.optimizer.learning_rate}", "give a positive number"),
        (0 <= config.optimizer.beta_1 < 1, "optimizer.beta_1",
         f"is {config.optimizer.beta_1}", "give a number from 0 to below 1"),
        (0 <= config.optimizer.ema < 1, "optimizer.ema", f"is {config.optimizer.ema}",
         "give a number from 0 to below 1"),
        (0 <= config.loss.l1_weight < math.inf, "loss.l1_weight",
         f"is {config.loss.l1_weight}", "give a number from 0 up"),
        (train.epochs > 0, "train.epochs", f"is {train.epochs}", "give 1 or more"),
        (train.batch_size > 0, "train.batch_size", f"is {train.batch_size}", "give 1 or more"),
        (0 <= train.seed < 2**32, "train.seed", f"is {train.seed}",
         "give a whole number from 0 to 4294967295"),
        (train.checkpoint_steps >= 0, "train.checkpoint_steps",
         f"is {train.checkpoint_steps}", "give 0 or more"),
        (train.checkpoints_kept > 0, "train.checkpoints_kept",
         f"is {train.checkpoints_kept}", "give 1 or more"),
        (train.xla != "on" or not train.deterministic, "train.xla",
         "is 'on': its sums are not repeatable", "leave it, or set train.deterministic=false"),
    )
    for holds, key, what, remedy in rules:
        if not holds:
            raise ConfigError(f"{where}: {key}", what, remedy)
    for table, key, because in _idle(config):
        default = getattr(type(getattr(config, table)), key)
        if _value(config, f"{table}.{key}") != default:
            shown = f"{default:g}" if isinstance(default, float) else repr(default)
            raise ConfigError(f"{where}: {table}.{key}",
                              f"does nothing: {because} is {_value(config, because)!r}",
                              f"leave it at {shown}")
    return config


def without_idle(config: Config) -> Config:
    """The configuration, with the defaults for all values that do nothing beside its others."""
    for table, key, _ in _idle(config):
        values = getattr(config, table)
        config = replace(config, **{table: replace(values, **{key: getattr(type(values), key)})})
    return config


def _idle(config: Config) -> list[tuple[str, str, str]]:
    """The table and key of each value that does nothing, and the key of the one that decides it."""
    return [(*idle.split("."), because) for idle, (because, needed) in NEEDS.items()
            if _value(config, because) != needed]


def _value(config: Config, name: str) -> object:
    table, key = name.split(".")
    return getattr(getattr(config, table), key)


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
