"""Seconds of one core, counts and ink chroma of printed pages: benchmarks/regions.py [PAGE...].

Without a page it draws one. Ratios are to SciPy's distance transform of the page.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from rows import Row, Table, parse, row, timed_in_turns
from scipy.ndimage import distance_transform_edt

from keras_colorize import media
from keras_colorize.cartoon import manga
from keras_colorize.image import division, flat_color, pixels
from keras_colorize.image.regions import find_regions

INK = 64  # of 255: what is darker is ink


def page_rows(name: str, page: np.ndarray, turns: int) -> list[Row]:
    """Measures one page, uint8 [height, width]."""
    regions = find_regions(page)
    generator = np.random.default_rng(0)
    places = generator.integers(0, page.shape, (12, 2))
    clicks = [flat_color.Click(row, column, tuple(generator.integers(0, 256, 3).tolist()))
              for row, column in places]
    ink = (page < INK).astype(np.uint8)

    def fill() -> None:
        divided, _ = division.divide(regions, page, clicks)
        flat_color.fill(page, divided, *flat_color.spread_clicks(divided, clicks))

    distances, find, click = timed_in_turns(
        turns, lambda: distance_transform_edt(ink == 0), lambda: find_regions(page), fill,
        clock=time.process_time)
    colors = generator.integers(0, 256, (regions.count + 1, 3)).astype(np.uint8)
    tint = np.ptp(flat_color.paint(page, regions, colors)[ink > 0], axis=1)
    return [row(f"{name}, regions", "s", find, distances,
                note=f"{page.shape[0]}x{page.shape[1]}, {regions.count} regions, "
                f"{regions.white[regions.labels].mean():.2f} white"),
            row(f"{name}, {len(clicks)} clicks", "s", click, distances,
                note=f"chroma of ink {tint.mean():.2f}, 99th percentile "
                f"{np.percentile(tint, 99):.1f}")]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path, nargs="*", metavar="PAGE")
    parser.add_argument("--turns", type=int, default=3, help="(%(default)s)")
    options = parse(parser)
    cv2.setNumThreads(1)
    pages = {path.stem: pixels.gray(media.read_picture(path)) for path in options.pages}
    table = Table(options)
    for name, page in (pages or {"a drawn page": manga.draw(1).printed}).items():
        table.add(*page_rows(name, page, options.turns))


if __name__ == "__main__":
    main()
