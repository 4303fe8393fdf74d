"""What happens beside a training step: counting, logging, pictures, networks, checkpoints."""

import csv
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from keras_colorize import checkpoints, event_log, figures, media, pixels
from keras_colorize import config as configuration
from keras_colorize.checkpoints import Position
from keras_colorize.config import Config, TrainConfig
from keras_colorize.devices import Devices, agree_any, alone
from keras_colorize.errors import RunError
from keras_colorize.files import whole_file
from keras_colorize.guards import StopRequest


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
            event_log.cut(folder, self._already_done)
        self.logs = {name: event_log.EventLog(folder) for name, folder in folders.items()}
        self.rows = self._read_history()
        self.logs["train"].describe(configuration.dumps(config), {
            f"{table}.{key}": value if isinstance(value, bool | int | float) else str(value)
            for table, values in asdict(config).items() for key, value in values.items()})

    def _already_done(self, tag: str, step: int) -> bool:
        if tag in event_log.DESCRIPTION:
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


class SaveNetworks(keras.callbacks.Callback):
    """`generator.keras`, and `discriminator.keras` of a GAN, as they are after each epoch.

    In `best/` as they were after the epoch with the lowest validation L1.

    Args:
        networks: the same ones, for one device and in float32 whatever the model is trained on and
            in, since files keep such things; they take the model's weights after each epoch.
    """

    def __init__(self, run_dir: Path, position: Position, networks: dict[str, keras.Model]):
        super().__init__()
        self.run_dir, self.position, self.networks = run_dir, position, networks
        self.best = checkpoints.best(run_dir)

    def on_epoch_end(self, epoch, logs=None):
        trained = {"generator": self.model.final_generator,
                   "discriminator": getattr(self.model, "discriminator", None)}
        with alone():
            for name, network in self.networks.items():
                network.set_weights(trained[name].get_weights())
                with whole_file(self.run_dir / f"{name}.keras") as temporary:
                    network.save(temporary)
            if self.best is None or logs["val_l1"] < self.best["l1"]:
                checkpoints.save_best(self.run_dir, self.networks, self.position, logs["val_l1"])
                self.best = checkpoints.best(self.run_dir)


class SamplePictures(keras.callbacks.Callback):
    """The same few validation pictures after every epoch: condition, output and truth.

    Args:
        generator: the one that `SaveNetworks`, which stands before, keeps up to date.
        batch: float32 conditions [n, h, w, 1] and colours [n, h, w, 3] in [-1, 1].
    """

    def __init__(self, run_dir: Path, log: event_log.EventLog, generator: keras.Model, batch,
                 count: int = 6):
        super().__init__()
        self.folder, self.log, self.generator = run_dir / "samples", log, generator
        self.condition, self.color = (np.asarray(each)[:count] for each in batch)

    def on_epoch_end(self, epoch, logs=None):
        with alone():
            fake = keras.ops.convert_to_numpy(self.generator(self.condition, training=False))
        picture = figures.tile([pixels.to_uint8(self.condition[..., 0]), pixels.to_uint8(fake),
                                pixels.to_uint8(self.color)])
        media.write_picture(self.folder / f"epoch-{epoch + 1:04d}.png", picture)
        self.log.picture(epoch + 1, "pictures", picture)


class Checkpoint(keras.callbacks.Callback):
    """A checkpoint after each epoch and, if asked for, every so many batches or where a run stops.

    Stands last: what the others write about a batch or an epoch is on disk before the checkpoint
    that says it is done. Of several processes the first writes it, and all stop where one is asked.

    Args:
        stop: where a signal is noted; after the next batch this saves and raises its error.
        logs: what to bring to disk first.
    """

    def __init__(self, run_dir: Path, position: Position, train: TrainConfig, steps_per_epoch: int,
                 stop: StopRequest, devices: Devices, logs: Sequence[LogLosses]):
        super().__init__()
        self.folder = run_dir / "checkpoints"
        self.position, self.train, self.steps_per_epoch = position, train, steps_per_epoch
        self.stop, self.devices, self.logs = stop, devices, logs

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
        self._save()
        self.stop.waits = False
        if self._asked() and self.position.epoch < self.train.epochs:
            raise self.stop.error()

    def _asked(self) -> bool:
        return agree_any(self.devices, self.stop.name is not None)

    def _ends_epoch(self) -> bool:
        return self.position.batch == self.steps_per_epoch

    def _save(self):
        for log in self.logs:
            log.flush()
        if self.devices.first:
            with alone():
                checkpoints.save(self.folder, self.model, self.position, not self._ends_epoch())
