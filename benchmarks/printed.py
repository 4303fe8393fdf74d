"""Coloured manga pages against their truth: `python benchmarks/printed.py MODEL PICTURE...`.

With `--draw FILE.jpg` it also draws the first page: as it is, untold, after ten clicks, its truth.

Each picture in colour is redrawn as a page by other means than those that a model of manga input
learns from, and coloured as `colorize` does: without a word, and told more and more colours by a
user who clicks on the region that is most wrong, and says which colour makes it right. Where a
place in a region that was clicked already is more wrong than that, the user clicks there too, which
divides the region, and takes the click back if it makes the page worse; `--whole` is a user who
never does. `--moods MODEL` also tries the moods of a model of gray pages, of which a user takes the
best for each page. Measured is what a reader sees between the lines: the colours under the shade of
the page's tones. L1 is given as a share of the page as it is, white between its lines and tones,
and as a share of blank paper without tones, which is how far all colours are from white. Intervals
(95 %) are over pages.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from provenance import provenance

from keras_colorize import colorize, media
from keras_colorize.colorize import likely_colors, printed_page
from keras_colorize.colorize import page as one_page
from keras_colorize.colorize.printed_page import PrintedPage
from keras_colorize.evaluation.statistics import Resampling
from keras_colorize.image import flat_color, metrics, pixels
from keras_colorize.image.flat_color import Click

HEIGHT = 900  # of a page
MARGIN, FRAME = 36, 3
PITCH = 7  # pixels from dot to dot
CLICKS = (0, 1, 2, 3, 5, 10, 20)
TAN = (210, 180, 140)
INK = 64  # of 255: what is darker is ink
SAMPLED = 7  # of so many pixels one is scored
LARGE = 12  # so many of a page's regions are asked about
NEAR = 24  # of 255, in the mean of the channels: such a colour passes for the true one
AS_PRINTED = colorize.Settings(treat_as="screentone")
WHITE = 235  # of 255, in each channel: what is lighter is white paper
WRONG = 24  # of 255: a place in a clicked region that is so wrong may get a click of its own
TRIES = 3  # such clicks that a user tries and takes back before going on to another region


def redraw(picture: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prints a picture, uint8 RGB, as a page: uint8 [h, w], its truth [h, w, 3], and its paper.

    Lines are where flat surfaces meet, and where the picture has dark ones. Darks are black, and
    two tones are hatched and dotted on a square grid. The paper, bool [h, w], is margin and
    balloon.
    """
    generator = np.random.default_rng(seed)
    inside = pixels.scale(picture, (HEIGHT - 2 * MARGIN, round(
        picture.shape[1] * (HEIGHT - 2 * MARGIN) / picture.shape[0])))
    flat = cv2.pyrMeanShiftFiltering(inside, 6, 14, maxLevel=2)
    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB)
    steps = np.max([cv2.morphologyEx(channel, cv2.MORPH_GRADIENT, np.ones((3, 3)))
                    for channel in cv2.split(lab)], 0) > 18
    gray = pixels.gray(inside)
    dark = cv2.adaptiveThreshold(cv2.GaussianBlur(gray, (0, 0), 1.5), 1, cv2.ADAPTIVE_THRESH_MEAN_C,
                                 cv2.THRESH_BINARY_INV, 13, 18) > 0
    steps = cv2.morphologyEx(steps.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2))) > 0
    level = cv2.medianBlur(pixels.gray(flat), 9)
    drawn = np.full(gray.shape, 255, np.uint8)
    rows, columns = np.indices(gray.shape)
    light, middle = 150 + generator.integers(-20, 20), 95 + generator.integers(-15, 15)
    dots = np.hypot(rows % PITCH - PITCH / 2, columns % PITCH - PITCH / 2) < 0.27 * PITCH
    drawn[(level < light) & (level >= middle) & dots] = 0
    drawn[(level < middle) & ((rows + columns) % PITCH < 0.45 * PITCH)] = 0
    drawn[steps | dark | (level < 40)] = 0
    page = cv2.copyMakeBorder(drawn, *[MARGIN] * 4, cv2.BORDER_CONSTANT, value=255)
    truth = cv2.copyMakeBorder(cv2.medianBlur(inside, 5), *[MARGIN] * 4, cv2.BORDER_CONSTANT,
                               value=(255, 255, 255))
    paper = cv2.copyMakeBorder(np.zeros(gray.shape, np.uint8), *[MARGIN] * 4, cv2.BORDER_CONSTANT,
                               value=1)
    cv2.rectangle(page, (MARGIN, MARGIN), (page.shape[1] - MARGIN, HEIGHT - MARGIN), 0, FRAME)
    _say(page, truth, paper, generator)
    return page, truth, paper > 0


def _say(page: np.ndarray, truth: np.ndarray, paper: np.ndarray, generator: np.random.Generator,
         ) -> None:
    """Draws a balloon with three lines of text in an upper corner."""
    middle = (int(generator.choice((190, page.shape[1] - 190))), 140)
    for picture, color in ((page, 0), (truth, (255, 255, 255)), (paper, 1)):
        cv2.ellipse(picture, middle, (120, 75), 0, 0, 360, color, -1)
    cv2.ellipse(page, middle, (117, 72), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for line, text in enumerate(("WHO TOLD YOU", "ABOUT THAT", "RIVER?")):
        width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.65, 2)[0][0]
        cv2.putText(page, text, (middle[0] - width // 2, 120 + 27 * line),
                    cv2.FONT_HERSHEY_SIMPLEX, 0.65, 0, 2, cv2.LINE_AA)


class Page:
    """A redrawn page, its regions and votes, and its truth at their scale."""

    def __init__(self, picture: np.ndarray, seed: int, models: colorize.Models):
        self.page, truth, paper = redraw(picture, seed)
        self.known = one_page.read_page(media.encode_picture(self.page), "page", models,
                                        AS_PRINTED).printed
        self.regions = self.known.regions
        size = self.regions.labels.shape
        self.truth, paper = pixels.scale(truth, size), pixels.scale(paper * np.uint8(255), size)
        self.paper, self.seen = paper > 127, ~self.regions.tones.ink
        self.places = np.nonzero(self.seen)
        self.shade = self.regions.tones.shade[self.seen, None] / np.float32(255)
        self.wanted = self.truth[self.seen]

    def of_one_color(self, color: tuple[int, int, int]) -> np.ndarray:
        """One colour for each region that does not stay white: uint8 [count + 1, 3]."""
        return np.where(self.regions.white[:, None], 255, color).astype(np.uint8)

    def score(self, told: PrintedPage) -> dict[str, float]:
        """L1, CIEDE2000 and colourfulness of what is not ink, for a colour of each region."""
        some = np.s_[::SAMPLED]
        labels = told.regions.labels[self.seen][some]
        shown = np.rint(told.votes[labels] * self.shade[some]).astype(np.uint8)[None, None]
        truth = self.wanted[some][None, None]
        return {"l1": metrics.l1(shown, truth)[0], "ciede2000": metrics.ciede2000(shown, truth)[0],
                "colourfulness": metrics.colourfulness(shown)[0],
                "true": metrics.colourfulness(truth)[0]}

    def in_best_mood(self, known: list) -> dict[str, float]:
        """The score in that of some moods which comes nearest to the truth."""
        scores = (self.score(printed_page.in_mood(self.known, np.float32(mood))) for mood in known)
        return min(scores, key=lambda score: score["l1"])

    def of_white_paper(self) -> float:
        """L1 of the page as it is, white between its lines and tones."""
        return self.score(replace(self.known, votes=self.of_one_color((255, 255, 255))))["l1"]

    def of_blank_paper(self) -> float:
        """L1 of white paper without the page's tones, at the same places."""
        return metrics.l1(np.full_like(self.wanted[::SAMPLED], 255)[None, None],
                          self.wanted[::SAMPLED][None, None])[0]

    def click(self, before: np.ndarray, counts: tuple[int, ...], divides: bool = True
              ) -> list[PrintedPage]:
        """The page after some numbers of clicks, by a user who knows the truth."""
        untold = replace(self.known, votes=before)
        clicks, told, results = [], untold, [untold]
        for number in range(1, counts[-1] + 1):
            clicks, told = self._click_once(untold, clicks, told, divides)
            if number in counts:
                results.append(told)
        return results

    def _click_once(self, untold: PrintedPage, clicks: list[Click], told: PrintedPage,
                    divides: bool) -> tuple[list[Click], PrintedPage]:
        wrong = self._wrong(told)
        for region, here, is_first in self._worst(told, clicks, wrong, divides):
            more = [*clicks, self._click_on(told, region, here)]
            after, _ = printed_page.tell(untold, self.page, more)
            if is_first or self._wrong(after).sum() < wrong.sum():
                return more, after
        return clicks, told

    def _wrong(self, told: PrintedPage) -> np.ndarray:
        """How wrong each pixel is that is no ink: float32 [n]."""
        shown = told.votes[told.regions.labels[self.seen]] * self.shade
        return np.abs(shown - self.wanted).mean(1)

    def _worst(self, told: PrintedPage, clicks: list[Click], wrong: np.ndarray, divides: bool
               ) -> list[tuple[int, np.ndarray, bool]]:
        """The worst region that was not clicked, after the worse places in those that were.

        Returns:
            Of each the region, the pixels there, and whether it was not clicked.
        """
        labels, page_labels = told.regions.labels[self.seen], told.regions.page_labels
        error = np.bincount(labels, wrong, told.regions.count + 1)
        error[np.bincount(page_labels.ravel(), minlength=len(error)) == 0] = 0
        clicked = {told.regions.at(click.row, click.column) for click in clicks}
        places, first = [], []
        for region in np.argsort(-error)[:np.count_nonzero(error)].tolist():
            here = np.flatnonzero(labels == region)
            if region not in clicked:
                first = [(region, here, True)]
                break
            here = here[self._largest_piece(here, wrong[here])]
            places.append((wrong[here].sum(), region, here, False))
        least = error[first[0][0]] if first else 0
        worse = sorted((place for place in places if place[0] > least), key=lambda each: -each[0])
        return [place[1:] for place in worse[:TRIES if divides else 0]] + first

    def _largest_piece(self, here: np.ndarray, wrong: np.ndarray) -> np.ndarray:
        """Of some pixels those of the connected piece that is most wrong: bool [n]."""
        rows, columns = (each[here] for each in self.places)
        mask = np.zeros(self.seen.shape, np.uint8)
        mask[rows, columns] = wrong > WRONG
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        pieces = cv2.connectedComponents(mask)[1][rows, columns]
        error = np.bincount(pieces, wrong)
        error[0] = 0
        return (pieces == error.argmax()) & (pieces > 0)

    def _click_on(self, told: PrintedPage, region: int, here: np.ndarray) -> Click:
        """A click in the middle of what has the median of the true colours of some pixels."""
        color = np.median(self.wanted[here], 0) / max(np.median(self.shade[here]), 0.1)
        color *= 255 / max(color.max(), 255)
        like = np.abs(color * self.shade[here] - self.wanted[here]).mean(1) < WRONG
        mask = np.zeros(self.seen.shape, np.uint8)
        mask[tuple(each[here[like] if like.any() else here] for each in self.places)] = 1
        room = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        place = (np.array(np.unravel_index(room.argmax(), room.shape)) + 0.5) * np.divide(
            self.page.shape, room.shape)
        if told.regions.at(*place) != region:
            place = np.argwhere(told.regions.page_labels == region)[0]
        return Click(*place.tolist(), tuple(np.rint(color).astype(int).tolist()))

    def likely(self, models: colorize.Models) -> dict[str, float]:
        """The share of its large regions whose vote, or likely colour, is near the true one."""
        file, near = media.encode_picture(self.page), []
        labels, white = self.known.regions.labels[self.seen], self.known.regions.white
        area = np.bincount(labels, minlength=len(white)) * ~white
        for region in np.argsort(-area)[:min(LARGE, np.count_nonzero(area))]:
            true = self._click_on(self.known, region, np.flatnonzero(labels == region))
            place = int(true.row), int(true.column)
            offered = likely_colors.at(place, file, "page", models, AS_PRINTED)
            apart = [np.abs(np.subtract(color, true.color)).mean()
                     for color in (self.known.votes[region], *offered)]
            near.append((apart[0] <= NEAR, min(apart[1:], default=np.inf) <= NEAR))
        return dict(zip(("vote near", "likely near"), np.mean(near, axis=0), strict=True))

    def paper_and_ink(self) -> dict[str, float]:
        """What stays white, rightly and wrongly, and the tint of ink."""
        votes, white = (each[self.regions.labels] for each in
                        (self.known.votes, self.regions.white))
        is_white = (self.truth >= WHITE).all(2) & ~self.paper & self.seen
        drawn = ~self.paper & self.seen & ~is_white
        kept = (votes[is_white] >= WHITE).all(1).mean() if is_white.sum() > 500 else np.nan
        count = np.bincount(self.regions.labels[drawn], minlength=len(self.regions.white))
        wrongly = self.regions.white & (count > 0.5 * self.regions.area)
        tint = np.ptp(flat_color.paint(self.page, self.regions, self.known.votes)
                      [self.page < INK].astype(int), axis=1)
        return {"paper kept": white[self.paper & self.seen].mean(), "white kept": kept,
                "false whites": float(wrongly.sum()), "false white area": white[drawn].mean(),
                "ink chroma": tint.mean(), "99th": np.percentile(tint, 99)}


def draw(page: Page, file: str) -> None:
    """Draws a page, the page untold, with ten clicks, and its truth, side by side."""
    told = [flat_color.paint(page.page, told.regions, told.votes)
            for told in page.click(page.known.votes, (10,))]
    truth = pixels.scale(page.truth, page.page.shape)
    row = np.hstack([np.dstack([page.page] * 3), *told, truth])
    cv2.imwrite(file, row[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


def _figure(resampling: Resampling, values: np.ndarray, divisors: np.ndarray | None,
            form: str) -> str:
    """Writes the mean over pages, or the mean over another one, with its interval."""
    mean = values.mean() if divisors is None else values.mean() / divisors.mean()
    low, high = resampling.interval(values, divisors) or (np.nan, np.nan)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def print_row(name: str, count: int, scores: list[dict[str, float]], white: np.ndarray,
              blank: np.ndarray) -> None:
    """Prints a row of the table: the scores of all pages after so many clicks.

    Args:
        white, blank: L1 of white paper and of blank paper, a number for each page.
    """
    resampling = Resampling(range(len(scores)))
    l1, apart, colorful, true = (np.array([score[key] for score in scores])
                                 for key in ("l1", "ciede2000", "colourfulness", "true"))
    shown = [(l1, None, ".2f"), (l1, white, ".3f"), (l1, blank, ".3f"), (apart, None, ".2f"),
             (colorful, true, ".2f")]
    print(f"| {name} | {count} |", " | ".join(_figure(resampling, *each) for each in shown), "|")


def main(options: argparse.Namespace) -> None:
    """Prints the tables."""
    cv2.setNumThreads(1)
    models = colorize.Models(colorize.Model.load(options.model), memory=colorize.PageMemory())
    pages = [Page(cv2.imread(name)[..., ::-1].copy(), seed, models)
             for seed, name in enumerate(options.pictures)]
    if options.draw:
        draw(pages[0], options.draw)
    under = [np.minimum(page.wanted / np.maximum(page.shade, 0.1), 255)
             [~page.regions.white[page.regions.labels[page.seen]]] for page in pages]
    single = tuple(np.median(np.concatenate(under), axis=0).astype(int).tolist())
    starts = {"white page": lambda page: page.of_one_color((255, 255, 255)),
              "constant tan": lambda page: page.of_one_color(TAN),
              f"best single colour {single}": lambda page: page.of_one_color(single),
              "model": lambda page: page.known.votes}
    print(f"{len(pages)} pages; {provenance()}")
    print("| start | clicks | L1 | share of white | of blank paper | CIEDE2000 | colourfulness |\n"
          "|---|---:|---:|---:|---:|---:|---:|")
    white, blank = (np.array([of_paper(page) for page in pages])
                    for of_paper in (Page.of_white_paper, Page.of_blank_paper))
    for name, start in starts.items():
        clicks = CLICKS if name in ("white page", "model") else CLICKS[:1]
        curves = [[page.score(told)
                   for told in page.click(start(page), clicks, not options.whole)]
                  for page in pages]
        for count, *scores in zip(clicks, *curves, strict=True):
            print_row(name, count, scores, white, blank)
    if options.moods:
        known = colorize.Model.load(options.moods).moods
        scores = [page.in_best_mood(known) for page in pages]
        print_row(f"model, the best of {len(known)} moods", 0, scores, white, blank)
    rows = [page.paper_and_ink() | page.likely(models) for page in pages]
    print("\n" + ", ".join(f"{key} {np.nanmean([row[key] for row in rows]):.3f}"
                           for key in rows[0]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--draw", metavar="FILE.jpg")
    parser.add_argument("--moods", type=Path, metavar="MODEL", help="one that knows moods")
    parser.add_argument("--whole", action="store_true", help="click no region twice")
    main(parser.parse_args())
