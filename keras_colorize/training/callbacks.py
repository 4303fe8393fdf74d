"""What happens beside a training step: counting, logging, and saying when to keep what."""

import csv
import time
from dataclasses import asdict
from pathlib import Path

import keras

from keras_colorize import config as configuration
from keras_colorize.config import Config, TrainConfig
from keras_colorize.errors import RunError
from keras_colorize.files import whole_file
from keras_colorize.training import checkpoints, tensorboard
from keras_colorize.training.checkpoints import Position
from keras_colorize.training.devices import Devices
from keras_colorize.training.guards import StopRequest
from keras_colorize.training.keeping import Keeper
from keras_colorize.training.processes import agree_any


class CountSteps(keras.callbacks.Callback):
    """Keeps the position up to date; stands before every callback that reads it.

    `fit` is called once an epoch, so that the data can be entered anywhere: this ends it there.
    """

    def __init__(self, position: Position, batch_size: int):
        super().__init__()
        self.position, self.batch_size = position, batch_size
        self.images_per_second = 0.0
        """Over the batches of the last epoch, waiting for data and the first's tracing included."""

    def on_epoch_begin(self, epoch, logs=None):
        self.before = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.position.seconds += now - self.before
        self.before = now
        self.position.batch += 1
        self.position.step += 1

    def on_epoch_end(self, epoch, logs=None):
        self.images_per_second = (self.position.batch * self.batch_size
                                  / max(self.position.seconds, 1e-9))
        self.position.epoch, self.position.batch, self.position.seconds = epoch + 1, 0, 0.0
        self.model.stop_training = True


class LogLosses(keras.callbacks.Callback):
    """Raw losses of every batch and means of every epoch, for TensorBoard and `history.csv`.

    Tags are `batch/NAME` (step: batches since the run began, from 1) and `epoch/NAME` (step: the
    epoch, from 1), in the folders `train` and `validation`. Beside what the model's steps report,
    `train` has `epoch/learning_rate`, `epoch/images_per_second` and, at step 0, the configuration.
    """

    def __init__(self, run_dir: Path, position: Position, config: Config, counter: CountSteps):
        super().__init__()
        self.position, self.counter = position, counter
        self.history = run_dir / "history.csv"
        folders = {name: run_dir / "tensorboard" / name for name in ("train", "validation")}
        for folder in folders.values():
            tensorboard.cut(folder, self._already_done)
        self.logs = {name: tensorboard.EventLog(folder) for name, folder in folders.items()}
        self.rows = self._read_history()
        self.logs["train"].describe(configuration.dumps(config), {
            f"{table}.{key}": value if isinstance(value, bool | int | float) else str(value)
            for table, values in asdict(config).items() for key, value in values.items()})

    def _already_done(self, tag: str, step: int) -> bool:
        if tag in tensorboard.DESCRIPTION:
            return False  # each start describes its own configuration, which may have more epochs
        return step <= (self.position.step if tag.startswith("batch/") else self.position.epoch)

    def _read_history(self) -> list[dict]:
        if not self.history.exists():
            return []
        try:
            with open(self.history, newline="", encoding="utf-8") as file:
                return [row for row in csv.DictReader(file)
                        if int(row["epoch"]) <= self.position.epoch]
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(self.history, "is damaged", "remove it to continue without the epochs "
                           "that it lists") from error

    def on_train_batch_end(self, batch, logs=None):
        self.logs["train"].scalars(self.position.step,
                                   {f"batch/{name}": value for name, value in logs.items()})

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        train = {f"epoch/{name}": value for name, value in logs.items()
                 if not name.startswith("val_")}
        validation = {f"epoch/{name[4:]}": value for name, value in logs.items()
                      if name.startswith("val_")}
        train |= {"epoch/learning_rate": float(
                      keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
                  "epoch/images_per_second": self.counter.images_per_second}
        self.logs["train"].scalars(number, train)
        self.logs["validation"].scalars(number, validation)
        self.rows.append({"epoch": number, **train,
                          **{f"validation/{tag}": value for tag, value in validation.items()}})
        with whole_file(self.history) as temporary, \
                open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.rows[-1].keys())
            writer.writeheader()
            writer.writerows(self.rows)

    def flush(self) -> None:
        """Brings all events to disk."""
        for log in self.logs.values():
            log.flush()

    def close(self) -> None:
        """Brings all events to disk and closes the files."""
        for log in self.logs.values():
            log.close()


class Checkpoint(keras.callbacks.Callback):
    """A checkpoint after each epoch and, if asked for, every so many batches or where a run stops.

    Stands last: what the others write about a batch or an epoch is on disk before the checkpoint
    that says it is done. Of several processes the first writes it, and all stop where one is asked.

    Args:
        stop: where a signal is noted; after the next batch this saves and raises its error.
        keeper: of the first process.
    """

    def __init__(self, position: Position, train: TrainConfig, steps_per_epoch: int,
                 stop: StopRequest, devices: Devices, keeper: Keeper | None):
        super().__init__()
        self.position, self.train, self.steps_per_epoch = position, train, steps_per_epoch
        self.stop, self.devices, self.keeper = stop, devices, keeper

    def on_epoch_begin(self, epoch, logs=None):
        if self.position.batch:
            checkpoints.restore_means(self.model, self.position)
        self.stop.waits = True

    def on_train_batch_end(self, batch, logs=None):
        every, ends_epoch = self.train.checkpoint_steps, self._ends_epoch()
        due = every and self.position.step % every == 0 and not ends_epoch  # its own comes at once
        asked = self._asked()
        if due or ends_epoch or asked:
            checkpoints.sync(self.model)
            self.position.means = checkpoints.means_of(self.model)  # validation begins them anew
        if due or asked:
            self._save()
        if asked:
            raise self.stop.error()

    def on_test_batch_end(self, batch, logs=None):
        if self._asked():
            checkpoints.sync(self.model)
            self._save()
            raise self.stop.error()

    def on_epoch_end(self, epoch, logs=None):
        self.position.means = {}
        if self.keeper:
            self.keeper.keep_epoch(self.model, self.position, logs["val_l1"])
        self.stop.between_epochs()
        if self._asked() and self.position.epoch < self.train.epochs:
            raise self.stop.error()

    def _asked(self) -> bool:
        if self.keeper:
            self.keeper.check()
        return agree_any(self.devices, self.stop.name is not None)

    def _ends_epoch(self) -> bool:
        return self.position.batch == self.steps_per_epoch

    def _save(self):
        if self.keeper:
            self.keeper.keep(self.model, self.position, not self._ends_epoch())
