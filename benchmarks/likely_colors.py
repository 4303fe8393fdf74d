"""How often a pixel's true chroma is among the likely colours that the studio offers for it.

    python benchmarks/likely_colors.py RUN_DIR DATA_DIR [--split validation]

Of each picture some pixels are asked about, at random. A colour hits where it is within 12 levels
of the pixel's true chroma, red and blue less luminance. The intervals are over pages.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from provenance import provenance

from keras_colorize import import_tensorflow

import_tensorflow()

from keras_colorize import colorize, media  # noqa: E402
from keras_colorize.colorize import likely_colors  # noqa: E402
from keras_colorize.data import records  # noqa: E402
from keras_colorize.evaluation.statistics import Resampling  # noqa: E402
from keras_colorize.image import pixels  # noqa: E402

POINTS = 30  # of each picture
NEAR = 12.0  # levels
VIVID = 20.0  # levels of chroma: what has less is nearly gray


def pictures_of(data: Path, split: str) -> Iterator[tuple[np.ndarray, tuple]]:
    """Gives the pictures of a split, uint8 RGB [h, w, 3], and their pages."""
    shards = records.Manifest.read(data).shards(split)
    for example in tf.data.TFRecordDataset([str(path) for path in shards]):
        features = records.parse(example)
        yield media.decode_picture(features["color"].numpy()), tuple(
            features[name].numpy() for name in ("source", "shot"))


def hits_of(color: np.ndarray, models: colorize.Models, generator: np.random.Generator) -> list:
    """Tells for each pixel whether gray hits, the first colour and any, and whether it has one."""
    file, truth = media.encode_picture(pixels.gray(color)), pixels.chroma(color)
    found = []
    for _ in range(POINTS):
        point = tuple(int(generator.integers(length)) for length in truth.shape[:2])
        offered = likely_colors.at(point, file, "picture", models,
                                   colorize.Settings(treat_as="gray"))
        apart = np.linalg.norm(pixels.chroma(np.uint8([offered]))[0] - truth[point], axis=1)
        vivid = np.linalg.norm(truth[point])
        found.append((vivid <= NEAR, apart[0] <= NEAR, apart.min() <= NEAR, vivid > VIVID))
    return found


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="validation", help="(%(default)s)")
    options = parser.parse_args()
    models = colorize.Models.load(options.run, memory=colorize.PageMemory(), with_series=False)
    generator, hits, pages = np.random.default_rng(0), [], []
    for color, page in pictures_of(options.data, options.split):
        hits.append(hits_of(color, models, generator))
        pages.append(page)
    hits, resampling = np.float64(hits), Resampling(pages)  # [picture, point, figure]
    vivid = hits[..., 3]
    print(f"{provenance()}\n{len(hits)} pictures of {resampling.groups} pages, {POINTS} pixels "
          f"of each, of which {vivid.mean():.0%} have a colour; {models.pages.mood_count} moods\n\n"
          "| a pixel's chroma is near | all pixels | those that have a colour |\n|---|---:|---:|")
    for number, name in enumerate(("gray", "what the network paints", "one of the likely colours")):
        every, some, count = (each.mean(1) for each in (hits[..., number],
                                                        hits[..., number] * vivid, vivid))
        print(f"| {name} | {every.mean():.2f} {ends(resampling.interval(every))} | "
              f"{some.mean() / count.mean():.2f} {ends(resampling.interval(some, count))} |")


def ends(interval: list[float] | None) -> str:
    """Writes an interval, if there is one."""
    return "[{:.2f}, {:.2f}]".format(*interval) if interval else ""


if __name__ == "__main__":
    main()
