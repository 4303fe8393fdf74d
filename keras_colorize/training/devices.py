"""Which devices a run trains on: all there are, of this process or, on JAX, of several."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import tensorflow as tf

from keras_colorize.errors import RunError, UsageError, first_line

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"  # of Keras, as are these
PROCESS = "KERAS_DISTRIBUTION_PROCESS_ID"
ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"


@dataclass(frozen=True)
class Devices:
    """What a run may compute with."""

    names: tuple[str, ...]
    """Of all processes together."""
    process: int = 0
    """This process's number."""
    processes: int = 1
    """How many take part, each with an equal part of every batch."""
    described: str = ""
    """For people to read."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.process == 0

    def part(self, rows: int) -> slice:
        """Which rows of a batch this process takes, as many as each other one."""
        each = rows // self.processes
        return slice(self.process * each, (self.process + 1) * each)


ONE_DEVICE = Devices(("the only one",))


def connect(deterministic: bool = False) -> Devices:
    """Finds the devices, after waiting for the other processes if this is one of several.

    Several are started on JAX, each with Keras's variables `KERAS_DISTRIBUTION_JOB_ADDRESSES`,
    `KERAS_DISTRIBUTION_NUM_PROCESSES` and `KERAS_DISTRIBUTION_PROCESS_ID`.

    Args:
        deterministic: whether operations are to give the same bits whenever they are repeated.

    Raises:
        UsageError: Keras runs on a backend that this project has no training steps for, several
            processes are wanted on TensorFlow, or Keras's variables are not what they should be.
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
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return Devices(tuple(device.name for device in found),
                   described=", ".join(gpus) or f"CPU ({platform.machine()})")


def _processes() -> int:
    """How many processes Keras's variables speak of; 1 without them."""
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


@contextmanager
def spread(devices: Devices, batch_size: int, xla: str = "auto") -> Iterator[None]:
    """What is built and trained within uses all devices, each for its part of every batch.

    Args:
        xla: as of `train.xla`.

    Raises:
        UsageError: a batch does not divide among them, or XLA cannot compile for several.
    """
    count = len(devices.names)
    if batch_size % count:
        raise UsageError("train.batch_size", f"is {batch_size}, to be shared by {count} devices",
                         f"set a multiple of {count} in a new run, or continue this one on fewer "
                         "(CUDA_VISIBLE_DEVICES)")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if on_tensorflow and count > 1 and xla == "on":
        raise UsageError("train.xla", f"is 'on', which TensorFlow cannot be with {count} devices",
                         "set it to auto, or KERAS_BACKEND=jax")
    if count == 1:
        yield
    elif on_tensorflow:
        with tf.distribute.MirroredStrategy(devices.names).scope():
            yield
    else:
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(auto_shard_dataset=False))
        try:
            yield
        finally:
            keras.distribution.set_distribution(None)


@contextmanager
def alone() -> Iterator[None]:
    """What one of several processes does within concerns no other: nothing is spread."""
    spread_over = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(spread_over)


def out_of_memory(error: Exception) -> bool:
    """Whether a device has no memory left."""
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError) or (
        type(error).__name__ == "JaxRuntimeError" and "RESOURCE_EXHAUSTED" in str(error))
