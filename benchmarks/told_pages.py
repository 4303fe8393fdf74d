"""Gray pages of a series and what telling their colours buys: `told_pages.py MODEL PICTURE...`.

Ten pictures in colour, evenly spaced among those given, lose their colour and are coloured at full
size as `colorize` does: untold, in the best of the model's moods, and with dots of the true colours
of a user who points each time at what is wrong most. It prints the means over the pages, and with
`--draw FILE.jpg` it draws them, the input first and the truth last.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from provenance import provenance

from keras_colorize import colorize, media
from keras_colorize.colorize import page as one_page
from keras_colorize.evaluation import baselines
from keras_colorize.image import figures, metrics, pixels

PAGES = 10
COUNTS = (5, 20)  # dots
ACROSS = 160  # pixels at which the user looks
DOT = 1 / 100  # of a page's width, its radius
WIDTH = 176  # of a drawn page


class Page:
    """A page without its colour, and how it is coloured."""

    def __init__(self, path: Path, models: colorize.Models, folder: Path):
        self.truth = media.read_picture(path)
        self.gray = pixels.gray(self.truth)
        self.models, self.folder = models, folder

    def colored(self, dots: np.ndarray | None = None, mood: str | None = None) -> np.ndarray:
        """Colours it with hints, uint8 RGBA, or in a mood."""
        hints = None
        if dots is not None:
            hints = self.folder / "hints.png"
            cv2.imwrite(str(hints), cv2.cvtColor(dots, cv2.COLOR_RGBA2BGRA))
        file, _ = one_page.colored_file(
            media.encode_picture(self.gray), "page", self.models,
            colorize.Settings(treat_as="gray", mood=mood), hints, self.folder)
        return media.decode_picture(file)

    def error(self, picture: np.ndarray) -> float:
        """Measures the L1 of a picture."""
        return float(np.abs(picture.astype(np.int16) - self.truth).mean())

    def told(self) -> list[np.ndarray]:
        """Colours it with each of `COUNTS` dots, where a user points at what is wrong most."""
        height, width = self.gray.shape
        small = (max(1, round(ACROSS * height / width)), ACROSS)
        truth, pointed = pixels.scale(self.truth, small), np.zeros(small, bool)
        dots, picture, pictures = np.zeros((height, width, 4), np.uint8), self.colored(), []
        for count in range(1, max(COUNTS) + 1):
            place = baselines.worst_pixel(pixels.scale(picture, small), truth, pointed)
            pointed[place] = True
            row, column = (int((at + 0.5) * width / ACROSS) for at in place)
            color = truth[place].tolist()
            cv2.circle(dots, (column, row), max(2, round(DOT * width)), (*color, 255), cv2.FILLED)
            picture = self.colored(dots)
            if count in COUNTS:
                pictures.append(picture)
        return pictures


def main() -> None:
    """Colours the pages, prints their figures, and draws them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--draw", metavar="FILE.jpg")
    options = parser.parse_args()
    models, rows, shares, distances, vivid = colorize.Models.load(options.model), [], [], [], []
    moods = [str(number + 1) for number in range(models.pages.mood_count)]
    names = ["gray", "untold", *(["best mood"] if moods else []), *(f"{n} dots" for n in COUNTS)]
    with tempfile.TemporaryDirectory() as folder:
        for number in figures.evenly(len(options.pictures), PAGES):
            page = Page(options.pictures[number], models, Path(folder))
            of_moods = [page.colored(mood=mood) for mood in moods]
            pictures = [np.dstack([page.gray] * 3), page.colored(),
                        *sorted(of_moods, key=page.error)[:1], *page.told()]
            errors = np.array([page.error(picture) for picture in pictures])
            shares.append(errors / errors[0])
            small = [cv2.resize(each, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)[None]
                     for each in (*pictures, page.truth)]
            distances.append([metrics.ciede2000(each, small[-1]).mean() for each in small[:-1]])
            colorfulness = np.array([metrics.colourfulness(each)[0] for each in small])
            vivid.append(colorfulness[:-1] / colorfulness[-1])
            rows.append([pixels.scale(each, (round(WIDTH * each.shape[0] / each.shape[1]), WIDTH))
                         for each in (*pictures, page.truth)])
    print(f"{provenance()}\n| {len(rows)} pages | L1, of the gray page's | CIEDE2000 | "
          "colourfulness, of the truth's |\n|---|---:|---:|---:|")
    for name, *values in zip(names, *(np.mean(each, axis=0) for each in (shares, distances, vivid)),
                             strict=True):
        print(f"| {name} | {values[0]:.2f} | {values[1]:.1f} | {values[2]:.2f} |")
    if options.draw:
        cv2.imwrite(options.draw, figures.tile(rows)[..., ::-1],
                    [cv2.IMWRITE_JPEG_QUALITY, 60, cv2.IMWRITE_JPEG_OPTIMIZE, 1])


if __name__ == "__main__":
    main()
