"""Guards against harm to a run: signals in mid-batch, a full disk, too little memory."""

import math
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import keras

from keras_colorize.errors import RunError
from keras_colorize.files import nearest_existing
from keras_colorize.training import checkpoints
from keras_colorize.training.devices import Devices, out_of_memory

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A SIGINT or SIGTERM that waits until the batch under way is done and saved.

    Between epochs everything is saved, so a signal does not wait; nor does a second one. With
    several processes it always waits, for all of them stop after the same batch.
    """

    def __init__(self, run_dir: Path, several: bool):
        self.run_dir, self.several = run_dir, several
        self.position: checkpoints.Position | None = None
        """Where training stands, once it is known."""
        self.name: str | None = None
        """Of the signal, once there is one."""
        self.waits = several
        """Whether there is something to save first."""

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
        """Returns the error to raise once all is saved."""
        by = self.name or "a signal to another process"
        at = f"after batch {self.position.step}" if self.position else "before its first batch"
        error = RunError(self.run_dir, f"stopped by {by} {at}", "run the same command to continue")
        error.in_all = self.several
        return error


@contextmanager
def guarded(run_dir: Path, batch_size: int, devices: Devices) -> Iterator[StopRequest]:
    """Guards the training within against signals, too little memory and a lost process.

    Raises RunError where memory ran out, or another process is gone.
    """
    with devices.end_together(run_dir), stop_requests(run_dir, devices.processes > 1) as stop, \
            name_smaller_batch(run_dir, batch_size, len(devices.names)):
        yield stop


@contextmanager
def stop_requests(run_dir: Path, several: bool) -> Iterator[StopRequest]:
    """Handles SIGINT and SIGTERM within, in the main thread, unless they are ignored."""
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


@contextmanager
def name_smaller_batch(run_dir: Path, batch_size: int, devices: int) -> Iterator[None]:
    """Raises a RunError where memory runs out, with a smaller batch size that the devices share."""
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


def check_room(run_dir: Path, model: keras.Model, kept: int = checkpoints.KEPT) -> None:
    """Raises RunError unless the disk has room for a run's files, `kept` checkpoints among them."""
    there = sum(path.stat().st_size for pattern in ("*.keras", "best/*", "checkpoints/*/*")
                for path in run_dir.glob(pattern))
    needed = room_needed(model, kept) - there
    free = shutil.disk_usage(nearest_existing(run_dir)).free
    if free < needed:
        raise RunError(run_dir, f"needs {_size(needed)} of disk space for checkpoints and "
                       f"networks, {_size(free)} are free", "make room, or name another --out")


def room_needed(model: keras.Model, kept: int = checkpoints.KEPT) -> int:
    """Computes the bytes of a run's checkpoints and networks, with one of each half written.

    The networks are there as the last, as the best, and half written.
    """
    networks, state = (sum(4 * math.prod(variable.shape) for variable in variables)
                       for variables in (model.variables, model.optimizer.variables))
    return (networks + state) * (kept + 2) + 3 * networks


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
