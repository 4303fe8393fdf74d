"""Training: a configuration, batches and a run directory to a trained model."""

import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import keras

from keras_colorize import models
from keras_colorize.config import Config
from keras_colorize.errors import SettingsMismatch
from keras_colorize.training import (
    callbacks,
    checkpoints,
    guards,
    keeping,
    run_directory,
    run_summary,
)
from keras_colorize.training.devices import Devices, connect, spread
from keras_colorize.training.processes import check_agreement, left_at_once, together


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

    def training(self, epoch: int, skip: int, devices: Devices) -> Iterable:
        """The epoch's (condition, colour) batches from number `skip` on, in [-1, 1].

        Of several processes, each is given its part of every batch.
        """

    def validation(self, devices: Devices) -> Iterable:
        """All validation batches, in the same range and in the same parts."""


def train(config: Config, data: Batches, run_dir: Path, init_from: Path | None = None) -> bool:
    """Trains the model that `config` describes, from where the run directory's last checkpoint is.

    On all devices that there are, of several processes if `devices.connect` finds them: then the
    first alone writes. In the main thread, SIGINT and SIGTERM end it once the batch under way is
    done and saved.

    Args:
        init_from: a run whose networks a new run starts from, instead of random weights.

    Returns:
        Whether there was anything left to train.

    Raises:
        SettingsMismatch: the run directory is of another configuration or dataset.
        NotFiniteError: a loss became NaN or infinite; the last checkpoint is kept.
        RunError: stopped by a signal, out of memory or disk space, another process lost, or a
            checkpoint or `init_from` that does not fit.
        UsageError: Keras runs on a backend other than TensorFlow and JAX, a batch does not divide
            among the devices, or another trainer is at work in the run directory.
    """
    devices = connect(config.train.deterministic)
    with left_at_once(devices, run_dir), ExitStack() as opened, \
            guards.stop_requests(run_dir, devices.processes > 1) as stop, \
            guards.memory_told(run_dir, config.train.batch_size, len(devices.names)):
        with together(devices, run_dir):
            run_directory.check(run_dir, config, data.digest, init_from)
            folder = run_dir / checkpoints.FOLDER
            if checkpoints.epochs_done(folder) >= config.train.epochs:
                return False
            steps, validation = data.batches_per_epoch, data.validation(devices)
            all_steps = steps * config.train.epochs
            networks = models.networks(config, data.size)  # in float32, for one device
            copy = models.build(config, data.size, all_steps) if devices.first else None
            keras.utils.set_random_seed(config.train.seed)
            opened.enter_context(spread(devices, config.train.batch_size, config.train.xla))
        model = models.build(config, data.size, all_steps)
        with together(devices, run_dir):
            if devices.first:
                guards.check_room(run_dir, model, config.train.checkpoints_kept)
                opened.enter_context(run_directory.held(run_dir))
            run_directory.check(run_dir, config, data.digest, init_from)  # none came in between
            newest = checkpoints.latest(folder)
            if init_from and not newest:
                _check_input(init_from, config.model.input)
        check_agreement(devices, checkpoints.step_of(newest) if newest else 0, run_dir)
        if init_from and not newest:
            _take_weights(model, init_from)
        stop.position = checkpoints.restore_newest(folder, model, devices.first)
        began = time.perf_counter()
        if devices.first:
            run_directory.start(run_dir, config, data.described, devices.described,
                                stop.position.step, init_from)
            print(f"{run_dir}: epochs {stop.position.epoch + 1} to {config.train.epochs}, each of "
                  f"{steps} batches of {config.train.batch_size} pictures", flush=True)
        _fit(model, copy, networks, config, data, validation, run_dir, stop, devices)
        if devices.first:
            print(run_summary.summarize(run_dir, time.perf_counter() - began), flush=True)
    return True


def _fit(model: keras.Model, copy: keras.Model | None, networks: dict[str, keras.Model],
         config: Config, data: Batches, validation: Iterable, run_dir: Path,
         stop: guards.StopRequest, devices: Devices) -> None:
    steps, position = data.batches_per_epoch, stop.position
    counter = callbacks.CountSteps(position, config.train.batch_size)
    with ExitStack() as opened:
        keeper, logging = None, []
        if devices.first:
            log = opened.enter_context(closing(
                callbacks.LogLosses(run_dir, position, config, counter)))
            keeper = opened.enter_context(keeping.keeper(
                run_dir, copy, networks, log.logs, next(iter(validation)),
                config.train.checkpoints_kept))
            logging = [guards.WarnOfCollapse(run_dir), log]
        beside = [counter, guards.StopOnNotFinite(run_dir, position, keeper), *logging,
                  callbacks.Checkpoint(position, config.train, steps, stop, devices, keeper)]
        verbose = (1 if sys.stdout.isatty() else 2) if devices.first else 0
        for epoch in range(position.epoch, config.train.epochs):
            if position.batch == steps:
                _end_epoch(model, validation, beside, epoch, verbose)
                continue
            model.fit(data.training(epoch, position.batch, devices), shuffle=False,
                      validation_data=validation, callbacks=beside,
                      initial_epoch=epoch, epochs=config.train.epochs, verbose=verbose)


def _end_epoch(model: keras.Model, validation: Iterable, beside: list, epoch: int,
               verbose: int) -> None:
    """What `fit` does after the last batch of an epoch, for a run that was stopped there."""
    calls = keras.callbacks.CallbackList(beside, model=model)
    calls.on_epoch_begin(epoch)
    logs = {name: float(mean) for name, mean in model.get_metrics_result().items()}
    measured = model.evaluate(validation, callbacks=calls, return_dict=True, verbose=verbose)
    calls.on_epoch_end(epoch, logs | {f"val_{name}": value for name, value in measured.items()})


def _check_input(init_from: Path, wanted: str) -> None:
    given = run_directory.read_config(init_from).model.input
    if given != wanted:
        raise SettingsMismatch(init_from, f"takes {given} input, the new run {wanted}",
                               f"give a run on {wanted} input")


def _take_weights(model: keras.Model, init_from: Path) -> None:
    networks = {"generator": run_directory.load_generator}
    if hasattr(model, "discriminator") and run_directory.read_config(init_from).model.kind == "gan":
        networks["discriminator"] = run_directory.load_discriminator
    for name, load in networks.items():
        try:
            weights = load(init_from).get_weights()
            getattr(model, name).set_weights(weights)
            if name == "generator":
                model.final_generator.set_weights(weights)
        except ValueError as error:
            raise SettingsMismatch(init_from, f"its {name} has another shape",
                                   "give a run with the same [model] and picture size") from error
