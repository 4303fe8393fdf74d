"""Checkpoints: all that decides how training goes on, and the best networks, written whole."""

import json
import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras

from keras_colorize.config import TrainConfig
from keras_colorize.errors import RunError, first_line
from keras_colorize.files import whole_folder, write_json

KEPT = TrainConfig.checkpoints_kept
FOLDER = "checkpoints"  # of a run directory
WEIGHTS, POSITION = "model.weights.h5", "position.json"
UNVALIDATED = "-unvalidated"  # ends the name of one made after an epoch's last batch
BEST, BEST_SAID, BEST_NEXT = "best", "best.json", ".best.next"


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
    """The sum and count behind each value's mean over the unfinished epoch."""
    seconds: float = field(default=0.0, compare=False)
    """How long the batches of the unfinished epoch took."""


def save(folder: Path, model: keras.Model, position: Position, validated: bool = True,
         kept: int = KEPT) -> None:
    """Writes the weights, the optimiser's state and the position as `folder/step-N`.

    One that is there already is the same.

    Args:
        validated: False where the batches of an epoch are done and its validation is not.
        kept: how many checkpoints stay, the last ones; older ones go.
    """
    path = folder / f"step-{position.step:08d}{'' if validated else UNVALIDATED}"
    if not path.exists():
        with whole_folder(path) as temporary:
            model.save_weights(temporary / WEIGHTS)
            write_json(temporary / POSITION, asdict(position))
    for old in _all(folder)[:-kept]:
        shutil.rmtree(old)


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint in `folder`, or None."""
    return _all(folder)[-1] if _all(folder) else None


def step_of(checkpoint: Path) -> int:
    """How many batches were done, by a checkpoint's name."""
    return int(checkpoint.name.split("-")[1])


def restore(checkpoint: Path, model: keras.Model) -> Position:
    """Loads weights and optimiser state into `model`, whose optimiser is built, and returns where.

    Raises:
        RunError: the checkpoint is damaged or of another model.
    """
    position = position_of(checkpoint)
    try:
        model.load_weights(checkpoint / WEIGHTS)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _damaged(checkpoint, error) from error
    return position


def restore_newest(folder: Path, model: keras.Model, first: bool = True) -> Position:
    """Restores the newest checkpoint that is whole; where training stands without any.

    Args:
        first: whether to say which are damaged, and to rename them, so that those numbers are
            written again.

    Raises:
        RunError: all are damaged, or of another model.
    """
    damaged = []
    for checkpoint in reversed(_all(folder)):
        try:
            position = restore(checkpoint, model)
            break
        except RunError as error:
            damaged.append((checkpoint, error))
    else:
        if damaged:
            raise damaged[0][1]
        return Position()
    for checkpoint, error in damaged if first else ():
        print(f"warning: {error.where}: {error.what}; going on from the one before, "
              f"{position.step} batches", file=sys.stderr, flush=True)
        aside = folder / f"damaged-{checkpoint.name}"
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(checkpoint, aside)
    return position


def epochs_done(folder: Path) -> int:
    """How many epochs are done, by the newest checkpoint that tells."""
    for checkpoint in reversed(_all(folder)):
        with suppress(RunError):
            return position_of(checkpoint).epoch
    return 0


def position_of(checkpoint: Path) -> Position:
    """Where training stood when a checkpoint was made.

    Raises:
        RunError: the checkpoint is damaged.
    """
    try:
        return Position(**json.loads((checkpoint / POSITION).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(checkpoint, error) from error


def means_of(model: keras.Model) -> dict[str, list[float]]:
    """What the epoch's means have gathered."""
    return {mean.name: [float(keras.ops.convert_to_numpy(part)) for part in mean.variables]
            for mean in model.means}


def restore_means(model: keras.Model, position: Position) -> None:
    """Gives the epoch's means back what they had gathered when an epoch was left half done."""
    for mean in model.means:
        for variable, value in zip(mean.variables, position.means.get(mean.name, ()), strict=False):
            variable.assign(value)


def sync(model: keras.Model) -> None:
    """Gives variables their values in mid-epoch, which on JAX they have between epochs alone."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def save_best(run_dir: Path, names: Iterable[str], position: Position, l1: float) -> None:
    """Copies networks just saved in `run_dir` to its `best/`, in place of those there, all or none.

    It holds `generator.keras`, `discriminator.keras` of a GAN, and `best.json`: the `epoch` and
    `step` after which they were saved, and their validation `l1` on values in [-1, 1].
    """
    with whole_folder(run_dir / BEST_NEXT) as temporary:
        for name in names:
            shutil.copyfile(run_dir / f"{name}.keras", temporary / f"{name}.keras")
        write_json(temporary / BEST_SAID,
                   {"epoch": position.epoch, "step": position.step, "l1": l1})
    finish_best(run_dir)


def finish_best(run_dir: Path) -> None:
    """Moves what `save_best` wrote to its final name; also what a killed one did not move."""
    if (run_dir / BEST_NEXT).is_dir():
        old = run_dir / f".{BEST}.partial"  # a name that the next start clears
        if (run_dir / BEST).is_dir():
            os.replace(run_dir / BEST, old)
        os.replace(run_dir / BEST_NEXT, run_dir / BEST)
        shutil.rmtree(old, ignore_errors=True)


def best(run_dir: Path) -> dict | None:
    """What `best.json` of a run says, or None where no epoch was finished.

    Raises:
        RunError: it is damaged.
    """
    path = run_dir / BEST / BEST_SAID
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {key: said[key] for key in ("epoch", "step", "l1")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(path, "is damaged", f"remove {path.parent} to choose anew from here on",
                       ) from error


def _damaged(checkpoint: Path, error: Exception) -> RunError:
    return RunError(checkpoint, f"cannot be restored ({first_line(error)})",
                    "remove it, and the same command continues from the one before")


def _all(folder: Path) -> list[Path]:
    def age(path: Path) -> tuple[str, bool]:
        return path.name.removesuffix(UNVALIDATED), not path.name.endswith(UNVALIDATED)

    return sorted(folder.glob("step-*"), key=age)
