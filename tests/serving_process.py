"""Real servers in processes of their own, most of them shared by a session."""

import json
import re
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import tensorflow as tf
from warm_process import Command

from keras_colorize import export, models
from keras_colorize.files import write_json
from keras_colorize.image import moods

TOKEN = "a token of the test, ✓"
PATIENCE = 240  # seconds until a server on a busy machine is ready
BODY_SECONDS = 4  # that a body may take to arrive at the server for hostile input

MOODS = [[color] * moods.LEVELS for color in ((40.0, -20.0), (-20.0, 40.0))]


def write_model(out: Path, widths: tuple[int, ...] = (4,) * 6, output: str = "chroma") -> Path:
    """Writes the SavedModel of an untrained generator of so many channels a level.

    One of output "guided" takes hints, and has two moods, red and blue.
    """
    network = models.unet(widths, widths, output=output)
    module = export.Colorizer(network, size=(64, 96))
    tf.saved_model.save(module, str(out), signatures=module.signatures())
    (out / export.CARD).parent.mkdir(exist_ok=True)
    write_json(out / export.CARD, {"generator_sha256": "", "input": "gray",
                                   "dataset": {"size": [64, 96]}, "moods": MOODS})
    return out


class ServingProcess:
    """`keras-colorize serve` on a free port.

    What it keeps for a while lies in the folder `temporary`.
    """

    def __init__(self, model: Path, folder: Path, *flags: object):
        self.temporary = folder / "temporary"
        self.temporary.mkdir(parents=True)
        self.process = Command("serve", model, "--port", 0, "--name", "series", *flags,
                               temporary=self.temporary)
        self.log, self.errors = self.process.stdout, self.process.stderr
        self.url = self._url()

    def _url(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"at (http://\S+?)/,", self.errors.read_text())):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return found[1]

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def wait(self) -> None:
        """Waits until it is ready."""
        deadline = time.monotonic() + PATIENCE
        while httpx.get(f"{self.url}/readyz", timeout=PATIENCE, verify=False).status_code != 200:
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)

    @property
    def memory(self) -> int:
        """How many bytes of memory it holds."""
        return psutil.Process(self.process.pid).memory_info().rss

    def colored(self, picture, **settings) -> httpx.Response:
        """The answer to a picture file, or to parts of one, whose length is not told."""
        return httpx.post(f"{self.url}/colorize", content=picture, timeout=60, verify=False,
                          **settings)  # reading certificates would take longer

    def lines(self) -> list[dict]:
        """What it has written to its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> int:
        """Ends it, and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(model: Path, folder: Path, *flags: object):
    """A server that is ready, killed in the end if it is still there."""
    server = ServingProcess(model, folder, *flags)
    try:
        server.wait()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def served_model(shared) -> Path:
    """A SavedModel of an untrained generator, for pictures of 64x96."""
    return shared("model", write_model)


@pytest.fixture(scope="session")
def guided_model(shared) -> Path:
    """One that takes hints and has moods, in a folder that takes the project of a series."""
    return shared("guided_model", lambda out: write_model(out, (4,) * 3, "guided"))


@pytest.fixture(scope="session")
def server(served_model, tmp_path_factory):
    """A server that a proxy offers under a name of its own; what it is asked leaves no trace."""
    with serving(served_model, tmp_path_factory.mktemp("server"), "--host", "127.0.0.2",
                 "--public-host", "Colors.example:8443", "--no-series") as started:
        yield started


@pytest.fixture(scope="session")
def guarded_server(guided_model, tmp_path_factory):
    """A server that listens on all addresses, with a token, and keeps the project of a series."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "token").write_text(TOKEN + "\n")
    with serving(guided_model, folder, "--token-file", folder / "token", "--host",
                 "0.0.0.0") as started:
        started.url = started.url.replace("0.0.0.0", "127.0.0.1")
        yield started


@pytest.fixture(scope="session")
def hostile_server(served_model, tmp_path_factory):
    """A server of narrow limits, which nothing that is sent to it may break."""
    with serving(served_model, tmp_path_factory.mktemp("hostile"), "--max-pixels", 1_000_000,
                 "--max-bytes", 32_000_000, "--body-timeout", BODY_SECONDS, "--timeout", 15,
                 "--queue", 2) as started:
        yield started
        assert started.stop() == 0
        wrong = [line for line in started.lines() if line.get("event") == "a page failed"
                 or (line.get("status", 0) >= 500 and line["path"] != "/readyz")]
        assert not wrong, wrong[:1]
        assert "Traceback" not in started.errors.read_text()


def assert_refused(answer: httpx.Response, status: int | None = None, message: str = "") -> None:
    """That an answer is a 4xx with one clear line."""
    assert 400 <= answer.status_code < 500 and status in (None, answer.status_code), answer.text
    line = answer.json()["error"]
    assert line and "\n" not in line and len(line) <= 300 and message in line, line
