"""A small run of everything: from a drawn episode to coloured frames, and a check of the result."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from keras_colorize import media
from keras_colorize.data.dataset import Dataset
from keras_colorize.errors import ColorizeError, shell_line
from keras_colorize.image import figures

MODELS = ("convnet_gray", "gan_gray")
EPOCHS = 16
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
    frame, truth = most_colourful_test_frame(data)
    gray = folder / "gray.png"
    media.write_picture(gray, frame)
    rows = {"input": [frame]}
    for name, run_dir in runs.items():
        run("export", run_dir, "--out", folder / "models" / name)
        run("colorize", folder / "models" / name, gray, "--out", folder / "colored" / name)
        rows[name] = [media.read_picture(folder / "colored" / name / gray.name)]
    figures.picture_grid(folder / "before_after.png", {**rows, "truth": [truth]})
    print(f"\n{(report / 'table1.md').read_text(encoding='utf-8')}")
    print(f"before and after: {folder / 'before_after.png'}\n"
          f"more test frames: {report / 'pictures_gray.png'}\n"
          f"the losses: {shell_line('tensorboard', '--logdir', folder / 'runs')}")
    sys.stdout.flush()
    check_learned(report)


def most_colourful_test_frame(data: Path):
    """Finds the test frame whose gray picture is furthest from it; training has not seen its shot.

    Returns the gray picture, uint8 [h, w], and the true one, uint8 [h, w, 3].
    """
    def missed(pair) -> float:
        gray, truth = pair
        return abs(truth.astype(float) - gray).mean()

    batches = Dataset(data, "gray", batch_size=1).pictures("test").as_numpy_iterator()
    gray, truth = max(((gray[0], truth[0]) for gray, truth in batches), key=missed)
    return gray[..., 0], truth


def check_learned(report: Path) -> None:
    """Raises ColorizeError where a run of a report is not better than `GATE` of the gray input."""
    rows = json.loads((report / "metrics.json").read_text(encoding="utf-8"))["rows"]
    untouched = next(row["l1"] for row in rows if row["model"] == "input")
    for row in rows:
        if row["run"] and row["l1"] > GATE * untouched:
            raise ColorizeError(row["run"], f"has L1 {row['l1']:.2f} on the test frames, above "
                                f"{GATE} of the gray picture's {untouched:.2f}",
                                "the models did not learn this episode; please report it")
