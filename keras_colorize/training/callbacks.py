"""Callbacks of a run: they count, watch, log, and decide when to save."""

import csv
import math
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from keras_colorize import config as configuration
from keras_colorize import media
from keras_colorize.config import Config
from keras_colorize.errors import NotFiniteError, RunError
from keras_colorize.files import whole_file
from keras_colorize.image import figures, pixels
from keras_colorize.training import checkpoints, tensorboard
from keras_colorize.training.checkpoints import Keeper, Position
from keras_colorize.training.devices import Devices
from keras_colorize.training.guards import StopRequest

COLLAPSED_AFTER = 200  # batches in a row without one mistake of D
SHOWN = 6  # validation pictures


@dataclass
class Run:
    """A run under way, as its callbacks see it."""

    directory: Path
    config: Config
    steps: int
    """Batches in an epoch."""
    devices: Devices
    stop: StopRequest
    position: Position
    images_per_second: float = 0.0
    """Over the batches of the last epoch, waiting for data and the first's tracing included."""


@contextmanager
def beside(run: Run, keeper: Keeper | None, validation: Iterable) -> Iterator[list]:
    """Gives the callbacks of a run in their order; all is written at the end.

    Args:
        keeper: of the first process, which alone logs and saves.
        validation: the first few pictures of its first batch are drawn after every epoch.
    """
    with ExitStack() as opened:
        first = []
        if keeper:
            log = opened.enter_context(closing(Log(run, next(iter(validation)))))
            opened.enter_context(keeper.writing(log))
            first = [WarnOfCollapse(run), log]
        yield [CountSteps(run), StopOnNotFinite(run, keeper), *first, Checkpoint(run, keeper)]


class _Callback(keras.callbacks.Callback):
    """A callback of a run; its keeper, which writes checkpoints, is in the first process alone."""

    def __init__(self, run: Run, keeper: Keeper | None = None):
        super().__init__()
        self.run, self.keeper = run, keeper


class CountSteps(_Callback):
    """Keeps the position up to date; stands before every callback that reads it.

    `fit` is called once an epoch, so that the data can be entered anywhere: this ends it there.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.before = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now, position = time.perf_counter(), self.run.position
        position.seconds += now - self.before
        self.before = now
        position.batch += 1
        position.step += 1

    def on_epoch_end(self, epoch, logs=None):
        position = self.run.position
        pictures = position.batch * self.run.config.train.batch_size
        self.run.images_per_second = pictures / max(position.seconds, 1e-9)
        position.epoch, position.batch, position.seconds = epoch + 1, 0, 0.0
        self.model.stop_training = True


class StopOnNotFinite(_Callback):
    """Raises NotFiniteError as soon as a loss, of training or validation, is NaN or infinite.

    It stands before the callbacks that save, so that finite weights are never replaced by others.
    A loss is that of the weights before the step. Only the length of the gradient shows what the
    step makes of them, so it counts as well. In float16 it may be infinite: such a step changes no
    weight.
    """

    def on_train_batch_end(self, number, logs=None):
        skips = isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer)
        norms = [] if skips else [name for name in logs if name.endswith("gradient_norm")]
        values = {prefix + name: logs[prefix + name] for prefix in ("", "val_")
                  for name in (*self.model.loss_names, *norms) if prefix + name in logs}
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            if self.keeper:
                self.keeper.wait()
            good = checkpoints.latest(self.run.directory)
            listed = ", ".join(f"{name} {value:g}" for name, value in values.items())
            raise NotFiniteError(
                f"{self.run.directory}, batch {self.run.position.step}",
                f"{bad[0]} is not finite ({listed})",
                "set a smaller optimizer.learning_rate in a new run; the last good checkpoint is "
                + (str(good) if good else "none yet"))

    on_epoch_end = on_train_batch_end


class WarnOfCollapse(_Callback):
    """Warns once when D makes no mistake for `COLLAPSED_AFTER` batches: G then learns L1 alone."""

    perfect, warned = 0, False

    def on_train_batch_end(self, batch, logs=None):
        perfect = logs.get("d_real_accuracy") == logs.get("d_fake_accuracy") == 1
        self.perfect = self.perfect + 1 if perfect else 0
        if self.perfect == COLLAPSED_AFTER and not self.warned:
            self.warned = True
            print(f"warning: {self.run.directory}: the discriminator made no mistake in "
                  f"{self.perfect} batches, so the generator learns little from it; if samples/ "
                  "get no better, start a new run with a narrower model.discriminator or a "
                  "smaller optimizer.learning_rate", file=sys.stderr, flush=True)


class Log(_Callback):
    """Logs raw losses of every batch, and means and pictures of every epoch.

    They go to TensorBoard, the means also to `history.csv` and the pictures to `samples/`. Tags are
    `batch/NAME` (step: batches since the run began, from 1) and `epoch/NAME` (step: the epoch, from
    1), in the folders `train` and `validation`. Beside the values of the model's steps, `train` has
    `epoch/learning_rate`, `epoch/images_per_second` and, at step 0, the configuration.

    Args:
        batch: float32 conditions [n, h, w, 1] and colours [n, h, w, 3] in [-1, 1]. The first few
            are drawn after every epoch: condition, output and truth.
    """

    def __init__(self, run: Run, batch):
        super().__init__(run)
        self.condition, self.color = (np.asarray(each)[:SHOWN] for each in batch)
        self.history = run.directory / "history.csv"
        folders = {name: run.directory / "tensorboard" / name for name in ("train", "validation")}
        self.logs = {name: tensorboard.EventLog(folder, self._is_done)
                     for name, folder in folders.items()}
        self.rows = self._read_history()
        self.logs["train"].describe(configuration.dumps(run.config), {
            f"{table}.{key}": value if isinstance(value, bool | int | float) else str(value)
            for table, values in asdict(run.config).items() for key, value in values.items()})

    def _is_done(self, tag: str, step: int) -> bool:
        if tag in tensorboard.DESCRIPTION:
            return False  # each start describes its own configuration, which may have more epochs
        position = self.run.position
        return step <= (position.step if tag.startswith("batch/") else position.epoch)

    def _read_history(self) -> list[dict]:
        if not self.history.exists():
            return []
        try:
            with open(self.history, newline="", encoding="utf-8") as file:
                return [row for row in csv.DictReader(file)
                        if int(row["epoch"]) <= self.run.position.epoch]
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(self.history, "is damaged", "remove it to continue without the epochs "
                           "that it lists") from error

    def on_train_batch_end(self, batch, logs=None):
        self.logs["train"].scalars(self.run.position.step,
                                   {f"batch/{name}": value for name, value in logs.items()})

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        train = {f"epoch/{name}": value for name, value in logs.items()
                 if not name.startswith("val_")}
        validation = {f"epoch/{name[4:]}": value for name, value in logs.items()
                      if name.startswith("val_")}
        train |= {"epoch/learning_rate": float(
                      keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
                  "epoch/images_per_second": self.run.images_per_second}
        self.logs["train"].scalars(number, train)
        self.logs["validation"].scalars(number, validation)
        self.rows.append({"epoch": number, **train,
                          **{f"validation/{tag}": value for tag, value in validation.items()}})
        with whole_file(self.history) as temporary, \
                open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.rows[-1].keys())
            writer.writeheader()
            writer.writerows(self.rows)

    def draw(self, epoch: int, generator: keras.Model) -> None:
        """Draws condition, output and truth of the validation pictures."""
        fake = keras.ops.convert_to_numpy(generator(self.condition, training=False))
        picture = figures.tile([pixels.to_uint8(self.condition[..., 0]), pixels.to_uint8(fake),
                                pixels.to_uint8(self.color)])
        media.write_picture(self.run.directory / "samples" / f"epoch-{epoch:04d}.png", picture)
        self.logs["validation"].picture(epoch, "pictures", picture)

    def flush(self) -> None:
        """Brings all events to disk."""
        for log in self.logs.values():
            log.flush()

    def close(self) -> None:
        """Brings all events to disk and closes the files."""
        for log in self.logs.values():
            log.close()


class Checkpoint(_Callback):
    """Saves after each epoch, where a run stops and, if configured, every so many batches.

    It stands last: everything about a batch or an epoch is on disk before the checkpoint that says
    it is done. Of several processes the first saves. All stop where one is asked to: after the next
    batch, with the error of the stop request.
    """

    def on_epoch_begin(self, epoch, logs=None):
        if self.run.position.batch:
            checkpoints.restore_means(self.model, self.run.position)
        self.run.stop.waits = True

    def on_train_batch_end(self, batch, logs=None):
        position, every = self.run.position, self.run.config.train.checkpoint_steps
        ends_epoch = position.batch == self.run.steps
        due = every and position.step % every == 0 and not ends_epoch  # its own comes at once
        asked = self._asked()
        if due or ends_epoch or asked:
            checkpoints.sync(self.model)
            position.means = checkpoints.means_of(self.model)  # validation begins them anew
        if due or asked:
            self._save(validated=not ends_epoch)
        if asked:
            raise self.run.stop.error()

    def on_test_batch_end(self, batch, logs=None):
        if self._asked():
            checkpoints.sync(self.model)
            self._save(validated=False)
            raise self.run.stop.error()

    def on_epoch_end(self, epoch, logs=None):
        position, stop = self.run.position, self.run.stop
        position.means = {}
        if self.keeper:
            self.keeper.keep_epoch(self.model, position, logs["val_l1"])
        stop.waits = stop.several
        if self._asked() and position.epoch < self.run.config.train.epochs:
            raise stop.error()

    def _asked(self) -> bool:
        if self.keeper:
            self.keeper.check()
        return self.run.devices.any(self.run.stop.name is not None)

    def _save(self, validated: bool):
        if self.keeper:
            self.keeper.keep(self.model, self.run.position, validated)
