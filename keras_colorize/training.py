"""Training: a configuration, batches and a run directory to a trained model."""

import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import keras
import tensorflow as tf

from keras_colorize import callbacks, checkpoints, guards, models, run_directory, run_summary
from keras_colorize.checkpoints import Position
from keras_colorize.config import Config
from keras_colorize.errors import SettingsMismatch, UsageError


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

    In the main thread, SIGINT and SIGTERM end it once the batch under way is done and saved.

    Args:
        init_from: a run whose networks a new run starts from, instead of random weights.

    Returns:
        Whether there was anything left to train.

    Raises:
        SettingsMismatch: the run directory is of another configuration or dataset.
        NotFiniteError: a loss became NaN or infinite; the last checkpoint is kept.
        RunError: stopped by a signal, out of memory or disk space, or a checkpoint or `init_from`
            that does not fit.
        UsageError: Keras runs on another backend than TensorFlow, or another trainer is at work in
            the run directory.
    """
    if keras.backend.backend() != "tensorflow":
        raise UsageError("KERAS_BACKEND", f"is {keras.backend.backend()!r}",
                         "set it to tensorflow: the training steps are written for it")
    run_directory.check(run_dir, config, data.digest, init_from)
    steps, checkpoint = data.batches_per_epoch, run_directory.latest_checkpoint(run_dir)
    if checkpoint and checkpoints.position_of(checkpoint).epoch >= config.train.epochs:
        return False
    keras.utils.set_random_seed(config.train.seed)
    if config.train.deterministic:
        tf.config.experimental.enable_op_determinism()
    model = models.build(config, data.size, steps * config.train.epochs)
    if init_from and not checkpoint:
        _take_weights(model, init_from)
    guards.check_room(run_dir, model)
    with run_directory.held(run_dir):
        run_directory.check(run_dir, config, data.digest, init_from)  # none came in between
        checkpoint = run_directory.latest_checkpoint(run_dir)
        position = checkpoints.restore(checkpoint, model) if checkpoint else Position()
        run_directory.start(run_dir, config, data.described, position.step, init_from)
        print(f"{run_dir}: epochs {position.epoch + 1} to {config.train.epochs}, each of {steps} "
              f"batches of {config.train.batch_size} pictures", flush=True)
        began = time.perf_counter()
        try:
            _fit(model, config, data, run_dir, position)
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise guards.out_of_memory(run_dir, config.train.batch_size) from error
        print(run_summary.summarize(run_dir, time.perf_counter() - began), flush=True)
    return True


def _fit(model: keras.Model, config: Config, data: Batches, run_dir: Path, position: Position):
    steps, counter = data.batches_per_epoch, callbacks.CountSteps(position, config.train.batch_size)
    with (guards.stop_requests(run_dir, position) as stop,
          closing(callbacks.LogLosses(run_dir, position, config, counter)) as log):
        beside = [
            counter,
            guards.StopOnNotFinite(run_dir, position),
            guards.WarnOfCollapse(run_dir),
            log,
            callbacks.SamplePictures(run_dir, log.logs["validation"],
                                     next(iter(data.validation()))),
            callbacks.SaveNetworks(run_dir, position),
            callbacks.Checkpoint(run_dir, position, log, config.train, steps, stop),
        ]
        verbose = 1 if sys.stdout.isatty() else 2
        for epoch in range(position.epoch, config.train.epochs):
            if position.batch == steps:
                _end_epoch(model, data, beside, epoch, verbose)
                continue
            model.fit(data.training(epoch, skip=position.batch), shuffle=False,
                      validation_data=data.validation(), callbacks=beside,
                      initial_epoch=epoch, epochs=config.train.epochs, verbose=verbose)


def _end_epoch(model: keras.Model, data: Batches, beside: list, epoch: int, verbose: int) -> None:
    """What `fit` does after the last batch of an epoch, for a run that was stopped there."""
    calls = keras.callbacks.CallbackList(beside, model=model)
    calls.on_epoch_begin(epoch)
    logs = {name: float(mean) for name, mean in model.get_metrics_result().items()}
    measured = model.evaluate(data.validation(), callbacks=calls, return_dict=True, verbose=verbose)
    calls.on_epoch_end(epoch, logs | {f"val_{name}": value for name, value in measured.items()})


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
