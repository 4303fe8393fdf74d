"""A Dask cluster, whose workers build and colour in place of this machine."""

import asyncio
import logging
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pkgutil import resolve_name

import cv2

from keras_colorize import __version__, import_tensorflow
from keras_colorize.errors import ColorizeError, UsageError

CONNECT_SECONDS = 10
LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")
PAGES_ARE_LARGE = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}  # and no mistake
_STARTING = threading.Lock()


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask cluster."""

    executor: Executor
    threads: int
    """How many tasks they worked on at once when the connection was made."""

    def submit(self, work: Callable, *arguments: object) -> Future:
        """Gives work to a worker, as `Executor.submit`; raises CancelledError if it was lost."""
        from distributed.client import ClosedClientError

        try:
            return self.executor.submit(work, *arguments)
        except (RuntimeError, ClosedClientError) as error:  # `_watch` has given the cluster up
            raise CancelledError from error

    def perform(self, work: Callable, *arguments: object) -> object:
        """Lets a worker do what needs TensorFlow; waits, and returns or raises what came of it.

        It raises MemoryError where one worker after the other was killed at it.
        """
        from distributed import KilledWorker

        # As bytes, since the scheduler looks into what it passes on, and needs no TensorFlow.
        task = pickle.dumps((work, arguments))
        try:
            return self.submit(_perform, task).result()
        except KilledWorker as error:  # as Dask does where one takes more than its share
            raise MemoryError from error


def _perform(task: bytes) -> object:
    """Is what a worker does for `Cluster.perform`."""
    with _STARTING:
        if "tensorflow" not in sys.modules:
            _start()
    work, arguments = pickle.loads(task)
    try:
        return work(*arguments)
    except Exception as error:  # the client may lack the means to rebuild what led to it
        error.__cause__ = error.__context__ = None
        raise


def _start() -> None:
    """Prepares a worker for its first task that needs TensorFlow."""
    from distributed import get_worker

    # As many threads as cores, in each of several workers, would be in each other's way.
    threads = get_worker().state.nthreads
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
    cv2.setNumThreads(threads)
    import_tensorflow("tensorflow")


@contextmanager
def connect(address: str) -> Iterator[Cluster]:
    """Connects to the workers of a Dask cluster, which see the same files under the same paths.

    Raises:
        UsageError: Dask is not installed.
        ColorizeError: no scheduler answers at `address`, it has or keeps no workers, or not all of
            them have this version of the program.
    """
    where = f"--scheduler {address}"
    try:
        import dask
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise UsageError(where, "needs Dask, which is not installed",
                         "pip install 'keras_colorize[cluster]'") from error
    with _quiet(), dask.config.set(PAGES_ARE_LARGE):
        try:
            with ThreadPoolExecutor(1) as thread:  # there may be a loop in this one, as in Jupyter
                thread.submit(asyncio.run, _greet(address)).result()
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError, MemoryError) as error:  # or misread by Dask
            raise ColorizeError(where, "is no Dask scheduler that answers",
                                "start one with `dask scheduler`, and workers for it") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            except TimeoutError as error:
                raise ColorizeError(where, "has no workers",
                                    "start some with `dask worker`") from error
            _check_versions(client, where)
            executor, ended = client.get_executor(pure=False), threading.Event()
            threading.Thread(target=_watch, args=(client, executor, ended), daemon=True).start()
            try:
                yield Cluster(executor, sum(client.nthreads().values()))
            except (KilledWorker, CancelledError) as error:
                raise ColorizeError(where, "lost its workers or was stopped",
                                    "run the same command to continue") from error
            finally:
                ended.set()
                executor.shutdown(wait=False)


async def _greet(address: str) -> None:
    """Raises an OSError where nobody at `address` shakes hands; Dask would wait forever."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await asyncio.wait_for(
        connect(address, CONNECT_SECONDS, **Security().get_connection_args("client")),
        CONNECT_SECONDS)
    await comm.close()


def _check_versions(client: object, where: str) -> None:
    """Raises ColorizeError where the scheduler or a worker lacks this version of the program.

    A worker would die of the first task, and the scheduler's own error is a riddle.
    """
    ask = resolve_name, "keras_colorize:__version__"  # of Python's own, which all of them have
    versions = client.run(*ask, on_error="return")
    try:
        versions["the scheduler"] = client.run_on_scheduler(*ask)
    except Exception as error:  # a scheduler may refuse to run anything
        versions["the scheduler"] = error
    for place, version in versions.items():
        if version != __version__ and isinstance(version, str | ImportError):
            raise ColorizeError(where, f"{place} lacks keras_colorize {__version__}",
                                "install it with the scheduler and all workers")


def _watch(client: object, executor: Executor, ended: threading.Event) -> None:
    """Cancels all work once there was no worker for `CONNECT_SECONDS`; Dask would wait for one."""
    seen = time.monotonic()
    while not ended.wait(1):
        try:
            workers = client.scheduler_info()["workers"]
        except Exception:  # whatever a lost connection leads to; the client will report it
            continue
        if workers:
            seen = time.monotonic()
        elif time.monotonic() - seen > CONNECT_SECONDS:
            executor.shutdown(wait=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask from printing a traceback where our error says it in a line."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
