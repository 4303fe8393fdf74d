"""Colouring on a cluster, beside one process: benchmarks/cluster.py FILM [--model MODEL].

Two workers of one thread each, on this machine, beside one process as it colours by itself, two
pages or frames at once. They take turns, after one that is not counted, in which the workers load
the model. Pages are drawn, of 1800x2570; of the film each frame of a part is coloured. The files
are compared. It takes about ten minutes on two cores, which nothing else may use.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import cv2
from colorizer import PAGE, seconds, write_part
from distributed import LocalCluster
from provenance import provenance

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.config import SHIPPED_MODEL
from keras_colorize.data import cluster
from keras_colorize.image import pixels

TURNS = 5
WORKERS = 2


def write_pages(folder: Path, count: int) -> Path:
    """Writes so many gray pages, each from another frame of the drawn cartoon."""
    folder.mkdir()
    for number in range(count):
        drawn = cv2.resize(pixels.gray(episode.draw_frame(20 * number)), PAGE[::-1],
                           interpolation=cv2.INTER_CUBIC)
        media.write_picture(folder / f"{number:03}.png", drawn)
    return folder


def row(what: str, count: int, source: Path, models: colorize.Models,
        workers: cluster.Cluster) -> str:
    """Colours a file or folder both ways, in turns, and returns the row on it."""
    times, sides = ([], []), (None, workers)
    for turn in range(TURNS + 1):
        outs = [source.with_name(f"{source.stem} {turn} {side}") for side in range(2)]
        for spent, side, out in zip(times, sides, outs, strict=True):
            spent.append(seconds(lambda out=out, side=side: colorize.colorize(
                models, [source], out, colorize.Settings(treat_as="gray"), side)))
        for path in (*outs[0].glob("*.png"), *outs[0].glob("*.mp4")):
            assert path.read_bytes() == (outs[1] / path.name).read_bytes(), path.name
    alone, spread = (statistics.median(each[1:]) for each in times)
    ratios = [one / other for one, other in zip(*times, strict=True)][1:]
    return (f"| {what} | {count / alone:.2f} | {count / spread:.2f} | {alone / spread:.2f} "
            f"| {min(ratios):.2f} to {max(ratios):.2f} |")


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--pages", type=int, default=24, help="(%(default)s)")
    parser.add_argument("--frames", type=int, default=120, help="of the film (%(default)s)")
    options = parser.parse_args()
    print(provenance())
    models = colorize.Models.load(options.model)
    with tempfile.TemporaryDirectory() as name, \
            LocalCluster(WORKERS, threads_per_worker=1, dashboard_address=None) as local, \
            cluster.connect(local.scheduler_address) as workers:
        pages, part = write_pages(Path(name) / "pages", options.pages), Path(name) / "part.mp4"
        write_part(options.film, part, options.frames, 1)
        print(f"{models.pages.name}\n\n| what | one process, 1/s | {WORKERS} workers, 1/s "
              "| ratio | of single turns |\n|---|---:|---:|---:|---:|")
        print(row("pages of 1800x2570", options.pages, pages, models, workers), flush=True)
        print(row("frames of the film", options.frames, part, models, workers), flush=True)


if __name__ == "__main__":
    main()
