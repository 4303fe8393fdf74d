"""Processes that need not import what they run, which takes a second or many.

They are forked from a process that has imported it and computed nothing. From there on they are as
if a shell had started them: they have their own memory, output, signals and exit codes.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
from pathlib import Path

from keras_colorize import cli

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["keras_colorize", "tensorflow", "keras", "matplotlib.figure",
                                "keras_colorize.colorize.batch", "fastapi", "uvicorn",
                                "keras_colorize.data.build_workers"])


class Command:
    """`keras-colorize` with some arguments, with the methods of `subprocess.Popen`.

    Its output and its errors lie in the files of those names.
    """

    def __init__(self, *arguments: object, temporary: Path | None = None):
        self._written = [tempfile.NamedTemporaryFile("r") for _ in "oe"]  # noqa: SIM115
        self.stdout, self.stderr = (Path(file.name) for file in self._written)
        self._process = FORKING.Process(target=_perform, args=(
            list(map(str, arguments)), [file.name for file in self._written], os.getcwd(),
            temporary))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or the number of the signal that ended it, below 0."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end, and gives its exit code."""
        self._process.join(timeout)
        assert self.returncode is not None, "it runs on"
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for its end, and gives what it wrote to its output and as errors."""
        self.wait(timeout)
        return self.output(), self._written[1].read()

    def output(self) -> str:
        """What it wrote since this was asked last."""
        return self._written[0].read()

    def send_signal(self, number: int) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it."""
        self._process.kill()


def _perform(arguments: list[str], files: list[str], folder: str, temporary: Path | None) -> None:
    """Runs in the new process."""
    if temporary:
        os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
    for stream, path in enumerate(files, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), stream)
    sys.stdout.reconfigure(line_buffering=True)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(cli.main(arguments))
