"""Configurations: TOML read into frozen dataclasses and checked, before TensorFlow is imported."""

import dataclasses
import difflib
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from types import NoneType
from typing import Annotated, Literal, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from keras_colorize.errors import ConfigError
from keras_colorize.files import read_bytes


def _shipped(name: str) -> Path:
    """Finds a folder that ships: within an installed package, or beside it in a clone."""
    package = Path(__file__).parent
    return next(folder for folder in (package / name, package.parent / name) if folder.is_dir())


SHIPPED = _shipped("configs")
SHIPPED_MODEL = _shipped("shipped_model")
"""The model that colours where no other is named; `README.md` there says what it is."""

Kind = TypeVar("Kind")

LARGEST = sys.float_info.max
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1, description="a whole number from 0 to 4294967295")]
FromZero = Annotated[int, Meta(ge=0, description="a whole number from 0 up")]
FromOne = Annotated[int, Meta(ge=1, description="a whole number from 1 up")]
Positive = Annotated[float, Meta(gt=0, le=LARGEST, description="a number above 0")]
NotNegative = Annotated[float, Meta(ge=0, le=LARGEST, description="a number from 0 up")]
Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
PositiveShare = Annotated[float, Meta(gt=0, le=1, description="a number above 0, up to 1")]
BelowOne = Annotated[float, Meta(ge=0, lt=1, description="a number from 0 to below 1")]
Between = Annotated[float, Meta(gt=0, lt=1, description="a number between 0 and 1")]
Widths = Annotated[tuple[FromOne, ...], Meta(
    min_length=1, description="a list of whole numbers from 1 up")]


@dataclass(frozen=True)
class ModelConfig:
    """The networks: which model, on which input, and how wide."""

    kind: Literal["convnet", "gan"]
    """The U-Net alone with a squared loss, or with a discriminator (sections 3.1 and 3.2)."""
    input: Literal["gray", "edge", "manga"]
    """The model's input: the luminance, white Canny lines on black, or the picture redrawn as
    printed manga, whose flat colours are then the truth."""
    encoder: Widths = (64, 128, 256, 512, 512, 512)
    """Channels after each encoder level, top first."""
    decoder: Widths = (512, 512, 256, 128, 64, 64)
    """Channels after each decoder level, bottom first; as many as encoder levels."""
    discriminator: Widths = (64, 128, 256, 512, 512, 512)
    """Channels after each level of the discriminator; for a GAN only."""
    normalization: Literal["batch", "instance"] = "batch"
    """Over the batch, as in the paper, or over each picture alone, except at the encoders' last
    level."""
    normalization_momentum: Between = 0.99
    """How slowly BatchNorm's inference statistics follow; a short run needs a lower value."""
    normalization_frozen: bool = False
    """The generator keeps the BatchNorm of the run that this one begins with: statistics of a few
    pictures fit no other."""
    upsampling: Literal["transposed", "resize", "bilinear", "mirrored"] = "transposed"
    """The paper's transposed convolutions, or repeated or bilinear pixels and a convolution: no
    checkerboard. Or `mirrored`: transposed, by symmetric kernels for the two coarsest levels, whose
    checkerboard has the largest fields."""
    output: Literal["color", "chroma"] = "color"
    """RGB, or chroma alone, joined with the input's luminance; for gray input only."""
    lines: Literal["edges", "distance"] = "edges"
    """What the network sees of the lines: the lines, or also how far the nearest one is, which is
    all that its last levels then see: no textures along lines; for edge input only."""
    colourfulness: Share = 0.0
    """The share of the truth's colourfulness that validation pictures are brought to after every
    epoch, by multiplying the chroma: low errors make pale pictures. Where they would be farther
    from the truth than gray ones, it is less, but not less than was learned. 0: left as trained."""
    guidance: Literal["none", "hints"] = "none"
    """What may tell the network colours: nothing, or the colours of some pixels, which it spreads;
    for output "chroma" only."""
    discriminator_head: Literal["picture", "patch"] = "picture"
    """One verdict, or one for each patch of 6 * 2^levels - 2 pixels square; for a GAN only."""
    discriminator_normalization: Literal["same", "spectral"] = "same"
    """As `normalization`, or by kernels that are divided by their largest singular value; for a
    GAN only."""
    discriminator_sees: Literal["color", "chroma"] = "color"
    """RGB, or its chroma alone, beside the input; for a GAN only."""


@dataclass(frozen=True)
class AugmentConfig:
    """How training pictures are varied, the condition and the colour alike; not in the paper."""

    flip: bool = False
    """Mirror half of the pictures, chosen at random."""
    crop: PositiveShare = 1.0
    """The smallest share of height and width that a random crop keeps; 1: no crop."""
    gamma: NotNegative = 0.0
    """Lighten or darken by a random exponent between 1 / (1 + gamma) and 1 + gamma."""
    canny: BelowOne = 0.0
    """Find the edges again, at the usual thresholds times 1 - canny to 1 + canny; for edge input
    only."""
    line_thickness: FromOne = 1
    """Widen the lines to a random number of pixels from 1 to this; for edge input only."""
    screentone: Share = 0.0
    """The share of pictures whose input is redrawn as printed manga; for gray input only."""
    hints: Share = 0.0
    """The share of pictures that come with hints of their true colours; for guidance only."""
    first_hints: FromZero = 0
    """The first epoch with hints, from 0: until then the network learns to colour alone."""


@dataclass(frozen=True)
class DataConfig:
    """How the dataset is read."""

    cache: bool | Literal["auto"] = "auto"
    """Keep the decoded training pictures in memory (4 GB for the paper's); same batches. auto: if
    they take at most a tenth of it."""
    shuffle: FromOne = 4096
    """How many examples, still compressed, the shuffle draws from; at most the whole dataset."""


@dataclass(frozen=True)
class LossConfig:
    """The objective of the ConvNet, and the weights of the GAN's."""

    objective: Literal["squared", "absolute", "classes"] = "squared"
    """The paper's halved squares, or L1, or (for manga input) the cross entropy of 64 colours, of
    which the network says how likely each is; all summed over pixels; for a ConvNet only."""
    l1_weight: NotNegative = 100.0
    """Lambda in the generator's objective (section 3.2.2); for a GAN only."""
    variation: NotNegative = 0.0
    """The weight, in the generator's objective, of how much neighbouring pixels differ where no
    line is between them; for a GAN on edge input only."""


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam, one for all networks of a run."""

    learning_rate: Positive = 2e-4
    beta_1: BelowOne = 0.9
    """0.5 in the paper's GAN."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Whether the learning rate stays, or falls to 0 along a cosine over all batches of the run.
    A run that is continued with more epochs follows the longer cosine, so its rate rises again."""
    ema: BelowOne = 0.0
    """How slowly an exponential moving average follows the generator's weights, such as 0.999. The
    average is then validated, drawn and saved as the generator. It begins faster, since the first
    weights are random; a game from `train.adversarial_from` on keeps it. 0: no average."""
    adversarial_rate: NotNegative = 0.0
    """The learning rate from epoch `train.adversarial_from` on; 0: the same."""


@dataclass(frozen=True)
class TrainConfig:
    """How long a run trains, and in which portions."""

    epochs: FromOne = 20
    """May grow when a run is continued."""
    adversarial_from: FromZero = 0
    """The epoch, from 0, with which the game of G and D begins: until then G learns without it,
    which takes half of the time and leads it near; for a GAN only."""
    batch_size: FromOne = 64
    seed: Seed = 0
    """Decides the initial weights and the order of the examples."""
    deterministic: bool = False
    """Bitwise repeatable operations, slower on a GPU."""
    checkpoint_steps: FromZero = 0
    """A further checkpoint after every so many batches; 0: only the one after each epoch."""
    checkpoints_kept: FromOne = 2
    """How many of the last checkpoints are kept; may change when a run is continued."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """The type that the layers compute in; weights, losses and last layers are always float32. The
    shorter types are faster on a GPU that has tensor cores, and slower on a CPU."""
    xla: Literal["auto", "on", "off"] = "auto"
    """Whether XLA compiles the step; auto: on JAX, and on TensorFlow for a single GPU."""


@dataclass(frozen=True)
class Config:
    """The whole configuration of a run: one dataclass for each table."""

    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


TABLES = get_type_hints(Config)
NEEDS = {"augment.canny": ("model.input", "edge"),
         "augment.line_thickness": ("model.input", "edge"),
         "augment.screentone": ("model.input", "gray"),
         "model.colourfulness": ("model.output", "chroma"),
         "model.lines": ("model.input", "edge"),
         "model.normalization_frozen": ("model.normalization", "batch"),
         "model.discriminator": ("model.kind", "gan"),
         "model.discriminator_head": ("model.kind", "gan"),
         "model.discriminator_normalization": ("model.kind", "gan"),
         "model.discriminator_sees": ("model.kind", "gan"),
         "train.adversarial_from": ("model.kind", "gan"),
         "loss.objective": ("model.kind", "convnet"), "loss.l1_weight": ("model.kind", "gan"),
         "loss.variation": ("model.kind", "gan")}
"""The keys that have an effect only where another key has a certain value."""


def load(name: str | Path, overrides: Sequence[str] = ()) -> Config:
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
    tables = read_toml(path)
    for override in overrides:
        _apply(override, tables)
    return _check(fit(tables, Config, str(path)), str(path))


def load_recorded(path: Path) -> Config:
    """Reads the configuration that a run recorded, perhaps with an earlier version of this package.

    Values without an effect, which a run may not begin with any more, become their defaults. It
    raises ConfigError as `load`.
    """
    config = fit(read_toml(path), Config, str(path))
    for table, key, default, _ in list(_without_effect(config)):
        config = replace(config, **{table: replace(getattr(config, table), **{key: default})})
    return _check(config, str(path))


def shipped_names() -> list[str]:
    """Lists the names of the configurations that come with the package."""
    return sorted(str(path.relative_to(SHIPPED).with_suffix(""))
                  for path in SHIPPED.rglob("*.toml"))


def dumps(config: Config) -> str:
    """Writes the configuration as TOML, every key with its value."""
    lines = []
    for table, values in dataclasses.asdict(config).items():
        lines += [f"[{table}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]  # JSON is TOML
        lines += [""]
    return "\n".join(lines)


def read_toml(path: Path) -> dict:
    """Reads the tables of a TOML file; raises ConfigError where it cannot be read, or is none."""
    try:
        return tomllib.loads(read_bytes(path, ConfigError).decode())
    except ValueError as error:  # no TOML, or no UTF-8
        raise ConfigError(path, f"is not TOML ({error})", "correct that line") from error


def _apply(override: str, tables: dict) -> None:
    """Puts the value of `--set section.key=value` into the tables."""
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
        raise ConfigError(f"--set {override}", f"{section} is not a table in the file",
                          f"write it there as [{section}]")
    table[name] = value


def fit(tables: dict, kind: type[Kind], where: str) -> Kind:
    """Converts what TOML gave to a dataclass of dataclasses and dictionaries, one a table.

    Raises ConfigError, which begins with `where`, for an unknown key or a value that cannot be.
    """
    known = get_type_hints(kind)
    _check_known(tables, known, where, known)
    for name, values in tables.items():
        if isinstance(values, dict) and dataclasses.is_dataclass(known[name]):
            _check_known(values, get_type_hints(known[name]), f"{where}: {name}", known)
    try:
        return msgspec.convert(tables, kind)
    except msgspec.ValidationError as error:
        raise _config_error(str(error), tables, known, where) from error


def _check_known(keys: dict, known: dict, where: str, every: dict) -> None:
    """Raises ConfigError for an unknown key; it names the table of it in `every`, or one like it.
    """
    for key in keys:
        if key not in known:
            tables = [table for table, kind in every.items()
                      if dataclasses.is_dataclass(kind) and key in get_type_hints(kind)]
            nearest = difflib.get_close_matches(key, known, n=1, cutoff=0)
            raise ConfigError(where, f"unknown key {key!r}", f"write it below [{tables[0]}]"
                              if tables else f"did you mean {nearest[0]!r}?")


def _config_error(reason: str, tables: dict, known: dict, where: str) -> ConfigError:
    """Says in plain words where and what msgspec refused: "... - at `$.model.encoder[0]`"."""
    what, _, place = reason.partition(" - at `$.")
    name = re.sub(r"[\[`].*", "", place)
    if missing := re.search("missing required field `(.+)`", what):
        return ConfigError(f"{where}: {name}".removesuffix(": "), f"lacks {missing[1]!r}", "add it")
    table, _, key = name.partition(".")
    if not key:
        return ConfigError(where, f"{table} is not a table", f"write it as [{table}]")
    hint = get_type_hints(known[table], include_extras=True)[key]
    if NoneType in get_args(hint):
        hint = get_args(hint)[0]
    wanted = "true or false" if hint is bool else \
        "true, false or 'auto'" if hint == bool | Literal["auto"] else \
        hint.__metadata__[0].description if hasattr(hint, "__metadata__") else \
        f"one of {', '.join(map(repr, get_args(hint)))}"
    return ConfigError(f"{where}: {name}", f"is {tables[table][key]!r}", f"give {wanted}")


def _check(config: Config, where: str) -> Config:
    """Returns the configuration if its values make sense together, else raises ConfigError."""
    model, train = config.model, config.train
    rules = (
        (len(model.encoder) == len(model.decoder), "model.decoder",
         f"has {len(model.decoder)} levels, model.encoder {len(model.encoder)}",
         "give both the same number"),
        (model.input == "gray" or model.output == "color", "model.output",
         "cannot be 'chroma': lines have no luminance to keep", "leave it at 'color'"),
        (model.guidance == "none" or model.output == "chroma",
         "model.guidance", "is for output 'chroma'",
         "set model.output='chroma', or model.guidance='none'"),
        (train.adversarial_from < train.epochs, "train.adversarial_from",
         f"is {train.adversarial_from} of {train.epochs} epochs: no epoch is left for the game",
         "give fewer, or more train.epochs"),
        (train.adversarial_from == 0 or config.optimizer.schedule == "constant",
         "optimizer.schedule", "cannot be 'cosine': train.adversarial_from begins it anew",
         "leave it, and set optimizer.adversarial_rate"),
        (train.adversarial_from > 0 or config.optimizer.adversarial_rate == 0,
         "optimizer.adversarial_rate", "does nothing: train.adversarial_from is 0",
         "set optimizer.learning_rate"),
        (config.loss.objective != "classes" or model.input == "manga", "loss.objective",
         f"cannot be 'classes': model.input is {model.input!r}",
         "set model.input='manga', or another objective"),
        (config.loss.variation == 0 or model.input == "edge", "loss.variation",
         f"is for lines: model.input is {model.input!r}",
         "leave it at 0, or set model.input='edge'"),
        ((model.guidance == "none") == (config.augment.hints == 0), "augment.hints",
         f"is {config.augment.hints:g} where model.guidance is {model.guidance!r}",
         "set 0 without guidance and a share above 0, such as 0.7, with it"),
        (train.xla != "on" or not train.deterministic, "train.xla",
         "is 'on': its sums are not repeatable", "leave it, or set train.deterministic=false"),
    )
    for holds, key, what, remedy in rules:
        if not holds:
            raise ConfigError(f"{where}: {key}", what, remedy)
    for table, key, default, because in _without_effect(config):
        shown = f"{default:g}" if isinstance(default, float) else repr(default)
        raise ConfigError(f"{where}: {table}.{key}", f"does nothing: {because} is "
                          f"{attrgetter(because)(config)!r}", f"leave it at {shown}")
    return config


def _without_effect(config: Config) -> Iterator[tuple[str, str, object, str]]:
    """Gives the table, key and default of each value set in vain, and the key that decides it."""
    for name, (because, needed) in NEEDS.items():
        table, key = name.split(".")
        default = getattr(TABLES[table], key)
        if attrgetter(because)(config) != needed and attrgetter(name)(config) != default:
            yield table, key, default, because
