"""One source made into examples, in files of its own, by a worker that needs no TensorFlow."""

import dataclasses
import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from keras_colorize import __version__, media
from keras_colorize.data.sources import Counts, Sample, Sampling, Source
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file, write_json
from keras_colorize.image import pixels

REPORT_EVERY = 0.5  # seconds between two notes of the progress
PICTURES = ("color", "gray", "edge")  # as they follow each other in the staged file


@dataclass(frozen=True)
class StagedExample:
    """Where an example lies in its staged file, and what is known of it."""

    frame: int
    time: float
    shot: int
    start: int
    lengths: tuple[int, int, int]
    """Bytes of the PNGs in the order of `PICTURES`."""
    thumbnail: str
    """`pixels.thumbnail` of its colour picture, in hexadecimal."""

    def colors(self) -> np.ndarray:
        """The thumbnail as uint8 RGB [9, 16, 3]."""
        return np.frombuffer(bytes.fromhex(self.thumbnail), np.uint8).reshape(*pixels.THUMBNAIL, 3)


@dataclass(frozen=True)
class Staged:
    """A finished source: its examples, their pictures in one file, and the manifest's entry."""

    path: Path
    report: dict
    examples: list[StagedExample]

    def pictures(self, example: StagedExample) -> dict[str, bytes]:
        """The PNGs of an example by name."""
        with open(self.path, "rb") as file:
            file.seek(example.start)
            return {name: file.read(length)
                    for name, length in zip(PICTURES, example.lengths, strict=True)}


@dataclass(frozen=True)
class Stage:
    """The place of one source's examples in the staging folder.

    The name of its files is made of all that decides the examples, so that those of a killed
    build are found again by the same command, and by no other.
    """

    source: Source
    fingerprint: str
    sampling: Sampling
    folder: Path

    @property
    def _path(self) -> Path:
        decisive = [__version__, self.source.name, self.fingerprint,
                    dataclasses.asdict(self.sampling)]
        key = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:32]
        return self.folder / f"{key}.pictures"

    def finished(self) -> Staged | None:
        """The examples, if they are there already, whole."""
        try:
            values = json.loads(self._path.with_suffix(".json").read_text(encoding="utf-8"))
            return Staged(self._path, values["report"],
                          [StagedExample(**each) for each in values["examples"]])
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # or cut by a loss of power
            return None

    def progress(self) -> int:
        """How many frames have been decoded, as of the last note."""
        try:
            return int(self._path.with_suffix(".progress").read_text())
        except (OSError, ValueError):  # not begun, or just being written
            return 0

    def perform(self, threads: int) -> Staged:
        """Makes and writes all examples; `threads` decode and prepare them.

        The bytes do not depend on `threads`, and memory not on the length of the source.

        Raises:
            SourceError: the source cannot be read, or needs more memory than there is; without a
                cause or context, which another process may lack the means to rebuild.
            OSError: the folder cannot be written, or the disk is full.
        """
        try:
            return self._perform(threads)
        except SourceError as error:
            failure = SourceError(error.where, error.what, error.remedy)
        except (MemoryError, cv2.error) as error:
            if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
                raise
            failure = SourceError(self.source.path, "needs more memory than there is",
                                  "run the same command with fewer --workers, or a smaller --size")
        raise failure

    def _perform(self, threads: int) -> Staged:
        counts, examples = Counts(), []
        samples = self._noting(self.source.samples(self.sampling, counts, threads), counts)
        with whole_file(self._path) as temporary, open(temporary, "wb") as file, \
                ThreadPoolExecutor(threads) as pool:
            for sample, (pictures, thumbnail) in _ahead(pool, self._prepare, samples, 2 * threads):
                examples.append(StagedExample(
                    sample.frame, sample.time, sample.shot, file.tell(),
                    tuple(len(pictures[name]) for name in PICTURES), thumbnail))
                file.writelines(pictures[name] for name in PICTURES)
        report = {"name": self.source.name, "sha256": self.fingerprint,
                  **dataclasses.asdict(counts)}
        write_json(self._path.with_suffix(".json"), {
            "report": report, "examples": [dataclasses.asdict(each) for each in examples]})
        return self.finished()

    def _prepare(self, sample: Sample) -> tuple[dict[str, bytes], str]:
        example = pixels.example(sample.picture, self.sampling.size, self.sampling.zoom)
        return ({name: media.encode_picture(picture, compress=not self.sampling.uncompressed)
                 for name, picture in example.items()},
                pixels.thumbnail(example["color"]).tobytes().hex())

    def _noting(self, samples: Iterable[Sample], counts: Counts) -> Iterator[Sample]:
        """Passes samples on, and now and then writes how far the source has been decoded."""
        noted = 0.0
        for sample in samples:
            if time.monotonic() - noted > REPORT_EVERY:
                self._path.with_suffix(".progress").write_text(str(counts.decoded))
                noted = time.monotonic()
            yield sample


def _ahead(pool: ThreadPoolExecutor, work: Callable, items: Iterable, depth: int) -> Iterator:
    """Each item with its result, in order, at most `depth` of them under way at once."""
    pending = deque()
    for item in items:
        pending.append((item, pool.submit(work, item)))
        if len(pending) > depth:
            first, future = pending.popleft()
            yield first, future.result()
    for item, future in pending:
        yield item, future.result()
