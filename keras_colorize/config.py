"""TOML to frozen dataclasses: what a run is, checked before TensorFlow is imported."""

import dataclasses
import difflib
import json
import math
import tomllib
import typing
from dataclasses import dataclass, field
from pathlib import Path

from keras_colorize.errors import ConfigError

SHIPPED = Path(__file__).parent / "configs"


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


@dataclass(frozen=True)
class Config:
    """A run's whole configuration: one dataclass a table."""

    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


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
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, f"is not TOML ({error})", "mend the line named") from error
    for override in overrides:
        _apply(override, tables)
    return check(_dataclass_from(Config, tables, str(path)), str(path))


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


def check(config: Config, where: str) -> Config:
    """Returns the configuration if its values make sense together, else raises ConfigError."""
    model, train, augment = config.model, config.train, config.augment
    needless = f"does nothing: model.input is {model.input!r}"
    needless_kind = f"does nothing: model.kind is {model.kind!r}"
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
        (model.input == "edge" or augment.canny == 0, "augment.canny", needless, "leave it at 0"),
        (model.input == "edge" or augment.line_thickness == 1, "augment.line_thickness", needless,
         "leave it at 1"),
        (model.input == "gray" or augment.screentone == 0, "augment.screentone", needless,
         "leave it at 0"),
        (model.input == "gray" or model.output == "color", "model.output",
         "cannot be 'chroma': lines have no luminance to keep", "leave it at 'color'"),
        (model.kind == "gan" or model.discriminator_head == "picture", "model.discriminator_head",
         needless_kind, "leave it at 'picture'"),
        (model.kind == "convnet" or config.loss.objective == "squared", "loss.objective",
         needless_kind, "leave it at 'squared'"),
        (0 < config.optimizer.learning_rate < math.inf, "optimizer.learning_rate",
         f"is {config.optimizer.learning_rate}", "give a positive number"),
        (0 <= config.optimizer.beta_1 < 1, "optimizer.beta_1",
         f"is {config.optimizer.beta_1}", "give a number from 0 to below 1"),
        (0 <= config.loss.l1_weight < math.inf, "loss.l1_weight",
         f"is {config.loss.l1_weight}", "give a number from 0 up"),
        (train.epochs > 0, "train.epochs", f"is {train.epochs}", "give 1 or more"),
        (train.batch_size > 0, "train.batch_size", f"is {train.batch_size}", "give 1 or more"),
        (0 <= train.seed < 2**32, "train.seed", f"is {train.seed}",
         "give a whole number from 0 to 4294967295"),
        (train.checkpoint_steps >= 0, "train.checkpoint_steps",
         f"is {train.checkpoint_steps}", "give 0 or more"),
    )
    for holds, key, what, remedy in rules:
        if not holds:
            raise ConfigError(f"{where}: {key}", what, remedy)
    return config


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
