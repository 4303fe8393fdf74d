"""What came of a run, in one screen and one picture: epochs, speed, validation L1, loss curves."""

import csv
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np

from keras_colorize import media
from keras_colorize.image import figures
from keras_colorize.training import checkpoints, tensorboard

TITLES = {"loss": "ConvNet loss", "d_loss": "D loss", "g_loss": "G loss"}  # figures 7, 8 and 9
Curve = tuple[list[int], list[float]]
"""Steps, and the values there."""


def summarize(run_dir: Path, seconds: float) -> str:
    """Draws `losses.png` of a run that finished an epoch, and returns what to tell its user.

    Args:
        seconds: how long this start of the run took.
    """
    with open(run_dir / "history.csv", newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    best, position = checkpoints.best(run_dir), checkpoints.position_of(
        checkpoints.latest(run_dir / checkpoints.FOLDER))
    drawn = draw_losses(run_dir)
    return (f"{last['epoch']} epochs, {position.step} batches; "
            f"this start took {timedelta(seconds=round(seconds))}, its last epoch "
            f"{float(last['epoch/images_per_second']):.1f} images/s\n"
            f"validation L1, on [-1, 1]: {float(last['validation/epoch/l1']):.4f} at the end, "
            f"{best['l1']:.4f} at its best, after epoch {best['epoch']} "
            f"({run_dir / checkpoints.BEST})\n"
            f"loss curves: {drawn}")


def draw_losses(run_dir: Path) -> Path:
    """Draws the losses of a run per epoch and per batch, one below the other, as `losses.png`."""
    panels = []
    with tempfile.TemporaryDirectory() as folder:
        for loss, curves in logged_losses(run_dir).items():
            path = Path(folder) / f"{loss}.png"
            figures.loss_curves(path, TITLES[loss], *curves)
            panels.append(media.read_picture(path))
    media.write_picture(run_dir / "losses.png", np.vstack(panels))
    return run_dir / "losses.png"


def logged_losses(run_dir: Path) -> dict[str, tuple[dict[str, Curve], Curve]]:
    """What `figures.loss_curves` draws of each loss in `TITLES` that a run has logged."""
    logged = {writer: tensorboard.read_scalars(run_dir / "tensorboard" / writer)
              for writer in ("train", "validation")}
    return {loss: ({writer: values[f"epoch/{loss}"] for writer, values in logged.items()
                    if f"epoch/{loss}" in values}, logged["train"][f"batch/{loss}"])
            for loss in TITLES if f"batch/{loss}" in logged["train"]}
