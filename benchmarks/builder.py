"""Speed and memory of a build, beside decoding alone: benchmarks/builder.py FILM.

Speed: frames a second of the whole build (one frame in 50 kept, shots, held drawings and black bars
looked for, examples encoded and written) over those of decoding alone with the same library and
threads, both in turns. Processor time: the same in seconds of this process, on all cores, which
other work on the machine disturbs less. Memory: the peak of all processes of the command together.
Both are measured on the film, and on the film many times over, joined without encoding it anew.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
from rows import Row, Table, in_turns, parse, peak_memory, rates, row, seconds

from keras_colorize import import_tensorflow


def decode_alone(film: Path, threads: int) -> int:
    """Decodes every frame and does nothing with it; returns their number."""
    with av.open(str(film)) as container:
        stream = container.streams.best("video")
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        return sum(1 for _ in container.decode(stream))


def lengthened(film: Path, longer: Path, times: int) -> None:
    """Writes the film's packets several times over, one pass after the other."""
    with av.open(str(longer), "w") as out:
        offset = 0
        for number in range(times):
            with av.open(str(film)) as container:
                stream = container.streams.best("video")
                if not number:
                    target = out.add_stream_from_template(stream)
                for packet in container.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.dts += offset
                    packet.pts += offset
                    packet.stream = target
                    out.mux(packet)
                offset += stream.duration


def spent(call: Callable[[], object]) -> tuple[float, float]:
    """Measures the seconds that a call takes, and those of all cores of this process."""
    busy = time.process_time()
    return seconds(call), time.process_time() - busy


def compare(film: Path, folder: Path, workers: int, turns: int) -> list[Row]:
    """Measures one film."""
    from keras_colorize.data import build  # here, since it brings TensorFlow, which no worker needs

    frames = decode_alone(film, workers)
    outs = (folder / f"{film.stem}_{turn}" for turn in itertools.count())
    (alone, alone_busy), (whole, whole_busy) = (zip(*each, strict=True) for each in in_turns(
        turns, lambda: spent(lambda: decode_alone(film, workers)), lambda: spent(
            lambda: build.build([film], next(outs), build.Settings(split_by="frame"), workers))))
    alone, whole = rates(frames, alone), rates(frames, whole)
    memory = peak_memory("build-tfrecords", film, "--out", next(outs), "--split-by", "frame",
                         "--workers", workers)
    return [row(f"decode {film.name} alone", "frames/s", alone, note=f"{frames} frames"),
            row(f"build of {film.name}", "frames/s", whole, alone, goal=0.75),
            row(f"build of {film.name}, processor time", "s", whole_busy, alone_busy,
                note="at most 1.33 wanted"),
            row(f"build of {film.name}, peak memory", "GB", [memory])]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--workers", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--turns", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--times-longer", type=int, default=30,
                        help="the second film, which has one turn; 0: none (%(default)s)")
    options = parse(parser, turns=3, times_longer=0)
    import_tensorflow()
    table = Table(options, f"{options.workers} workers")
    with tempfile.TemporaryDirectory() as name:
        table.add(*compare(options.film, Path(name), options.workers, options.turns))
        if options.times_longer:
            longer = Path(name) / f"longer{options.film.suffix}"
            lengthened(options.film, longer, options.times_longer)
            table.add(*compare(longer, Path(name), options.workers, 1))


if __name__ == "__main__":
    main()
