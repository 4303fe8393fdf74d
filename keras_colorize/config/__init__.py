"""TOML to frozen dataclasses: what a run is, checked before TensorFlow is imported."""

from keras_colorize.config.files import SHIPPED, dumps, load, load_recorded, shipped_names
from keras_colorize.config.rules import check
from keras_colorize.config.tables import (
    AugmentConfig,
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimizerConfig,
    TrainConfig,
)

__all__ = ["SHIPPED", "AugmentConfig", "Config", "DataConfig", "LossConfig", "ModelConfig",
           "OptimizerConfig", "TrainConfig", "check", "dumps", "load", "load_recorded",
           "shipped_names"]
