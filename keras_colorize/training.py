"""Training: a configuration, batches and a run directory to a trained model."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import keras
import tensorflow as tf

from keras_colorize import callbacks, checkpoints, models, run_directory
from keras_colorize.checkpoints import Position
from keras_colorize.config import Config
from keras_colorize.errors import RunError, SettingsMismatch, UsageError


class Batches(Protocol):
    """What training needs of its data; `dataset.Dataset` is one."""

    size: tuple[int, int]
    """Height and width of the pictures."""
    digest: str
    """Tells one dataset from another."""
    described: dict
    """What `run.json` notes of the data, the digest among it."""
    batches_per_epoch: int
    """How many whole training batches an epoch has; raises DatasetError for none."""

    def training(self, epoch: int, skip: int = 0) -> Iterable:
        """The epoch's (condition, colour) batches from number `skip` on, in [-1, 1]."""

    def validation(self) -> Iterable:
        """All validation batches, in the same range."""


def train(config: Config, data: Batches, run_dir: Path, init_from: Path | None = None) -> bool:
    """Trains the model that `config` describes, from where the run directory's last checkpoint is.

    Args:
        init_from: a run whose networks a new run starts from, instead of random weights.

    Returns:
        Whether there was anything left to train.

    Raises:
        SettingsMismatch: the run directory is of another configuration or dataset.
        NotFiniteError: a loss became NaN or infinite; the last checkpoint is kept.
        RunError: out of memory, or a checkpoint or `init_from` that does not fit.
        UsageError: Keras runs on another backend than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise UsageError("KERAS_BACKEND", f"is {keras.backend.backend()!r}",
                         "set it to tensorflow: the training steps are written for it")
    run_directory.check(run_dir, config, data.digest, init_from)
    steps = data.batches_per_epoch
    keras.utils.set_random_seed(config.train.seed)
    if config.train.deterministic:
        tf.config.experimental.enable_op_determinism()
    model = models.build(config, data.size)
    checkpoint = run_directory.latest_checkpoint(run_dir)
    if checkpoint:
        position = checkpoints.restore(checkpoint, model)
    else:
        position = Position()
        if init_from:
            _take_weights(model, init_from)
    if position.epoch >= config.train.epochs:
        return False
    run_directory.start(run_dir, config, data.described, position.step, init_from)
    print(f"{run_dir}: epochs {position.epoch + 1} to {config.train.epochs}, each of {steps} "
          f"batches of {config.train.batch_size} pictures", flush=True)
    try:
        _fit(model, config, data, run_dir, position)
    except tf.errors.ResourceExhaustedError as error:
        raise RunError(run_dir, "ran out of memory", "start a new run with a smaller "
                       f"train.batch_size than {config.train.batch_size}") from error
    return True


def _fit(model: keras.Model, config: Config, data: Batches, run_dir: Path, position: Position):
    log = callbacks.LogLosses(run_dir, position)
    beside = [
        callbacks.CountSteps(position),
        callbacks.StopOnNotFinite(run_dir, position),
        log,
        callbacks.SamplePictures(run_dir, log.logs["validation"], next(iter(data.validation()))),
        callbacks.SaveNetworks(run_dir),
        callbacks.Checkpoint(run_dir, position, log, config.train.checkpoint_steps,
                             data.batches_per_epoch),
    ]
    try:
        for epoch in range(position.epoch, config.train.epochs):
            model.fit(data.training(epoch, skip=position.batch), shuffle=False,
                      validation_data=data.validation(), callbacks=beside,
                      initial_epoch=epoch, epochs=config.train.epochs,
                      verbose=1 if sys.stdout.isatty() else 2)
    finally:
        log.close()


def _take_weights(model: keras.Model, init_from: Path) -> None:
    networks = {"generator": run_directory.load_generator}
    if hasattr(model, "discriminator") and run_directory.read_config(init_from).model.kind == "gan":
        networks["discriminator"] = run_directory.load_discriminator
    for name, load in networks.items():
        try:
            getattr(model, name).set_weights(load(init_from).get_weights())
        except ValueError as error:
            raise SettingsMismatch(init_from, f"its {name} has another shape",
                                   "give a run with the same [model] and picture size") from error
