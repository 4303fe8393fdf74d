"""Checkpoints: all that decides how training goes on, written whole or not at all."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras

from keras_colorize.errors import RunError
from keras_colorize.files import whole_folder, write_json

KEPT = 2
WEIGHTS, POSITION = "model.weights.h5", "position.json"


@dataclass
class Position:
    """Where training stands."""

    epoch: int = 0
    """Epochs done."""
    batch: int = 0
    """Batches done of the epoch after them."""
    step: int = 0
    """Batches done since the run began."""
    means: dict[str, list[float]] = field(default_factory=dict)
    """The sum and count behind each loss's mean over the unfinished epoch."""


def save(folder: Path, model: keras.Model, position: Position) -> None:
    """Writes the weights, the optimiser's state and the position as `folder/step-N`.

    The last `KEPT` checkpoints stay, older ones go.
    """
    position.means = {mean.name: [float(value) for value in mean.variables]
                      for mean in model.means}
    with whole_folder(folder / f"step-{position.step:08d}") as temporary:
        model.save_weights(temporary / WEIGHTS)
        write_json(temporary / POSITION, asdict(position))
    for old in _all(folder)[:-KEPT]:
        shutil.rmtree(old)


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint in `folder`, or None."""
    return _all(folder)[-1] if _all(folder) else None


def restore(checkpoint: Path, model: keras.Model) -> Position:
    """Loads weights and optimiser state into `model`, whose optimiser is built, and returns where.

    Raises:
        RunError: the checkpoint is damaged or of another model.
    """
    try:
        position = Position(**json.loads((checkpoint / POSITION).read_text(encoding="utf-8")))
        model.load_weights(checkpoint / WEIGHTS)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(checkpoint, f"cannot be restored ({str(error).splitlines()[0]})",
                       "remove it, and the same command continues from the one before") from error
    return position


def restore_means(model: keras.Model, position: Position) -> None:
    """Gives the epoch's means back what they had gathered when an epoch was left half done."""
    for mean in model.means:
        for variable, value in zip(mean.variables, position.means[mean.name], strict=True):
            variable.assign(value)


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))
