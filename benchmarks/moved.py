"""How much colours depend on where a picture lies: benchmarks/moved.py FOLDER MODEL...

A network whose levels halve sees a picture in fields of up to 64 pixels, and may paint each field
by itself: spots that stay in place when the picture moves. So each picture is shown to it 16 times,
moved by quarters of such a field; the median of the 16 is what it means. Prints how far its chroma
is from that, and on which share of the pixels by more than `SPOT`.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from provenance import provenance

from keras_colorize import import_tensorflow, media
from keras_colorize.image import pixels

FIELD = 64  # pixels, of six levels
SPOT = 20  # levels of 255
SEEN = 24  # pictures, evenly spaced


def chroma_when_moved(model, gray: np.ndarray) -> np.ndarray:
    """Colours a gray picture, uint8 [h, w], where it lies in 16 ways: float [16, ., ., 2]."""
    height, width = (side - FIELD for side in gray.shape)
    moved = []
    for down, right in itertools.product(range(0, FIELD, FIELD // 4), repeat=2):
        part = np.ascontiguousarray(gray[down:down + height, right:right + width])
        chroma = pixels.chroma(model.colorize(part))
        moved.append(chroma[FIELD - down:, FIELD - right:][:height - FIELD, :width - FIELD])
    return np.stack(moved)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, metavar="FOLDER")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="of gray input")
    parser.add_argument("--width", type=int, default=320, help="of the pictures (%(default)s)")
    options = parser.parse_args()
    import_tensorflow("tensorflow")
    from keras_colorize.colorize import Model

    files = sorted(path for path in options.pictures.rglob("*") if media.is_picture(path))
    chosen = np.linspace(0, len(files) - 1, min(SEEN, len(files))).round().astype(int)
    grays = [pixels.gray(media.read_picture(files[each])) for each in chosen]
    grays = [pixels.scale(gray, (round(gray.shape[0] * options.width / gray.shape[1]),
                                 options.width)) for gray in grays]
    grays = [gray for gray in grays if gray.shape[0] > 2 * FIELD]
    print(f"{provenance()}\n{len(grays)} pictures\n\n| model | mean distance | its 99th percentile "
          "| spots, % of the pixels |\n|---|---:|---:|---:|")
    for path in options.models:
        model, far = Model.load(path), []
        for gray in grays:
            moved = chroma_when_moved(model, gray)
            far.append(np.abs(moved - np.median(moved, axis=0)).max(axis=-1).ravel())
        every = np.concatenate(far)
        print(f"| {path.name} | {every.mean():.2f} | {np.percentile(every, 99):.1f} | "
              f"{100 * (every > SPOT).mean():.2f} |", flush=True)


if __name__ == "__main__":
    main()
