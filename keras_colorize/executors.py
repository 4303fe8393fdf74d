"""Where sources are worked on side by side: processes of this machine, or a Dask cluster."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

from keras_colorize.errors import ColorizeError, UsageError

CONNECT_SECONDS = 10


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
        ColorizeError: no scheduler answers at `address`, or it or its workers were lost.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise UsageError(f"--scheduler {address}", "needs Dask, which is not installed",
                         "pip install 'keras_colorize[cluster]'") from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ColorizeError(f"--scheduler {address}", "is no Dask scheduler that answers",
                            "start one with `dask scheduler`, and workers for it") from error
    with client:
        executor = client.get_executor(pure=False)
        try:
            yield executor
        except (KilledWorker, CancelledError) as error:
            raise ColorizeError(f"--scheduler {address}", "lost its workers or was stopped",
                                "run the same command to continue") from error
        finally:
            executor.shutdown(wait=False)
