"""What coloured pages tell the next one: benchmarks/reference.py MODEL FOLDER...

A folder holds the coloured pages of a story or an episode, in their order. From the second on, the
network colours each page's luminance, at the size that it sees it: untold, and told by the coloured
pages before it (`colorize --reference`). Prints the errors, and the ratio of the two with its 95 %
interval over pages. `--draw FILE.jpg` draws some pages, evenly spaced, coloured at full size: in
gray, untold, told, and the truth.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from provenance import provenance
from scipy.stats import bootstrap

from keras_colorize import import_tensorflow, media
from keras_colorize.image import figures, metrics, pixels

DRAWN = 8  # pages
WIDTH = 240  # of one


def small(model, picture: np.ndarray) -> np.ndarray:
    """Scales a page, uint8 RGB, to the size at which a model sees it."""
    scale = model.page_scale(pixels.gray(picture))
    return pixels.scale(picture, [max(1, round(scale * side)) for side in picture.shape[:2]])


def measured(color: np.ndarray, truth: np.ndarray) -> list[float]:
    """Computes L1, CIEDE2000 and colourfulness of a picture, uint8 RGB."""
    return [float(each[0]) for each in (
        metrics.l1(color[None], truth[None]), metrics.ciede2000(color[None], truth[None]),
        metrics.colourfulness(color[None]))]


def full_size(models, picture: np.ndarray, told_by: tuple[Path, ...]) -> list[np.ndarray]:
    """Makes a page gray, untold, told, and as it is, each `WIDTH` pixels wide."""
    from keras_colorize import colorize

    gray = pixels.gray(picture)
    colored = [media.decode_picture(colorize.colored_file(
        media.encode_picture(gray), "page", models,
        colorize.Settings(treat_as="gray", reference=reference), None, Path())[0])
        for reference in ((), told_by)]
    return [pixels.scale(each, (round(WIDTH * gray.shape[0] / gray.shape[1]), WIDTH))
            for each in (np.dstack([gray] * 3), *colored, picture)]


def share(told: np.ndarray, untold: np.ndarray, axis: int = -1) -> np.ndarray:
    """Computes the ratio of two means."""
    return told.mean(axis=axis) / untold.mean(axis=axis)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, metavar="MODEL", help="that takes hints")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--before", type=int, default=4, help="pages that tell (%(default)s)")
    parser.add_argument("--first", type=int, default=1,
                        help="pages before the first that is told (%(default)s)")
    parser.add_argument("--draw", metavar="FILE.jpg")
    options = parser.parse_args()
    import_tensorflow("tensorflow")
    from keras_colorize.colorize import Models, references

    models, rows, places = Models.load(options.model, with_series=False), [], []
    model = models.pages
    for folder in options.folders:
        pages = sorted(path for path in folder.iterdir() if media.is_picture(path))
        for number in range(options.first, len(pages)):
            truth = small(model, media.read_picture(pages[number]))
            luminance = pixels.gray(truth)
            untold = model.colorize(luminance)
            before = tuple(pages[max(0, number - options.before):number])
            places.append((pages[number], before))
            dots = references.dots(model, before, None, luminance, untold)
            rows.append([measured(each, truth) for each in (
                np.repeat(luminance[..., None], 3, axis=2), untold,
                model.colorize(luminance, dots), truth)])
    gray, untold, told, truth = np.moveaxis(np.array(rows), 0, 2)  # each [figures, pages]
    print(f"{provenance()}\n{len(rows)} pages\n\n| | L1 | of gray's | CIEDE2000 | "
          "colourfulness, of the truth's |\n|---|---:|---:|---:|---:|")
    for name, of in (("gray", gray), ("untold", untold), ("told", told)):
        print(f"| {name} | {of[0].mean():.2f} | {share(of[0], gray[0]):.3f} | {of[1].mean():.2f} | "
              f"{share(of[2], truth[2]):.2f} |")
    within = bootstrap((told[0], untold[0]), share, paired=True, vectorized=True,
                       rng=np.random.default_rng(0)).confidence_interval
    print(f"\nL1 told / untold {share(told[0], untold[0]):.3f} [{within.low:.3f}, "
          f"{within.high:.3f}], nearer on {np.mean(told[0] < untold[0]):.2f} of the pages")
    if options.draw:
        drawn = [full_size(models, media.read_picture(places[number][0]), places[number][1])
                 for number in figures.evenly(len(places), DRAWN)]
        cv2.imwrite(options.draw, figures.tile(drawn)[..., ::-1],
                    [cv2.IMWRITE_JPEG_QUALITY, 60, cv2.IMWRITE_JPEG_OPTIMIZE, 1])


if __name__ == "__main__":
    main()
