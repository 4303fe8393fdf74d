"""Which values of a configuration make sense, together."""

import math
from dataclasses import replace

from keras_colorize.config.tables import Config
from keras_colorize.errors import ConfigError

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
