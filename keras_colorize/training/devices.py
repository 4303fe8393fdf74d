"""The devices and processes of a run, and how they act as one."""

import atexit
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_colorize.errors import RunError, UsageError, first_line, one_line

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"  # Keras's variables, these three
PROCESS = "KERAS_DISTRIBUTION_PROCESS_ID"
ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
LONGEST = 500  # bytes of an error that the other processes get to read
GONE = re.compile("gloo|nccl|unavailable|heartbeat|connection|socket closed", re.IGNORECASE)
"""JAX's words for another process that does not answer any more."""


@dataclass(frozen=True)
class Devices:
    """All devices of all processes of a run. Each process takes an equal part of every batch.

    With one process, what the processes have to agree on is settled at once.
    """

    names: tuple[str, ...]
    """Of all processes together."""
    process: int = 0
    """The number of this process."""
    processes: int = 1
    described: str = ""
    """For people to read."""

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.process == 0

    def part(self, rows: int) -> slice:
        """The rows of a batch that this process takes."""
        each = rows // self.processes
        return slice(self.process * each, (self.process + 1) * each)

    def spread(self, batch_size: int, xla: str = "auto") -> AbstractContextManager:
        """Spreads over all devices what is built and trained in the returned context.

        Raises UsageError where a batch does not divide among them, or `train.xla` cannot be.
        """
        count, on_tensorflow = len(self.names), keras.backend.backend() == "tensorflow"
        if batch_size % count:
            raise UsageError(
                "train.batch_size", f"is {batch_size}, to be shared by {count} devices",
                f"set a multiple of {count} in a new run, or continue this one on fewer "
                "(CUDA_VISIBLE_DEVICES)")
        if on_tensorflow and count > 1 and xla == "on":
            raise UsageError("train.xla", f"is 'on', which TensorFlow cannot be with {count} "
                             "devices", "set it to auto, or KERAS_BACKEND=jax")
        if count == 1:
            return nullcontext()
        if on_tensorflow:
            return tf.distribute.MirroredStrategy(self.names).scope()
        return _distribution(keras.distribution.DataParallel(auto_shard_dataset=False))

    def any(self, flag: bool) -> bool:
        """Tells whether the flag of any process is set; all processes have to call this."""
        return bool(self._gather(np.bool_(flag)).any())

    def check_agreement(self, step: int, where: object) -> None:
        """Waits for all processes; raises UsageError in all unless they are at the same step."""
        steps = self._gather(np.int64(step)).tolist()
        if len(set(steps)) > 1:
            raise _in_all(UsageError(
                where, "is not the same place to all processes (they see checkpoints at steps "
                f"{', '.join(map(str, steps))})", "name an --out on a file system that they share"))

    @contextmanager
    def together(self, where: object) -> Iterator[None]:
        """Lets each process prepare; where one fails, the others raise a RunError that says why."""
        failure = None
        try:
            yield
        except Exception as error:
            failure = _in_all(error)
        reason = str(failure or "").encode()[:LONGEST].ljust(LONGEST, b"\0")
        reasons = self._gather(np.frombuffer(reason, np.uint8))
        if failure:
            raise failure
        for process, each in enumerate(reasons):
            if text := bytes(each).rstrip(b"\0").decode(errors="ignore"):
                raise _in_all(RunError(where, f"process {process} of this run cannot begin "
                                       f"({one_line(text)})", "mend that, then start all of them"))

    @contextmanager
    def end_together(self, where: object) -> Iterator[None]:
        """Makes an error in one process end all of them at once.

        The process that fails leaves at once; JAX would wait for the others. They then get an error
        from JAX, which becomes a RunError. If the first process is gone, JAX may be faster: it
        aborts the others (SIGABRT, exit code 134) with a line of its own, which ends "This most
        likely indicates that another task died".
        """
        try:
            yield
        except BaseException as error:
            if self.processes > 1:
                if not getattr(error, "in_all", False):
                    # The last to register is the first to be called, before JAX.
                    atexit.register(_leave, getattr(error, "exit_code", 1))
                from_jax = type(error).__name__ in ("JaxRuntimeError", "ValueError")
                if from_jax and GONE.search(str(error)):
                    raise RunError(where, "another process of this run has gone", "start all of "
                                   "them again to continue from the last checkpoint") from error
            raise

    def _gather(self, value: np.ndarray) -> np.ndarray:
        """The values of all processes, along a new first axis; all processes have to call this."""
        if self.processes == 1:
            return np.asarray(value)[None]
        from jax.experimental import multihost_utils

        return multihost_utils.process_allgather(value)


def connect(deterministic: bool = False) -> Devices:
    """Finds the devices, after waiting for the other processes if this is one of several.

    Several processes need JAX. Each is started with Keras's variables
    `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `KERAS_DISTRIBUTION_NUM_PROCESSES` and
    `KERAS_DISTRIBUTION_PROCESS_ID`.

    Args:
        deterministic: whether an operation gives the same bits whenever it is repeated.

    Raises:
        UsageError: Keras runs on a backend for which there are no training steps, several
            processes are to run on TensorFlow, or one of Keras's variables has a wrong value.
        RunError: the other processes did not come.
    """
    backend, processes = keras.backend.backend(), _processes()
    if backend == "jax":
        return _connect_jax(deterministic, processes)
    if backend != "tensorflow":
        raise UsageError("KERAS_BACKEND", f"is {backend!r}", "set it to tensorflow or jax")
    if processes > 1:
        raise UsageError(PROCESSES, f"is {processes}, which Keras can do on JAX only",
                         "set KERAS_BACKEND=jax")
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    gpus = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in tf.config.list_physical_devices("GPU")]
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return Devices(tuple(device.name for device in devices),
                   described=", ".join(gpus) or f"CPU ({platform.machine()})")


def _connect_jax(deterministic: bool, processes: int) -> Devices:
    import jax

    if deterministic:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
    if processes > 1 and not jax.distributed.is_initialized():
        jax.config.update("jax_cpu_collectives_implementation", "gloo")  # of CPUs; GPUs have NCCL
        jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
        try:
            keras.distribution.initialize()
        except (RuntimeError, ValueError) as error:
            raise RunError(PROCESSES, f"the {processes} processes did not find each other "
                           f"({first_line(error)})", "start them all, each with its "
                           "number and the address of the first") from error
    kinds = [device.device_kind for device in jax.devices()]
    return Devices(tuple(map(str, jax.devices())), jax.process_index(), jax.process_count(),
                   f"{', '.join(kinds)} ({platform.machine()})")


def _processes() -> int:
    """The number of processes in Keras's variables; 1 without them."""
    processes = _number(PROCESSES, 1)
    if processes > 1:
        number = _number(PROCESS, 0)
        if number >= processes:
            raise UsageError(PROCESS, f"is {number}, of {processes} processes",
                             f"give each its own number from 0 to {processes - 1}")
        if not os.environ.get(ADDRESSES):
            raise UsageError(ADDRESSES, "is not set", "set it to first.machine:port on all")
    return processes


def _number(variable: str, least: int) -> int:
    text = os.environ.get(variable, str(least))
    if not text.isdecimal() or int(text) < least:
        raise UsageError(variable, f"is {text!r}", f"set it to a whole number from {least} up")
    return int(text)


def alone() -> AbstractContextManager:
    """Returns a context in which this process assigns variables for itself: nothing is spread."""
    return _distribution(None)


@contextmanager
def _distribution(distribution: keras.distribution.DataParallel | None) -> Iterator[None]:
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(distribution)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def out_of_memory(error: Exception) -> bool:
    """Tells whether an error means that a device has no memory left."""
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError) or (
        type(error).__name__ == "JaxRuntimeError" and "RESOURCE_EXHAUSTED" in str(error))


def _in_all(error: Exception) -> Exception:
    """Marks an error that every process raises, so that none waits for another."""
    error.in_all = True
    return error


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
