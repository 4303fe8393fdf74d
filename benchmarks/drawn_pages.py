"""The drawn manga pages against what is known of them: `python benchmarks/drawn_pages.py`.

No network takes part: regions get their true colours. `--draw FILE.jpg --model MODEL` colours one
page with a model instead, printed in gray, in dots and as line art, and draws for each: the page,
untold, with ten dots of true colours as hints, and its truth.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from provenance import provenance

from keras_colorize import media
from keras_colorize.cartoon import manga
from keras_colorize.image import figures, flat_color, pixels
from keras_colorize.image.regions import find_regions

INK = 64  # of 255: what is darker is ink
WHITE = 235  # of 255, in each channel: what is lighter is white paper
SHOWN, HEIGHT = 5, 360  # the page of the picture, and its height there
CLICKS = 10


def measure(page: manga.MangaPage) -> dict[str, float]:
    """Finds the regions of a page, paints them in their true colours, and compares.

    Returns:
        The shares of margins and balloons that come out white; how many regions come out white of
        which most is drawn, and the share of all that is drawn that does; and the chroma of ink,
        its mean and its 99th percentile, 0..255.
    """
    regions = find_regions(page.printed)
    labels, clear = regions.page_labels, ~page.ink
    colors = np.full((regions.count + 1, 3), 255, np.uint8)
    order = np.argsort(labels[clear], kind="stable")
    truths = page.truth[clear][order]
    bounds = np.searchsorted(labels[clear][order], np.arange(regions.count + 2))
    for region in np.flatnonzero(~regions.white & (np.diff(bounds) > 0)):
        colors[region] = np.median(truths[bounds[region]:bounds[region + 1]], axis=0)
    painted = flat_color.paint(page.printed, regions, colors)
    tint = np.ptp(painted[page.ink & (page.printed < INK)].astype(int), axis=1)
    drawn = clear & ~(page.margins | page.balloons | (page.truth >= WHITE).all(2))
    share = np.bincount(labels[drawn], minlength=len(colors)) / np.maximum(
        np.bincount(labels.ravel(), minlength=len(colors)), 1)
    white = regions.white[labels]
    return {"margins": white[page.margins].mean(), "balloons": white[page.balloons].mean(),
            "false whites": int((regions.white & (share > 0.5)).sum()),
            "drawn white": white[drawn].mean(), "ink chroma": tint.mean(),
            "99th": np.percentile(tint, 99)}


def draw(file: str, model: Path) -> None:
    """Draws the page printed in each way, untold, with hints, and its truth."""
    from keras_colorize import colorize  # with TensorFlow, which the table does not need
    from keras_colorize.colorize import page as one_page

    models, rows = colorize.Models.load(model), []
    with tempfile.TemporaryDirectory() as folder:
        strokes = Path(folder) / "hints.png"
        dots = manga.hints(manga.draw(SHOWN), CLICKS)
        cv2.imwrite(str(strokes), cv2.cvtColor(dots, cv2.COLOR_RGBA2BGRA))
        for tones in ("gray", "dots", "none"):
            page = manga.draw(SHOWN, tones=tones)
            row = [page.printed, *(media.decode_picture(one_page.colored_file(
                media.encode_picture(page.printed), "page", models, colorize.Settings(), told,
                Path(folder))[0]) for told in (None, strokes)),
                page.truth * (~page.ink)[..., None]]
            rows.append([_small(picture) for picture in row])
    cv2.imwrite(file, figures.tile(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 54,
                                                     cv2.IMWRITE_JPEG_OPTIMIZE, 1])


def _small(picture: np.ndarray) -> np.ndarray:
    return pixels.scale(picture, (HEIGHT, HEIGHT * picture.shape[1] // picture.shape[0]))


def main(options: argparse.Namespace) -> None:
    """Prints the table, or draws the picture."""
    cv2.setNumThreads(1)
    if options.draw:
        draw(options.draw, options.model)
        return
    print(f"{provenance()}\n| page | margins | balloons | false whites | drawn, white "
          "| ink chroma | 99th |\n|---:|---:|---:|---:|---:|---:|---:|")
    for number in range(len(manga.PAGES)):
        row = measure(manga.draw(number))
        print(f"| {number} | {row['margins']:.3f} | {row['balloons']:.3f} | {row['false whites']} "
              f"| {row['drawn white']:.3f} | {row['ink chroma']:.2f} | {row['99th']:.0f} |",
              flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draw", metavar="FILE.jpg")
    parser.add_argument("--model", type=Path, default=Path("shipped_model"))
    main(parser.parse_args())
