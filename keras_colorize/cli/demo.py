"""A small run of everything: from a drawn episode to coloured frames, and a check of the result."""

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.data.dataset import Dataset
from keras_colorize.errors import ColorizeError, shell_line
from keras_colorize.image import pixels
from keras_colorize.media import web_page

MODELS = ("convnet_gray", "gan_gray")
EPOCHS = 16
LARGE = (720, 1280)  # of the frame that is shown
PANEL, MARGIN = (340, 600), 30  # pixels, of a page
SHOWN = {"page.png": "A page of unseen shots", "frame.png": "A frame of an unseen shot"}
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
    frames, gray = unseen_frames(data), folder / "gray"
    truths = {"frame.png": draw_large(frames[0], LARGE), "page.png": draw_page(frames)}
    for name, truth in truths.items():
        media.write_picture(folder / "truth" / name, truth)
        media.write_picture(gray / name, pixels.gray(truth))
    for name, run_dir in runs.items():
        run("export", run_dir, "--out", folder / "models" / name)
        run("colorize", folder / "models" / name, gray, "--out", folder / "colored" / name)
    table = (report / "table1.md").read_text(encoding="utf-8")
    by = {"before": gray, **{f"after, by {name}": folder / "colored" / name for name in runs},
          "the truth": folder / "truth"}
    web_page.write(
        folder / "demo.html", Path(__file__).with_suffix(".html"), title="What the demo learned",
        shown={title: {who: place / name for who, place in by.items()}
               for name, title in SHOWN.items()},
        more=report / "pictures_gray.png", table=table)
    print(f"\n{table}")
    print(f"the losses: {shell_line('tensorboard', '--logdir', folder / 'runs')}\n"
          f"before and after, in your browser: {folder / 'demo.html'}")
    sys.stdout.flush()
    check_learned(report)


def unseen_frames(data: Path) -> list[int]:
    """Finds the frame of each test shot that its gray picture misses most, the most missed first.

    Training has seen none of these shots.
    """
    dataset, most = Dataset(data, "gray", batch_size=16), {}
    missed = np.concatenate([np.abs(truth.astype(float) - gray).mean(axis=(1, 2, 3))
                             for gray, truth in dataset.pictures("test").as_numpy_iterator()])
    for place, value in zip(dataset.places("test"), missed, strict=True):
        most[place.shot] = max(most.get(place.shot, (0.0, 0)), (value, place.frame))
    return [frame for _, frame in sorted(most.values(), reverse=True)]


def draw_large(frame: int, size: tuple[int, int]) -> np.ndarray:
    """Draws a frame of the episode at a height and width, uint8 RGB."""
    return cv2.resize(episode.draw_frame(frame), size[::-1], interpolation=cv2.INTER_CUBIC)


def draw_page(frames: list[int]) -> np.ndarray:
    """Lays frames out as a comic page: a wide panel, and pairs below it, uint8 RGB [h, w, 3]."""
    height, width = PANEL
    page = np.full((MARGIN + 3 * (height + MARGIN) + height, 3 * MARGIN + 2 * width, 3), 255,
                   np.uint8)
    wide = (2 * height, 2 * width + MARGIN)
    places = [(MARGIN, MARGIN, wide), *((2 * MARGIN + 2 * height + row * (height + MARGIN),
                                         MARGIN + column * (width + MARGIN), PANEL)
                                        for row in range(2) for column in range(2))]
    for frame, (top, left, size) in zip(itertools.cycle(frames), places, strict=False):
        page[top:top + size[0], left:left + size[1]] = draw_large(frame, size)
    return page


def check_learned(report: Path) -> None:
    """Raises ColorizeError where a run of a report is not better than `GATE` of the gray input."""
    rows = json.loads((report / "metrics.json").read_text(encoding="utf-8"))["rows"]
    untouched = next(row["l1"] for row in rows if row["model"] == "input")
    for row in rows:
        if row["run"] and row["l1"] > GATE * untouched:
            raise ColorizeError(row["run"], f"has L1 {row['l1']:.2f} on the test frames, above "
                                f"{GATE} of the gray picture's {untouched:.2f}",
                                "the models did not learn this episode; please report it")
