"""Which devices a run trains on: all there are, of this process or, on JAX, of several."""

import atexit
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_colorize.errors import RunError, UsageError

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"  # of Keras, beside ..._JOB_ADDRESSES, ..._PROCESS_ID


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
        UsageError: Keras runs on a backend that this project has no training steps for, or several
            processes are wanted on TensorFlow.
        RunError: the other processes did not come.
    """
    backend, processes = keras.backend.backend(), int(os.environ.get(PROCESSES, 1))
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


def _connect_jax(deterministic: bool, processes: int) -> Devices:
    import jax

    if deterministic:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
    if processes > 1 and not jax.distributed.is_initialized():
        jax.config.update("jax_cpu_collectives_implementation", "gloo")  # of CPUs; GPUs have NCCL
        try:
            keras.distribution.initialize()
        except (RuntimeError, ValueError) as error:
            raise RunError(PROCESSES, f"the {processes} processes did not find each other "
                           f"({str(error).splitlines()[0]})", "start them all, each with its "
                           "number and the address of the first") from error
    kinds = [device.device_kind for device in jax.devices()]
    return Devices(tuple(map(str, jax.devices())), jax.process_index(), jax.process_count(),
                   f"{', '.join(kinds)} ({platform.machine()})")


@contextmanager
def spread(devices: Devices, batch_size: int) -> Iterator[None]:
    """What is built and trained within uses all devices, each for its part of every batch.

    Raises:
        UsageError: a batch does not divide among them.
    """
    count = len(devices.names)
    if batch_size % count:
        raise UsageError("train.batch_size", f"is {batch_size}, to be shared by {count} devices",
                         f"set a multiple of {count}")
    if count == 1:
        yield
    elif keras.backend.backend() == "tensorflow":
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


def check_agreement(devices: Devices, step: int, where: object) -> None:
    """Sees that all processes go on from the same step, once all have come here.

    Raises:
        UsageError: another one sees another last checkpoint.
    """
    if devices.processes > 1:
        from jax.experimental import multihost_utils

        steps = multihost_utils.process_allgather(np.int64(step)).tolist()
        if len(set(steps)) > 1:
            raise UsageError(where, f"is not the same place to all processes (they found "
                             f"checkpoints at steps {', '.join(map(str, steps))})",
                             "name an --out on a file system that they share")


def agree_any(devices: Devices, flag: bool) -> bool:
    """Whether any process says so; all have to ask."""
    if devices.processes == 1:
        return flag
    from jax.experimental import multihost_utils

    return bool(multihost_utils.process_allgather(np.bool_(flag)).any())


def another_is_gone(error: Exception, devices: Devices) -> bool:
    """Whether this is what JAX raises when another process does not answer any more.

    If so, this process will leave with exit code 1 at its end, instead of waiting for the other.
    """
    gone = devices.processes > 1 and type(error).__name__ == "JaxRuntimeError"
    if gone:
        atexit.register(_leave)  # the last to register is the first to be called
    return gone


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def out_of_memory(error: Exception) -> bool:
    """Whether a device has no memory left."""
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError) or (
        type(error).__name__ == "JaxRuntimeError" and "RESOURCE_EXHAUSTED" in str(error))
