"""What happens beside a training step: counting, logging, pictures, checkpoints, a stop on NaN."""

import csv
import math
from pathlib import Path

import keras
import numpy as np

from keras_colorize import checkpoints, event_log, figures, media, pixels
from keras_colorize.checkpoints import Position
from keras_colorize.errors import NotFiniteError, RunError
from keras_colorize.files import whole_file


class CountSteps(keras.callbacks.Callback):
    """Keeps the position up to date; stands before every callback that reads it.

    `fit` is called once an epoch, so that the data can be entered anywhere: this ends it there.
    """

    def __init__(self, position: Position):
        super().__init__()
        self.position = position

    def on_train_batch_end(self, batch, logs=None):
        self.position.batch += 1
        self.position.step += 1

    def on_epoch_end(self, epoch, logs=None):
        self.position.epoch, self.position.batch = epoch + 1, 0
        self.model.stop_training = True


class StopOnNotFinite(keras.callbacks.Callback):
    """Raises NotFiniteError as soon as a loss, of training or validation, is NaN or infinite.

    Stands before the callbacks that save: what is not finite never replaces what is.
    """

    def __init__(self, run_dir: Path, position: Position):
        super().__init__()
        self.run_dir, self.position = run_dir, position

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs)

    def _check(self, logs: dict[str, float]):
        bad = [name for name, value in logs.items() if not math.isfinite(value)]
        if bad:
            good = checkpoints.latest(self.run_dir / "checkpoints")
            losses = ", ".join(f"{name} {value:g}" for name, value in logs.items())
            raise NotFiniteError(
                f"{self.run_dir}, batch {self.position.step}", f"{bad[0]} is not finite ({losses})",
                "set a smaller optimizer.learning_rate in a new run; the last good checkpoint is "
                + (str(good) if good else "none yet"))


class LogLosses(keras.callbacks.Callback):
    """Raw losses of every batch and means of every epoch, for TensorBoard and `history.csv`.

    Tags are `batch/NAME` (step: batches since the run began, from 1) and `epoch/NAME` (step: the
    epoch, from 1), in the folders `train` and `validation`.
    """

    def __init__(self, run_dir: Path, position: Position):
        super().__init__()
        self.position = position
        self.history = run_dir / "history.csv"
        folders = {name: run_dir / "tensorboard" / name for name in ("train", "validation")}
        for folder in folders.values():
            event_log.cut(folder, self._already_done)
        self.logs = {name: event_log.EventLog(folder) for name, folder in folders.items()}
        self.rows = self._read_history()

    def _already_done(self, tag: str, step: int) -> bool:
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


class SamplePictures(keras.callbacks.Callback):
    """The same few validation pictures after every epoch: condition, output and truth.

    Args:
        batch: float32 conditions [n, h, w, 1] and colours [n, h, w, 3] in [-1, 1].
    """

    def __init__(self, run_dir: Path, log: event_log.EventLog, batch, count: int = 6):
        super().__init__()
        self.folder, self.log = run_dir / "samples", log
        self.condition, self.color = (np.asarray(each)[:count] for each in batch)

    def on_epoch_end(self, epoch, logs=None):
        fake = keras.ops.convert_to_numpy(self.model.generator(self.condition, training=False))
        picture = figures.tile([pixels.to_uint8(self.condition[..., 0]), pixels.to_uint8(fake),
                                pixels.to_uint8(self.color)])
        media.write_picture(self.folder / f"epoch-{epoch + 1:04d}.png", picture)
        self.log.picture(epoch + 1, "pictures", picture)


class SaveNetworks(keras.callbacks.Callback):
    """`generator.keras`, and `discriminator.keras` of a GAN, as they are after each epoch."""

    def __init__(self, run_dir: Path):
        super().__init__()
        self.run_dir = run_dir

    def on_epoch_end(self, epoch, logs=None):
        for name in ("generator", "discriminator"):
            if hasattr(self.model, name):
                with whole_file(self.run_dir / f"{name}.keras") as temporary:
                    getattr(self.model, name).save(temporary)


class Checkpoint(keras.callbacks.Callback):
    """A checkpoint after each epoch and, if asked for, every so many batches.

    Stands last: what the others write about a batch or an epoch is on disk before the checkpoint
    that says it is done.
    """

    def __init__(self, run_dir: Path, position: Position, log: LogLosses, every_steps: int,
                 steps_per_epoch: int):
        super().__init__()
        self.folder = run_dir / "checkpoints"
        self.position, self.log = position, log
        self.every_steps, self.steps_per_epoch = every_steps, steps_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        if self.position.batch:
            checkpoints.restore_means(self.model, self.position)

    def on_train_batch_end(self, batch, logs=None):
        ends_epoch = self.position.batch == self.steps_per_epoch  # whose checkpoint comes at once
        if self.every_steps and self.position.step % self.every_steps == 0 and not ends_epoch:
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        self._save()

    def _save(self):
        self.log.flush()
        checkpoints.save(self.folder, self.model, self.position)
