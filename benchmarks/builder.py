"""Speed and memory of a build, beside decoding alone: benchmarks/builder.py FILM.

Speed: frames a second of the whole build (one frame in 50 kept, shots, held drawings and black bars
looked for, examples encoded and written) over those of decoding alone with the same library and
threads, both in turns, median of the turns. Memory: the peak of all processes of the command
together, on the film and on the film thirty times over, joined without encoding it anew.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import psutil
from provenance import provenance

from keras_colorize import import_tensorflow

TURNS = 5
TIMES_LONGER = 30


def decode_alone(film: Path, threads: int) -> int:
    """Decodes every frame and does nothing with it; returns their number."""
    with av.open(str(film)) as container:
        stream = container.streams.best("video")
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        return sum(1 for _ in container.decode(stream))


def seconds(work) -> float:
    """Measures how long a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


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


def peak_memory(film: Path, out: Path, workers: int) -> float:
    """Measures the most memory, in GB, that a build and its workers hold together."""
    process = psutil.Popen([sys.executable, "-m", "keras_colorize.cli", "build-tfrecords", film,
                            "--out", out, "--split-by", "frame", "--workers", str(workers)],
                           stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(memory, [process, *process.children(recursive=True)])))
        time.sleep(0.05)
    return peak / 1e9


def memory(process: psutil.Process) -> int:
    """Returns the bytes a process holds, its share of what it shares with others where known."""
    try:
        held = process.memory_full_info()
    except psutil.Error:  # it has just ended
        return 0
    return getattr(held, "pss", held.rss)


def compare(film: Path, folder: Path, workers: int, turns: int) -> str:
    """Measures one film and returns its row of the table."""
    from keras_colorize.data import build  # here, since it brings TensorFlow, which no worker needs

    frames, alone, whole = decode_alone(film, workers), [], []
    for turn in range(turns):
        out = folder / f"{film.stem}_{turn}"
        alone.append(seconds(lambda: decode_alone(film, workers)))
        whole.append(seconds(lambda: build.build(
            [film], out, build.Settings(split_by="frame"), workers)))  # noqa: B023
    alone, whole = statistics.median(alone), statistics.median(whole)
    peak = peak_memory(film, folder / f"{film.stem}_memory", workers)
    return (f"| {film.name} | {frames} | {frames / alone:.0f} | {frames / whole:.0f} | "
            f"{alone / whole:.2f} | {peak:.2f} |")


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    import_tensorflow()
    with tempfile.TemporaryDirectory() as name:
        longer = Path(name) / f"longer{options.film.suffix}"
        lengthened(options.film, longer, TIMES_LONGER)
        print(provenance())
        print("| film | frames | decoding alone, frames/s | whole build, frames/s | ratio | "
              "peak memory, GB |\n|---|---:|---:|---:|---:|---:|")
        for film, turns in ((options.film, TURNS), (longer, 1)):
            print(compare(film, Path(name), options.workers, turns), flush=True)


if __name__ == "__main__":
    main()
