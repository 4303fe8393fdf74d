"""A real server in a process of its own, and requests for it."""

import base64
import json
import re
import signal
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import tensorflow as tf

from keras_colorize import export, models
from keras_colorize.files import write_json


def write_model(out: Path, width: int = 4) -> Path:
    """The SavedModel of an untrained generator of so many channels a level."""
    module = export.Colorizer(models.unet((width,) * 6, (width,) * 6), size=(64, 96))
    tf.saved_model.save(module, str(out), signatures=module.signatures())
    (out / export.CARD).parent.mkdir(exist_ok=True)
    write_json(out / export.CARD, {"generator_sha256": "", "input": "gray",
                                   "dataset": {"size": [64, 96]}})
    return out


class ServingProcess:
    """`keras-colorize serve` on a free port."""

    def __init__(self, model: Path, log: Path, *flags: object, env: dict | None = None):
        self.log, self.errors = log, log.with_suffix(".errors")
        with log.open("w") as stream, self.errors.open("w") as errors:
            self.process = psutil.Popen(
                [sys.executable, "-m", "keras_colorize.cli", "serve", str(model), "--port", "0",
                 "--name", "series", *map(str, flags)], stdout=stream, stderr=errors, env=env)
        self.url = self._url()
        self.predict = f"{self.url}/v1/models/series:predict"

    def _url(self) -> str:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"at (http://\S+?)/v1", self.errors.read_text())):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return found[1]

    def wait(self) -> None:
        """Until it is ready."""
        deadline = time.monotonic() + 60
        while httpx.get(f"{self.url}/readyz").status_code != 200:
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)

    def ask(self, document: object, **settings) -> httpx.Response:
        """The answer to a predict request of a JSON document, or of bytes as they are."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return httpx.post(self.predict, content=body, timeout=60, **settings)

    def ask_stream(self, parts) -> httpx.Response:
        """The answer to a body in parts, whose length is not told."""
        return httpx.post(self.predict, content=parts, timeout=60)

    def colored(self, *pictures: bytes) -> httpx.Response:
        """The answer to picture files."""
        return self.ask({"instances": [b64(each) for each in pictures]})

    def lines(self) -> list[dict]:
        """What it has written to its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> int:
        """Ends it, and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def serving(model: Path, log: Path, *flags: object, env: dict | None = None):
    """A server that is ready, killed in the end if it is still there."""
    server = ServingProcess(model, log, *flags, env=env)
    try:
        server.wait()
        yield server
    finally:
        with suppress(psutil.NoSuchProcess):
            server.process.kill()
        server.process.wait()


def b64(file: bytes) -> dict[str, str]:
    """Bytes as JSON takes them."""
    return {"b64": base64.b64encode(file).decode()}


def files_of(answer: httpx.Response) -> list[bytes]:
    """The picture files of an answer."""
    assert answer.status_code == 200, answer.text[:300]
    return [base64.b64decode(each["b64"]) for each in answer.json()["predictions"]]


def assert_refused(answer: httpx.Response, status: int | None = None, said: str = "") -> None:
    """That an answer is a 4xx with one clear line."""
    assert 400 <= answer.status_code < 500 and status in (None, answer.status_code), answer.text
    message = answer.json()["error"]
    assert message and "\n" not in message and len(message) <= 300 and said in message, message
