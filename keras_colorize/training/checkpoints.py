"""Checkpoints, and the networks beside them: written whole, in a thread of their own."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NotRequired, TypedDict

import keras

from keras_colorize.config import TrainConfig
from keras_colorize.errors import RunError, first_line
from keras_colorize.files import read_json, whole_file, whole_folder, write_json
from keras_colorize.training.devices import alone

KEPT = TrainConfig.checkpoints_kept
FOLDER = "checkpoints"  # of a run directory
WEIGHTS, POSITION = "model.weights.h5", "position.json"
UNVALIDATED = "-unvalidated"  # ends the name of one made after an epoch's last batch
BEST, BEST_FILE, BEST_NEXT = "best", "best.json", ".best.next"
REMEDY = "remove {}, and the same command continues from the one before"


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


class Best(TypedDict):
    """The best epoch of a run, with its validation L1 on values in [-1, 1], as in `best.json`.

    Where epochs are made equally vivid, `ciede2000` of their pictures then decides in place of L1,
    which is lower where pictures are paler.
    """

    epoch: int
    step: int
    l1: float
    ciede2000: NotRequired[float]


class Keeper:
    """Writes the files of a run in a thread of its own, from a copy of the model in training.

    It writes one thing after the other. A checkpoint says that an epoch is done, so it comes after
    everything else of that epoch. The next call raises an error in writing.

    Args:
        copy: the same model, for one device, whatever the run trains on.
        networks: of the same shapes, as they go into files: without precision and average.
        kept: how many checkpoints stay.
        finish: is called with the generator before it goes into its file; gives its CIEDE2000, or
            None where it does not measure it.
    """

    def __init__(self, run_dir: Path, copy: keras.Model, networks: dict[str, keras.Model],
                 kept: int = KEPT, finish: Callable[[keras.Model], float | None] | None = None):
        self.run_dir, self.copy, self.networks, self.kept = run_dir, copy, networks, kept
        self.finish = finish
        self._writing = Future()
        self._writing.set_result(None)

    @contextmanager
    def writing(self, log) -> Iterator[None]:
        """Starts the thread; all is written at the end, the `callbacks.Log` before checkpoints."""
        self.log, self.best = log, best(self.run_dir)
        with ThreadPoolExecutor(1, "keeper") as self._pool:
            yield
            self.wait()

    def keep(self, model: keras.Model, position: Position, validated: bool = True) -> None:
        """Writes a checkpoint of the model as it is now; arguments as of `save`."""
        self._take(model)
        self._writing = self._pool.submit(self._write, replace(position), validated)

    def keep_epoch(self, model: keras.Model, position: Position, l1: float) -> None:
        """Writes the networks and pictures of an epoch, then a checkpoint.

        The networks are `generator.keras` and, of a GAN, `discriminator.keras`. `best/` has them
        from after the best epoch, as `Best` says.
        """
        self._take(model)
        self._writing = self._pool.submit(self._write_epoch, replace(position), l1)

    def wait(self) -> None:
        """Returns once all is written."""
        self._writing.result()

    def check(self) -> None:
        """Raises an error in writing, if there is one by now."""
        if self._writing.done():
            self._writing.result()

    def _take(self, model: keras.Model) -> None:
        self.wait()
        copied, trained = ([*each.variables, *each.optimizer.variables]
                           for each in (self.copy, model))
        with alone():
            for variable, value in zip(copied, trained, strict=True):
                variable.assign(keras.ops.convert_to_numpy(value))

    def _write_epoch(self, position: Position, l1: float) -> None:
        trained = {"generator": self.copy.final_generator,
                   "discriminator": getattr(self.copy, "discriminator", None)}
        epoch = Best(epoch=position.epoch, step=position.step, l1=l1)
        for name, network in self.networks.items():
            network.set_weights(trained[name].get_weights())
            if name == "generator" and self.finish:
                distance = self.finish(network)
                if distance is not None:
                    epoch["ciede2000"] = distance
            with whole_file(self.run_dir / f"{name}.keras") as temporary:
                network.save(temporary)
        by = "ciede2000" if "ciede2000" in epoch and "ciede2000" in (self.best or epoch) else "l1"
        if self.best is None or epoch[by] < self.best[by]:
            self.best = epoch
            save_best(self.run_dir, self.networks, epoch)
        self.log.draw(position.epoch, self.networks["generator"])
        self._write(position, True)

    def _write(self, position: Position, validated: bool) -> None:
        self.log.flush()
        save(self.run_dir, self.copy, position, validated, self.kept)


def save(run_dir: Path, model: keras.Model, position: Position, validated: bool = True,
         kept: int = KEPT) -> None:
    """Writes the weights, the optimiser's state and the position as `checkpoints/step-N`.

    A checkpoint of this step that is there already is the same, and stays, as do the last `kept`.

    Args:
        validated: False where the batches of an epoch are done and its validation is not.
    """
    path = run_dir / FOLDER / f"step-{position.step:08d}{'' if validated else UNVALIDATED}"
    if not path.exists():
        with whole_folder(path) as temporary:
            model.save_weights(temporary / WEIGHTS)
            write_json(temporary / POSITION, asdict(position))
    for old in _all(run_dir)[:-kept]:
        shutil.rmtree(old)


def latest(run_dir: Path) -> Path | None:
    """Finds the newest whole checkpoint of a run, or None."""
    return next(reversed(_all(run_dir)), None)


def step_of(checkpoint: Path | None) -> int:
    """Reads from a checkpoint's name how many batches were done; without one, 0."""
    return int(checkpoint.name.split("-")[1]) if checkpoint else 0


def restore(checkpoint: Path, model: keras.Model) -> Position:
    """Loads a checkpoint into `model`, whose optimiser is built, and returns where training stood.

    Raises RunError where it is damaged or of another model.
    """
    position = position_of(checkpoint)
    try:
        model.load_weights(checkpoint / WEIGHTS)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(checkpoint, f"cannot be restored ({first_line(error)})",
                       REMEDY.format("it")) from error
    return position


def restore_newest(run_dir: Path, model: keras.Model, first: bool = True) -> Position:
    """Restores the newest whole checkpoint, if there is one, and returns where training stands.

    Args:
        first: whether to report the damaged ones, and to rename them, so that the run can write
            these steps again.

    Raises:
        RunError: all are damaged, or of another model.
    """
    damaged = []
    for checkpoint in reversed(_all(run_dir)):
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
        aside = checkpoint.with_name(f"damaged-{checkpoint.name}")
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(checkpoint, aside)
    return position


def epochs_done(run_dir: Path) -> int:
    """Reads from the newest readable checkpoint how many epochs are done."""
    for checkpoint in reversed(_all(run_dir)):
        with suppress(RunError):
            return position_of(checkpoint).epoch
    return 0


def position_of(checkpoint: Path) -> Position:
    """Reads where training stood at a checkpoint; raises RunError where that is damaged."""
    return read_json(checkpoint / POSITION, Position, RunError, REMEDY.format(checkpoint))


def means_of(model: keras.Model) -> dict[str, list[float]]:
    """Returns what the epoch's means have added up so far."""
    return {mean.name: [float(keras.ops.convert_to_numpy(part)) for part in mean.variables]
            for mean in model.means}


def restore_means(model: keras.Model, position: Position) -> None:
    """Sets the means of an epoch that was left half done to what they had added up."""
    for mean in model.means:
        for variable, value in zip(mean.variables, position.means.get(mean.name, ()), strict=False):
            variable.assign(value)


def sync(model: keras.Model) -> None:
    """Gives variables their values in mid-epoch; on JAX they have them between epochs alone."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def save_best(run_dir: Path, names: Iterable[str], epoch: Best) -> None:
    """Copies the networks just saved in `run_dir` to its `best/`, with `best.json`, all or none."""
    with whole_folder(run_dir / BEST_NEXT) as temporary:
        for name in names:
            shutil.copyfile(run_dir / f"{name}.keras", temporary / f"{name}.keras")
        write_json(temporary / BEST_FILE, epoch)
    finish_best(run_dir)


def finish_best(run_dir: Path) -> None:
    """Moves the result of `save_best` to its final name; a killed run may have left it."""
    if (run_dir / BEST_NEXT).is_dir():
        old = run_dir / f".{BEST}.partial"  # a name that the next start clears
        if (run_dir / BEST).is_dir():
            os.replace(run_dir / BEST, old)
        os.replace(run_dir / BEST_NEXT, run_dir / BEST)
        shutil.rmtree(old, ignore_errors=True)


def best(run_dir: Path) -> Best | None:
    """Reads `best.json`: None where no epoch was finished; raises RunError where it is damaged."""
    path = run_dir / BEST / BEST_FILE
    remedy = f"remove {path.parent} to choose anew from here on"
    return read_json(path, Best, RunError, remedy) if path.exists() else None


def _all(run_dir: Path) -> list[Path]:
    """Lists the checkpoints of a run, oldest first; of one step the unvalidated one is older."""
    return sorted((run_dir / FOLDER).glob("step-*"), key=lambda path: (
        path.name.removesuffix(UNVALIDATED), not path.name.endswith(UNVALIDATED)))
