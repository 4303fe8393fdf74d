"""Workers of a build: what each makes of one source, and the processes that they run in.

A worker needs no TensorFlow. If there is one source alone, this process does the work itself. The
examples of a source are left in two files of the staging folder, where the next build finds them
if this one is killed.
"""

import dataclasses
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np

from keras_colorize import __version__, media
from keras_colorize.data.sources import Counts, Sample, Sampling, Source, all_of
from keras_colorize.errors import ColorizeError, DatasetError, SourceError
from keras_colorize.files import read_json, whole_file, write_json
from keras_colorize.image import pixels
from keras_colorize.media.in_order import in_order

NOTE_EVERY = 0.5  # seconds between two notes of the progress
PICTURES = ("color", "gray", "edge")  # as they follow each other in the staged file


@dataclass(frozen=True)
class StagedExample:
    """The place of an example in its staged file, and what is known of it."""

    frame: int
    time: float
    shot: int
    start: int
    lengths: tuple[int, int, int]
    """Bytes of the PNGs in the order of `PICTURES`."""
    thumbnail: str
    """`pixels.thumbnail` of its colour picture, in hexadecimal."""

    def colors(self) -> np.ndarray:
        """Returns the thumbnail as uint8 RGB [9, 16, 3]."""
        return np.frombuffer(bytes.fromhex(self.thumbnail), np.uint8).reshape(*pixels.THUMBNAIL, 3)


class Notes(TypedDict):
    """What the staging folder keeps of a finished source, besides the pictures."""

    report: dict
    examples: list[StagedExample]


@dataclass(frozen=True)
class Staged:
    """A finished source: its report for the manifest, its examples, and the file of pictures."""

    path: Path
    report: dict
    examples: list[StagedExample]

    def pictures(self, example: StagedExample) -> dict[str, bytes]:
        """Reads the PNGs of an example, by name."""
        with open(self.path, "rb") as file:
            file.seek(example.start)
            return {name: file.read(length)
                    for name, length in zip(PICTURES, example.lengths, strict=True)}


@dataclass(frozen=True)
class Stage:
    """The work on one source, whose examples go into the staging folder.

    The names of its files depend on all that decides the examples. So the same command finds those
    of a killed build again, and no other command does.
    """

    source: Source
    fingerprint: str
    sampling: Sampling
    folder: Path
    skip_bad: bool = False
    """Whether to leave out pictures and pages that cannot be read; no byte depends on it."""

    @property
    def _path(self) -> Path:
        decisive = [__version__, self.source.name, self.fingerprint,
                    dataclasses.asdict(self.sampling)]
        key = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:32]
        return self.folder / f"{key}.pictures"

    def finished(self) -> Staged | None:
        """Returns the examples of an earlier build, or None if they are not there, or not whole.

        Raises:
            SourceError: that build left pictures out, and this one must not.
        """
        try:
            notes = read_json(self._path.with_suffix(".json"), Notes, DatasetError, "build again")
            self._check(notes["report"].get("bad", {}), None)
            return Staged(self._path, **notes)
        except DatasetError:  # missing, or cut short by a loss of power
            return None

    def progress(self) -> int:
        """Returns how many frames have been decoded, as of the last note."""
        try:
            return int(self._path.with_suffix(".progress").read_text())
        except (OSError, ValueError):  # not begun, or just being written
            return 0

    def perform(self, threads: int, ended: threading.Event | None = None) -> Staged:
        """Makes and writes all examples; `threads` decode and prepare them.

        The bytes do not depend on `threads`, and memory not on the length of the source.

        Args:
            ended: once it is set, the next frame or page raises CancelledError.

        Raises:
            SourceError: the source cannot be read, or needs more memory than there is; without a
                cause or context, which another process may lack the means to rebuild.
            OSError: the folder cannot be written, or the disk is full.
        """
        try:
            return self._perform(threads, ended)
        except SourceError as error:
            failure = SourceError(error.where, error.what, error.remedy)
        except (MemoryError, cv2.error) as error:
            if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
                raise
            failure = SourceError(self.source.path, "needs more memory than there is",
                                  "run the same command with fewer --workers, or a smaller --size")
        raise failure

    def _perform(self, threads: int, ended: threading.Event | None) -> Staged:
        counts, examples = Counts(), []
        counts.ended = ended
        samples = self._noted(self.source.samples(self.sampling, counts, threads), counts)
        with whole_file(self._path) as temporary, open(temporary, "wb") as file, \
                closing(in_order(self._prepared, samples, threads, 2 * threads)) as coming:
            for sample, prepared in coming:
                pictures, thumbnail = prepared.result()
                examples.append(StagedExample(
                    sample.frame, sample.time, sample.shot, file.tell(),
                    tuple(len(pictures[name]) for name in PICTURES), thumbnail))
                file.writelines(pictures[name] for name in PICTURES)
            self._check(counts.bad, counts.decoded)
        report = {"name": self.source.name, "sha256": self.fingerprint,
                  **dataclasses.asdict(counts)}
        for name in ("bad", "notes", "empty"):
            if not report[name]:  # so that a dataset without any is as it always was
                del report[name]
        write_json(self._path.with_suffix(".json"), {
            "report": report, "examples": [dataclasses.asdict(each) for each in examples]})
        return Staged(self._path, report, examples)

    def _check(self, bad: dict[str, tuple[str, str, str]], decoded: int | None) -> None:
        """Raises SourceError for pictures that could not be read, unless some others could."""
        if bad and not (self.skip_bad and len(bad) != decoded):
            raise all_of([SourceError(*each) for each in bad.values()])

    def _prepared(self, sample: Sample) -> tuple[dict[str, bytes], str]:
        """Makes the PNGs of an example, and its thumbnail in hexadecimal."""
        example = pixels.example(sample.picture, self.sampling.size, self.sampling.zoom)
        return ({name: media.encode_picture(picture, compress=not self.sampling.uncompressed)
                 for name, picture in example.items()},
                pixels.thumbnail(example["color"]).tobytes().hex())

    def _noted(self, samples: Iterable[Sample], counts: Counts) -> Iterator[Sample]:
        """Passes samples on, and now and then writes how far the source has been decoded."""
        noted = 0.0
        for sample in samples:
            if time.monotonic() - noted > NOTE_EVERY:
                self._path.with_suffix(".progress").write_text(str(counts.decoded))
                noted = time.monotonic()
            yield sample


class ThisProcess(ThreadPoolExecutor):
    """A thread of this process, for one stage: it starts at once, and ends early with its block."""

    def __init__(self):
        super().__init__(1)
        self._ended = threading.Event()

    def submit(self, perform: Callable, threads: int) -> Future:
        """Begins `Stage.perform`."""
        return super().submit(perform, threads, self._ended)

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        super().__exit__(*error)


class _Worker(SpawnProcess):
    """A process that does not hear Ctrl-C, not even while it starts: its parent acts upon it.

    The parent does so once the process has all that it needs to start.
    """

    def start(self):
        with _interrupted_later():
            # A child inherits what is blocked.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                super().start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Lets Ctrl-C act after the block, and not within it, whichever thread hears it."""
    if threading.current_thread() is not threading.main_thread():  # no other is interrupted
        yield
        return
    heard = []
    before = signal.signal(signal.SIGINT, lambda *told: heard.append(told))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        signal.raise_signal(signal.SIGINT)


class _Context(SpawnContext):
    """Starts such workers anew: a fork of TensorFlow's threads may hang."""

    Process = _Worker


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """Starts processes that end with the block or this one; raises ColorizeError for one killed."""
    context = _Context()
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

    threading.Thread(target=wait, daemon=True).start()
