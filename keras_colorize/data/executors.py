"""Where sources are worked on side by side: processes of this machine, or a Dask cluster."""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import contextmanager
from multiprocessing.connection import Connection

from keras_colorize.errors import ColorizeError, UsageError

CONNECT_SECONDS = 10
CHATTERING = ("distributed", "distributed.client", "tornado.application", "asyncio")


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """Processes of this machine that end with the block, or with this process, however it ends.

    Raises:
        ColorizeError: one of them was killed.
    """
    context = multiprocessing.get_context("spawn")  # a fork of TensorFlow's threads may hang
    theirs, ours = context.Pipe(duplex=False)
    with ProcessPoolExecutor(count, context, _begin, (theirs,)) as pool:
        try:
            yield pool
        except BrokenExecutor as error:
            raise ColorizeError("a worker process", "was killed, perhaps for its memory",
                                "run the same command with fewer --workers to continue") from error
        finally:
            ours.close()


def _begin(lifeline: Connection) -> None:
    """Prepares a worker that ends when nobody holds the other end of `lifeline` any more."""
    def wait():
        lifeline.poll(None)
        os._exit(1)

    # As many threads as there are cores in each process would be in each other's way.
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to act upon
    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a running Dask cluster, which see the same files under the same paths.

    Raises:
        UsageError: Dask is not installed.
        ColorizeError: no scheduler answers at `address`, it has no workers, or it or they were
            lost.
    """
    where = f"--scheduler {address}"
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise UsageError(where, "needs Dask, which is not installed",
                         "pip install 'keras_colorize[cluster]'") from error
    with _quiet():
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
            executor, ended = client.get_executor(pure=False), threading.Event()
            threading.Thread(target=_watch, args=(client, executor, ended), daemon=True).start()
            try:
                yield executor
            except (KilledWorker, CancelledError) as error:
                raise ColorizeError(where, "lost its workers or was stopped",
                                    "run the same command to continue") from error
            finally:
                ended.set()
                executor.shutdown(wait=False)


async def _greet(address: str) -> None:
    """Raises an OSError where nobody at `address` shakes hands, for which Dask waits forever."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await asyncio.wait_for(
        connect(address, CONNECT_SECONDS, **Security().get_connection_args("client")),
        CONNECT_SECONDS)
    await comm.close()


def _watch(client: object, executor: Executor, ended: threading.Event) -> None:
    """Cancels all work once there was no worker for `CONNECT_SECONDS`; Dask would wait for one."""
    seen = time.monotonic()
    while not ended.wait(1):
        try:
            workers = client.scheduler_info()["workers"]
        except Exception:  # whatever a lost connection leads to; the client is to tell it
            continue
        if workers:
            seen = time.monotonic()
        elif time.monotonic() - seen > CONNECT_SECONDS:
            executor.shutdown(wait=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask from printing a traceback of what is told in a line."""
    loggers = [logging.getLogger(name) for name in CHATTERING]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
