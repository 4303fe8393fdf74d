"""Colouring on a cluster, beside one process: benchmarks/cluster.py FILM [--model MODEL].

Two workers of one thread each, on this machine, beside one process as it colours by itself, two
pages or frames at once. They take turns, after one that is not counted, in which the workers load
the model. Pages are drawn, of 1800x2570; of the film each frame of a part is coloured. The files
are compared. It takes about ten minutes on two cores, which nothing else may use.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
from colorizer import PAGE, write_part
from distributed import LocalCluster
from rows import Row, Table, parse, rates, row, timed_in_turns

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.config import SHIPPED_MODEL
from keras_colorize.data import cluster
from keras_colorize.image import pixels

WORKERS = 2


def write_pages(folder: Path, count: int) -> Path:
    """Writes so many gray pages, each from another frame of the drawn cartoon."""
    folder.mkdir()
    for number in range(count):
        drawn = cv2.resize(pixels.gray(episode.draw_frame(20 * number)), PAGE[::-1],
                           interpolation=cv2.INTER_CUBIC)
        media.write_picture(folder / f"{number:03}.png", drawn)
    return folder


def compare(what: str, count: int, source: Path, models: colorize.Models,
            workers: cluster.Cluster, turns: int) -> list[Row]:
    """Colours a file or folder with so many of what it names, both ways in turns."""
    outs = [[], []]

    def color(number: int, side: cluster.Cluster | None) -> None:
        out = source.with_name(f"{source.stem} {len(outs[number])} {number}")
        outs[number].append(out)
        colorize.colorize(models, [source], out, colorize.Settings(treat_as="gray"), side)

    spent = timed_in_turns(turns, lambda: color(0, None), lambda: color(1, workers), warm=1)
    for one, other in zip(*outs, strict=True):
        for path in (*one.glob("*.png"), *one.glob("*.mp4")):
            assert path.read_bytes() == (other / path.name).read_bytes(), path.name
    alone, spread = (rates(count, each) for each in spent)
    unit = f"{what.split()[0]}/s"
    return [row(f"{what}, one process", unit, alone),
            row(f"{what}, {WORKERS} workers", unit, spread, alone, goal=1)]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--pages", type=int, default=24, help="(%(default)s)")
    parser.add_argument("--frames", type=int, default=120, help="of the film (%(default)s)")
    parser.add_argument("--turns", type=int, default=5, help="(%(default)s)")
    options = parse(parser, pages=4, frames=24, turns=3)
    models = colorize.Models.load(options.model)
    table = Table(options, models.pages.name)
    with tempfile.TemporaryDirectory() as name, \
            LocalCluster(WORKERS, threads_per_worker=1, dashboard_address=None) as local, \
            cluster.connect(local.scheduler_address) as workers:
        pages, part = write_pages(Path(name) / "pages", options.pages), Path(name) / "part.mp4"
        write_part(options.film, part, options.frames, 1)
        table.add(*compare("pages of 1800x2570", options.pages, pages, models, workers,
                           options.turns))
        table.add(*compare("frames of the film", options.frames, part, models, workers,
                           options.turns))


if __name__ == "__main__":
    main()
