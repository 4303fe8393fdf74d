"""What keeps a run from harm: signals that wait for a batch, room on the disk, values watched."""

import math
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import keras

from keras_colorize.errors import NotFiniteError, RunError
from keras_colorize.files import nearest_existing
from keras_colorize.training import checkpoints
from keras_colorize.training.checkpoints import Position
from keras_colorize.training.devices import out_of_memory
from keras_colorize.training.keeping import Keeper

SIGNALS = (signal.SIGINT, signal.SIGTERM)
COLLAPSED_AFTER = 200  # batches in a row without one mistake of D


class StopRequest:
    """A SIGINT or SIGTERM that waits until the batch under way is done and saved.

    Outside of an epoch, where everything is saved, it does not wait; nor does a second one. Of
    several processes it always waits, for all of them stop after the same batch.
    """

    def __init__(self, run_dir: Path, several: bool):
        self.run_dir, self.several = run_dir, several
        self.position: Position | None = None
        """Where training stands, once it is known."""
        self.name: str | None = None
        """Of the signal, once there was one."""
        self.waits = several
        """Whether there is something to save first."""

    def between_epochs(self) -> None:
        """Notes that everything is saved."""
        self.waits = self.several

    def receive(self, number: int, frame: object) -> None:
        """Handles a signal."""
        if self.name:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name
        if not self.waits:
            raise self.error()
        with suppress(OSError):  # not print, which may be what the signal interrupted
            os.write(1, f"\n{self.name}: saving after this batch; once more to stop without\n"
                     .encode())

    def error(self) -> RunError:
        """What to raise once all is saved."""
        by = self.name or "a signal to another process"
        at = f"after batch {self.position.step}" if self.position else "before its first batch"
        error = RunError(self.run_dir, f"stopped by {by} {at}", "run the same command to continue")
        error.in_all = self.several
        return error


@contextmanager
def stop_requests(run_dir: Path, several: bool) -> Iterator[StopRequest]:
    """Handles SIGINT and SIGTERM within, in the main thread, but for those that are ignored.

    Args:
        several: whether this is one of several processes.
    """
    stop = StopRequest(run_dir, several)
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: handler for number in SIGNALS
                  if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, stop.receive)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_room(run_dir: Path, model: keras.Model, kept: int = checkpoints.KEPT) -> None:
    """Raises RunError where the disk lacks room for what a run keeps, beside what it has.

    Args:
        kept: how many checkpoints stay.
    """
    there = sum(path.stat().st_size for pattern in ("*.keras", "best/*", "checkpoints/*/*")
                for path in run_dir.glob(pattern))
    needed = room_needed(model, kept) - there
    free = shutil.disk_usage(nearest_existing(run_dir)).free
    if free < needed:
        raise RunError(run_dir, f"needs {_size(needed)} of disk space for checkpoints and "
                       f"networks, {_size(free)} are free", "make room, or name another --out")


def room_needed(model: keras.Model, kept: int = checkpoints.KEPT) -> int:
    """The bytes of a run's checkpoints, one in writing among them, and of its networks.

    Those are there as the last, as the best, and once in writing.
    """
    networks, state = (sum(4 * math.prod(variable.shape) for variable in variables)
                       for variables in (model.variables, model.optimizer.variables))
    return (networks + state) * (kept + 2) + 3 * networks


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


@contextmanager
def memory_told(run_dir: Path, batch_size: int, devices: int) -> Iterator[None]:
    """Says which batch size to try, one that divides among the devices, where memory runs out.

    Raises:
        RunError: it did, within.
    """
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        smaller = batch_size // 2 // devices * devices
        remedy = (f"start a new run with --set train.batch_size={smaller}" if smaller else
                  "start a new run with smaller widths in [model], or smaller pictures")
        raise RunError(run_dir, f"ran out of memory with batches of {batch_size} pictures",
                       remedy) from error


class StopOnNotFinite(keras.callbacks.Callback):
    """Raises NotFiniteError as soon as a loss, of training or validation, is NaN or infinite.

    Stands before the callbacks that save: what is not finite never replaces what is. A loss is that
    of the weights before the step; what becomes of them, the length of the gradient says, which
    therefore counts as well. In float16 it may be infinite: such a step changes no weight.

    Args:
        keeper: what writes the checkpoints, the last of which is named.
    """

    def __init__(self, run_dir: Path, position: Position, keeper: Keeper | None):
        super().__init__()
        self.run_dir, self.position, self.keeper = run_dir, position, keeper

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs)

    def _check(self, logs: dict[str, float]):
        skips = isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer)
        norms = [] if skips else [name for name in logs if name.endswith("gradient_norm")]
        values = {prefix + name: logs[prefix + name] for prefix in ("", "val_")
                  for name in (*self.model.loss_names, *norms) if prefix + name in logs}
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            if self.keeper:
                self.keeper.wait()
            good = checkpoints.latest(self.run_dir / checkpoints.FOLDER)
            listed = ", ".join(f"{name} {value:g}" for name, value in values.items())
            raise NotFiniteError(
                f"{self.run_dir}, batch {self.position.step}", f"{bad[0]} is not finite ({listed})",
                "set a smaller optimizer.learning_rate in a new run; the last good checkpoint is "
                + (str(good) if good else "none yet"))


class WarnOfCollapse(keras.callbacks.Callback):
    """Says once when D makes no mistake for `COLLAPSED_AFTER` batches in a row.

    G then learns little from it beside L1.
    """

    def __init__(self, run_dir: Path):
        super().__init__()
        self.run_dir = run_dir
        self.perfect, self.said = 0, False

    def on_train_batch_end(self, batch, logs=None):
        if self.said:
            return
        perfect = logs.get("d_real_accuracy") == logs.get("d_fake_accuracy") == 1
        self.perfect = self.perfect + 1 if perfect else 0
        if self.perfect == COLLAPSED_AFTER:
            self.said = True
            print(f"warning: {self.run_dir}: the discriminator made no mistake in {self.perfect} "
                  "batches, so the generator learns little from it; if samples/ get no better, "
                  "start a new run with a narrower model.discriminator or a smaller "
                  "optimizer.learning_rate", file=sys.stderr, flush=True)
