"""Training: from a configuration, batches and a run directory to a trained model."""

import csv
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import keras

from keras_colorize import models
from keras_colorize.config import Config
from keras_colorize.errors import SettingsMismatch, UsageError
from keras_colorize.training import callbacks, checkpoints, guards, run_directory, tensorboard
from keras_colorize.training.checkpoints import Keeper
from keras_colorize.training.devices import Devices, connect
from keras_colorize.training.saturation import Saturation


class Batches(Protocol):
    """The data of a run; `dataset.Dataset` is one."""

    size: tuple[int, int]
    """Height and width of the pictures."""
    digest: str
    """Tells one dataset from another."""
    described: dict
    """The notes on the data in `run.json`, the digest among them."""
    batches_per_epoch: int
    """How many whole training batches an epoch has; raises DatasetError for none."""

    def training(self, epoch: int, skip: int, devices: Devices) -> Iterable:
        """The epoch's (condition, colour) batches from number `skip` on, in [-1, 1].

        Each of several processes gets its part of every batch.
        """

    def validation(self, devices: Devices) -> Iterable:
        """All validation batches, in the same range and in the same parts."""


def train(config: Config, data: Batches, run_dir: Path, init_from: Path | None = None,
          watch: keras.callbacks.Callback | None = None) -> bool:
    """Trains the model that `config` describes, from where the run directory's last checkpoint is.

    It uses all devices that there are, of all processes. In the main thread, SIGINT and SIGTERM end
    it once the batch under way is done and saved.

    Args:
        init_from: a run whose networks a new run starts from, instead of random weights.
        watch: is called after the run's own callbacks, and shows how far it is; nothing is printed.

    Returns:
        Whether there was anything left to train.

    Raises:
        SettingsMismatch: the run directory is of another configuration or dataset.
        NotFiniteError: a loss became NaN or infinite; the last checkpoint is kept.
        RunError: stopped by a signal, out of memory or disk space, another process lost, or a
            checkpoint or `init_from` that does not fit.
        UsageError: Keras runs on a backend other than TensorFlow and JAX, a batch does not divide
            among the devices, another trainer is at work in the run directory, or BatchNorm is to
            stay as it is and there is no `init_from`.
    """
    if config.model.normalization_frozen and not init_from and not checkpoints.latest(run_dir):
        raise UsageError("model.normalization_frozen", "is for a run that begins with the networks "
                         "of another", "name that one by --init-from")
    devices, settings = connect(config.train.deterministic), config.train
    with guards.guarded(run_dir, settings.batch_size, devices) as stop, ExitStack() as opened:
        with devices.together(run_dir):
            run_directory.check(run_dir, config, data.digest, init_from)
            if checkpoints.epochs_done(run_dir) >= settings.epochs:
                return False
            validation, keeper = data.validation(devices), None
            all_steps = data.batches_per_epoch * settings.epochs
            if devices.first:  # its networks come before the seed and are not spread
                saturation = Saturation(config.model.colourfulness, validation)
                keeper = Keeper(run_dir, models.build(config, data.size, all_steps),
                                models.networks(config, data.size), settings.checkpoints_kept,
                                saturation.finish)
            keras.utils.set_random_seed(settings.seed)
            opened.enter_context(devices.spread(settings.batch_size, settings.xla))
            if devices.first:
                guards.check_room(run_dir, keeper.copy, settings.checkpoints_kept)
                opened.enter_context(run_directory.held(run_dir))
            run_directory.check(run_dir, config, data.digest, init_from)  # none came in between
            source = None if checkpoints.latest(run_dir) else init_from
            if source:
                _check_input(source, config.model.input)
        model = models.build(config, data.size, all_steps)
        devices.check_agreement(checkpoints.step_of(checkpoints.latest(run_dir)), run_dir)
        if source:
            _take_weights(model, source)
        position = stop.position = checkpoints.restore_newest(run_dir, model, devices.first)
        run = callbacks.Run(run_dir, config, data.batches_per_epoch, devices, stop, position)
        began = time.perf_counter()
        if devices.first:
            run_directory.start(run_dir, config, data.described, devices.described, position.step,
                                init_from)
            if not watch:
                print(f"{run_dir}: epochs {position.epoch + 1} to {settings.epochs}, each of "
                      f"{run.steps} batches of {settings.batch_size} pictures", flush=True)
        with callbacks.beside(run, keeper, validation) as beside:
            loud = devices.first and not watch
            _fit(run, model, data, validation, [*beside, *filter(None, [watch])],
                 int(loud) * (1 if sys.stdout.isatty() else 2))
        summary = _summary(run_dir, time.perf_counter() - began) if devices.first else ""
        if loud:
            print(summary, flush=True)
            if config.model.colourfulness:
                factor = float(models.saturation_of(keeper.networks["generator"]))
                print(f"saturation: {factor:.2f} times the chroma that was learned, for "
                      f"{config.model.colourfulness:g} of the truth's colourfulness at most",
                      flush=True)
    return True


def _fit(run: callbacks.Run, model: keras.Model, data: Batches, validation: Iterable,
         beside: list, verbose: int) -> None:
    """Trains the epochs that are left, with these callbacks beside; `verbose` is Keras's."""
    epochs, position = run.config.train.epochs, run.position
    for epoch in range(position.epoch, epochs):
        model.enter(epoch, whole=position.batch == 0)
        if position.batch == run.steps:
            _end_epoch(model, validation, beside, epoch, verbose)
            continue
        model.fit(data.training(epoch, position.batch, run.devices), shuffle=False,
                  validation_data=validation, callbacks=beside,
                  initial_epoch=epoch, epochs=epochs, verbose=verbose)


def _end_epoch(model: keras.Model, validation: Iterable, beside: list, epoch: int,
               verbose: int) -> None:
    """Ends an epoch as `fit` does after its last batch, for a run that was stopped there."""
    calls = keras.callbacks.CallbackList(beside, model=model)
    calls.on_epoch_begin(epoch)
    logs = {name: float(mean) for name, mean in model.get_metrics_result().items()}
    measured = model.evaluate(validation, callbacks=calls, return_dict=True, verbose=verbose)
    calls.on_epoch_end(epoch, logs | {f"val_{name}": value for name, value in measured.items()})


def _check_input(source: Path, wanted: str) -> None:
    given = run_directory.read_config(source).model.input
    if given != wanted:
        raise SettingsMismatch(source, f"takes {given} input, the new run {wanted}",
                               f"give a run on {wanted} input")


def _take_weights(model: keras.Model, source: Path) -> None:
    """Gives a new model the networks of another run."""
    networks = {"generator": run_directory.load_generator}
    if hasattr(model, "discriminator") and run_directory.read_config(source).model.kind == "gan":
        networks["discriminator"] = run_directory.load_discriminator
    for name, load in networks.items():
        try:
            weights = load(source).get_weights()
            getattr(model, name).set_weights(weights)
            if name == "generator":
                model.final_generator.set_weights(weights)
                for generator in (model.generator, model.final_generator):
                    saturation = models.saturation_of(generator)
                    if saturation is not None:  # it is chosen anew for what is learned now
                        saturation.assign(1)
        except ValueError as error:
            raise SettingsMismatch(source, f"its {name} has another shape",
                                   "give a run with the same [model] and picture size") from error


def _judged(best: checkpoints.Best) -> str:
    """Says by what an epoch was found the best, if not by its L1."""
    return f"by CIEDE2000, {best['ciede2000']:.2f}, " if "ciede2000" in best else ""


def _summary(run_dir: Path, seconds: float) -> str:
    """Draws the losses of a run that finished an epoch, and describes its result to the user.

    Args:
        seconds: how long this start of the run took.
    """
    with open(run_dir / "history.csv", newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    best = checkpoints.best(run_dir)
    batches = checkpoints.step_of(checkpoints.latest(run_dir))
    return (f"{last['epoch']} epochs, {batches} batches; "
            f"this start took {timedelta(seconds=round(seconds))}, its last epoch "
            f"{float(last['epoch/images_per_second']):.1f} images/s\n"
            f"validation L1, on [-1, 1]: {float(last['validation/epoch/l1']):.4f} at the end, "
            f"{best['l1']:.4f} after epoch {best['epoch']}, the best {_judged(best)}"
            f"({run_dir / checkpoints.BEST})\n"
            f"loss curves: {tensorboard.draw_losses(run_dir)}")
