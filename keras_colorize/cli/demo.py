"""A small run of everything: from a drawn episode to coloured frames, and a check of the result."""

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_colorize import media
from keras_colorize.cartoon import episode, manga
from keras_colorize.data.dataset import Dataset
from keras_colorize.errors import ColorizeError, shell_line
from keras_colorize.evaluation import tables
from keras_colorize.image import figures, pixels
from keras_colorize.media import web_page

MODELS = ("convnet_gray", "gan_gray")
EPOCHS = 16
HINTS = "hints.png"
DOTS, DOT = 24, 8  # of true colours that the page is told, and their radius in pixels
INK, PAPER = 60, 250  # of 255: the page's lines and margins get no dot
GATE = 0.6  # the share of the gray picture's error that a model may have at most


def demonstrate(folder: Path, command: Callable[[list[str]], int]) -> None:
    """Draws, builds, trains, evaluates, exports and colours, each with the command that users type.

    Args:
        folder: where everything goes; a second call continues what was cut short.
        command: runs `keras-colorize` with some arguments and returns its exit code.

    Raises:
        ColorizeError: a step failed, or a model's test L1 is above `GATE` of the gray picture's.
    """
    def run(*arguments: object) -> None:
        line = [str(argument) for argument in arguments]
        print("\n$ " + shell_line("keras-colorize", *arguments), flush=True)
        if command(line):
            raise ColorizeError(f"keras-colorize {line[0]}", "failed",
                                "mend what the line above says, then run the demo again")

    film, data, report = folder / "episode.mp4", folder / "dataset", folder / "report"
    runs = {name: folder / "runs" / name for name in MODELS}
    folder.mkdir(parents=True, exist_ok=True)
    run("draw-episode", film)
    run("build-tfrecords", film, "--every", 6, "--size", "90x160", "--out", data)
    for name, run_dir in runs.items():
        run("train", f"cpu/{name}", "--data", data, "--out", run_dir, "--set",
            f"train.epochs={EPOCHS}")
    run("evaluate", *runs.values(), "--data", data, "--out", report)
    frames = colourful_test_frames(data)
    gray = folder / "gray.png"
    media.write_picture(gray, frames[0].gray)
    large = large_pictures(frames, folder)
    rows = {"input": [frames[0].gray]}
    for name, run_dir in runs.items():
        run("export", run_dir, "--out", folder / "models" / name)
        run("colorize", folder / "models" / name, gray, *large, "--out", folder / "colored" / name)
        rows[name] = [media.read_picture(folder / "colored" / name / gray.name)]
    run("colorize", large[0], "--hints", draw_hints(folder), "--out", folder / "colored" / "told")
    figures.picture_grid(folder / "before_after.png", {**rows, "truth": [frames[0].color]})
    print(f"\n{(report / 'table1.md').read_text(encoding='utf-8')}")
    write_page(folder, large)
    print(f"look at this page in a browser: {folder / 'demo.html'}\n"
          f"the losses: {shell_line('tensorboard', '--logdir', folder / 'runs')}")
    sys.stdout.flush()
    check_learned(report)


class UnseenFrame(NamedTuple):
    """A frame of a shot that training has not seen."""

    number: int
    gray: np.ndarray
    """uint8 [h, w]."""
    color: np.ndarray
    """uint8 [h, w, 3]."""


def colourful_test_frames(data: Path) -> list[UnseenFrame]:
    """Finds in each test shot the frame whose gray picture is furthest from it, the furthest first.

    The shots are only those of one film.
    """
    def missed(frame: UnseenFrame) -> float:
        return abs(frame.color.astype(float) - frame.gray[..., None]).mean()

    dataset, best = Dataset(data, "gray", batch_size=1), {}
    pictures = dataset.pictures("test").as_numpy_iterator()
    for place, (gray, color) in zip(dataset.places("test"), pictures, strict=True):
        frame = UnseenFrame(place.frame, gray[0, ..., 0], color[0])
        best[place.shot] = max(best.get(place.shot, frame), frame, key=missed)
    return sorted(best.values(), key=missed, reverse=True)


def large_pictures(frames: list[UnseenFrame], folder: Path) -> list[Path]:
    """Draws a large frame and a page of the frames, and writes both in colour and in gray.

    Returns the gray files: `frame.png` and `page.png` in the folder `gray`.
    """
    numbers = [frame.number for frame in frames]
    panels = list(itertools.islice(itertools.cycle(numbers), len(episode.PANELS)))
    large = {"page": episode.draw_page(panels), "frame": episode.draw_large_frame(numbers[0])}
    for name, picture in large.items():
        media.write_picture(folder / "truth" / f"{name}.png", picture)
        media.write_picture(folder / "gray" / f"{name}.png", pixels.gray(picture))
    return [folder / "gray" / f"{name}.png" for name in large]


def draw_hints(folder: Path) -> Path:
    """Draws dots of true colours for the page, as a user would, and returns the file."""
    truth = media.read_picture(folder / "truth" / "page.png")
    luminance = pixels.gray(truth)
    dots = manga.dots(truth, (luminance > INK) & (luminance < PAPER), DOTS, DOT)
    file = folder / HINTS
    file.write_bytes(media.Style("PNG").encode(dots[..., :3], dots[..., 3], file))
    return file


def write_page(folder: Path, large: list[Path]) -> None:
    """Writes `demo.html`: large pictures before and after, the figures and the losses."""
    report = json.loads((folder / "report" / "metrics.json").read_text(encoding="utf-8"))
    columns = ("l1", "l2", "ciede2000", tables.RATIO)
    pictures = {gray.stem: [("gray", gray), *(
        (f"coloured by {name}", folder / "colored" / name / gray.name)
        for name in reversed(MODELS)), ("the truth", folder / "truth" / gray.name)]
        for gray in large}
    pictures["page"].insert(1, (f"told {DOTS} dots of colour", folder / "colored" / "told"
                                / "page.png"))
    web_page.write(
        folder / "demo.html", Path(__file__).with_name("demo.html"),
        title="What the demo learned", pictures=pictures, hints=str(folder / HINTS),
        header=["model", *(tables.COLUMNS[name][0] for name in columns)],
        rows=[[tables.title(row), *(tables.cell(row, name) for name in columns)]
              for row in report["rows"]],
        curves=[(path.stem, path) for path in sorted((folder / "report").glob("*loss.png"))],
        models=[str(folder / "models" / name) for name in MODELS])


def check_learned(report: Path) -> None:
    """Raises ColorizeError where a run of a report is not better than `GATE` of the gray input."""
    rows = json.loads((report / "metrics.json").read_text(encoding="utf-8"))["rows"]
    untouched = next(row["l1"] for row in rows if row["model"] == "input")
    for row in rows:
        if row["run"] and row["l1"] > GATE * untouched:
            raise ColorizeError(row["run"], f"has L1 {row['l1']:.2f} on the test frames, above "
                                f"{GATE} of the gray picture's {untouched:.2f}",
                                "the models did not learn this episode; please report it")
