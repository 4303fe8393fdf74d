"""What the processes of a run agree on, and how each of them ends when one cannot go on."""

import atexit
import ctypes
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from keras_colorize.errors import ColorizeError, RunError, UsageError, one_line
from keras_colorize.training.devices import Devices

LONGEST = 500  # bytes of an error that the other processes are told
GONE = re.compile("gloo|nccl|unavailable|heartbeat|connection|socket closed", re.IGNORECASE)
"""What JAX says where another process does not answer any more."""


def agree_any(devices: Devices, flag: bool) -> bool:
    """Whether any process says so; all have to ask."""
    return bool(_gather(devices, np.bool_(flag)).any())


def check_agreement(devices: Devices, step: int, where: object) -> None:
    """Sees that all processes go on from the same step, once all have come here.

    Raises:
        UsageError: another one sees another last checkpoint; so in all of them.
    """
    steps = _gather(devices, np.int64(step)).tolist()
    if len(set(steps)) > 1:
        raise _in_all(UsageError(
            where, f"is not the same place to all processes (they found checkpoints at steps "
            f"{', '.join(map(str, steps))})", "name an --out on a file system that they share"))


@contextmanager
def together(devices: Devices, where: object) -> Iterator[None]:
    """What each process prepares within for itself: where it fails in one, no other waits for it.

    Raises:
        RunError: another process failed, and why.
    """
    failure = None
    try:
        yield
    except Exception as error:
        failure = _in_all(error)
    told = np.frombuffer(str(failure or "").encode()[:LONGEST].ljust(LONGEST, b"\0"), np.uint8)
    answers = [bytes(each).rstrip(b"\0").decode(errors="ignore")
               for each in _gather(devices, told)]
    if failure:
        raise failure
    for process, answer in enumerate(answers):
        if answer:
            raise _in_all(RunError(where, f"process {process} of this run cannot begin "
                                   f"({one_line(answer)})", "mend that, then start all of them"))


@contextmanager
def left_at_once(devices: Devices, where: object) -> Iterator[None]:
    """An error within that other processes do not share ends this one without waiting for them.

    They then find that it is gone, and end too. Its error is raised as any other, for the command
    to tell in a line; at the interpreter's end, JAX would wait for them.

    Raises:
        RunError: another process is gone.
    """
    if devices.processes == 1:
        yield
        return
    gone = RunError(where, "another process of this run has gone",
                    "start all of them again to continue from the last checkpoint")
    _say_when_aborted(f"error: {gone}\n")
    try:
        yield
    except BaseException as error:
        if not getattr(error, "in_all", False):
            # The last to register is the first to be called, before JAX.
            atexit.register(_leave, getattr(error, "exit_code", 1))
        if not isinstance(error, ColorizeError) and _means_gone(error):
            raise gone from error
        raise


def _means_gone(error: BaseException) -> bool:
    return type(error).__name__ in ("JaxRuntimeError", "ValueError") and bool(
        GONE.search(str(error)))


def _say_when_aborted(line: str) -> None:
    """Has a line be the last that this process says where JAX aborts it, and its exit code 1.

    JAX does so from a thread of its own, within milliseconds, where the first process is gone:
    too soon, and too hard, for Python's own handlers of signals.
    """
    def say(number: int) -> None:
        os.write(2, line.encode())
        os._exit(1)

    _say_when_aborted.handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(say)  # must outlive this call
    ctypes.CDLL(None).signal(signal.SIGABRT, _say_when_aborted.handler)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _in_all(error: Exception) -> Exception:
    """The error, marked as one that each process raises, so that none of them waits for it."""
    error.in_all = True
    return error


def _gather(devices: Devices, value: np.ndarray) -> np.ndarray:
    """The values of all processes, along a new first axis; all have to ask."""
    if devices.processes == 1:
        return np.asarray(value)[None]
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(value)
