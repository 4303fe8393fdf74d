"""Seconds of one core, counts and ink chroma of pages: `python benchmarks/regions.py PAGE...`."""

import sys
import time
from pathlib import Path

import cv2
import numpy as np

from keras_colorize.image import division, flat_color
from keras_colorize.image.regions import find_regions

INK = 64  # of 255: what is darker is ink


def measure(page: np.ndarray) -> dict[str, float]:
    """What the table says of one page, uint8 [height, width]."""
    start = time.process_time()
    regions = find_regions(page)
    found = time.process_time() - start
    generator = np.random.default_rng(0)
    places = generator.integers(0, page.shape, (12, 2))
    clicks = [flat_color.Click(row, column, tuple(generator.integers(0, 256, 3).tolist()))
              for row, column in places]
    start = time.process_time()
    divided, _ = division.divide(regions, page, clicks)
    flat_color.fill(page, divided, *flat_color.spread_clicks(divided, clicks))
    click = time.process_time() - start
    colors = generator.integers(0, 256, (regions.count + 1, 3)).astype(np.uint8)
    painted = flat_color.paint(page, regions, colors)
    tint = np.ptp(painted[page < INK], axis=1)
    return {"find": found, "click": click, "regions": regions.count,
            "white": regions.white[regions.labels].mean(), "ink chroma": tint.mean(),
            "99th": np.percentile(tint, 99)}


def main(names: list[str]) -> None:
    """Prints one row a page."""
    cv2.setNumThreads(1)
    print("| page | size | find, s | click, s | regions | white | ink chroma | 99th |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        page = cv2.imread(name, cv2.IMREAD_GRAYSCALE)
        if page is None:
            sys.exit(f"error: {name}: no picture; name a file that OpenCV reads")
        row = measure(page)
        print(f"| {Path(name).stem} | {page.shape[0]}x{page.shape[1]} | {row['find']:.2f} | "
              f"{row['click']:.3f} | {row['regions']} | {row['white']:.2f} | "
              f"{row['ink chroma']:.2f} | {row['99th']:.1f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
