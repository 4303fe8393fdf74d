"""Builds on a Dask cluster, whole, and as it is lost."""

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import wait

import pytest
from conftest import wait_for
from test_killed_builds import SETTINGS

from keras_colorize.data import build, cluster
from keras_colorize.errors import ColorizeError


@pytest.fixture
def hurry(monkeypatch):
    """Everyone waits for a second only."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)


@pytest.fixture
def silent():
    """The address of a port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("address", ["", "tcp://127.0.0.1:9", "tls://127.0.0.1:9", "silent"])
def test_a_scheduler_that_is_not_there_is_one_line(address, silent, tmp_path, hurry):
    (tmp_path / "film.mp4").write_text("not read")
    with pytest.raises(ColorizeError, match="is no Dask scheduler that answers; start one"):
        build.build([tmp_path / "film.mp4"], tmp_path / "out", SETTINGS,
                      scheduler=silent if address == "silent" else address)


@pytest.fixture
def dask(tmp_path):
    """A function that starts a scheduler or a worker, and the address of the former."""
    pytest.importorskip("distributed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    started = []

    def start(kind, *options):
        started.append(subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path))
        return started[-1]

    yield start, address
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.wait()


def answers(address):
    """Whether somebody listens at an address."""
    host, port = address.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
        return True


def test_a_cluster_without_workers_or_that_loses_all_is_told_in_a_line(dask, monkeypatch, caplog):
    start, address = dask
    for name in ("distributed", "distributed.client"):  # which print to the terminal themselves
        logging.getLogger(name).addHandler(caplog.handler)
    scheduler = start("scheduler", "--host", address, "--no-dashboard")
    wait_for(lambda: answers(address), scheduler)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 3)
    with (pytest.raises(ColorizeError, match="has no workers; start"),
          cluster.connect(address)):
        pytest.fail("there is none")
    for lost in ("worker", "scheduler"):
        worker = start("worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard")
        monkeypatch.setattr(cluster, "CONNECT_SECONDS", 60)
        with (pytest.raises(ColorizeError, match="lost its workers or was stopped; run"),
              cluster.connect(address) as executor):
            monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
            future = executor.submit(time.sleep, 600)
            time.sleep(0.5)
            (worker if lost == "worker" else scheduler).kill()
            assert wait([future], timeout=60).done
            future.result()
    assert not caplog.records
