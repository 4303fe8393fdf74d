"""What a run leaves on disk, written beside the training: networks, pictures, checkpoints."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from keras_colorize import media
from keras_colorize.files import whole_file
from keras_colorize.image import figures, pixels
from keras_colorize.training import checkpoints, tensorboard
from keras_colorize.training.checkpoints import Position
from keras_colorize.training.devices import alone

SHOWN = 6  # validation pictures


class Keeper:
    """Writes what a run keeps in a thread of its own, from a copy of the model in training.

    One thing is written after the other, so that a checkpoint, which says that an epoch is done, is
    there only once all else of it is. An error in writing is raised by the next call.

    Args:
        copy: the same model, for one device, whatever it is trained on.
        networks: of the same shapes, as files are to have them: untouched by precision and average.
        logs: of "train" and "validation", brought to disk before each checkpoint.
        batch: float32 conditions [n, h, w, 1] and colours [n, h, w, 3] in [-1, 1], of which the
            first few are drawn after every epoch: condition, output and truth.
        kept: how many checkpoints stay.
    """

    def __init__(self, run_dir: Path, copy: keras.Model, networks: dict[str, keras.Model],
                 logs: dict[str, tensorboard.EventLog], batch, kept: int, pool: ThreadPoolExecutor):
        self.run_dir, self.copy, self.networks = run_dir, copy, networks
        self.logs, self.kept = logs, kept
        self.condition, self.color = (np.asarray(each)[:SHOWN] for each in batch)
        self.best = checkpoints.best(run_dir)
        self._pool, self._writing = pool, Future()
        self._writing.set_result(None)

    def keep(self, model: keras.Model, position: Position, validated: bool = True) -> None:
        """Has a checkpoint written of the model as it is now; arguments as of `checkpoints.save`"""
        self._take(model)
        self._writing = self._pool.submit(self._write, replace(position), validated)

    def keep_epoch(self, model: keras.Model, position: Position, l1: float) -> None:
        """Has written what an epoch leaves: networks, pictures, then a checkpoint.

        The networks are `generator.keras` and `discriminator.keras` of a GAN, and in `best/` as
        they were after the epoch with the lowest validation `l1`.
        """
        self._take(model)
        self._writing = self._pool.submit(self._write_epoch, replace(position), l1)

    def wait(self) -> None:
        """Returns once all is written."""
        self._writing.result()

    def check(self) -> None:
        """Raises what went wrong in writing, if it is known by now."""
        if self._writing.done():
            self._writing.result()

    def _take(self, model: keras.Model) -> None:
        self.wait()
        with alone():
            for copied, variable in zip(_state_of(self.copy), _state_of(model), strict=True):
                copied.assign(keras.ops.convert_to_numpy(variable))

    def _write_epoch(self, position: Position, l1: float) -> None:
        trained = {"generator": self.copy.final_generator,
                   "discriminator": getattr(self.copy, "discriminator", None)}
        for name, network in self.networks.items():
            network.set_weights(trained[name].get_weights())
            with whole_file(self.run_dir / f"{name}.keras") as temporary:
                network.save(temporary)
        if self.best is None or l1 < self.best["l1"]:
            checkpoints.save_best(self.run_dir, self.networks, position, l1)
            self.best = checkpoints.best(self.run_dir)
        generator = self.networks["generator"]
        fake = keras.ops.convert_to_numpy(generator(self.condition, training=False))
        picture = figures.tile([pixels.to_uint8(self.condition[..., 0]), pixels.to_uint8(fake),
                                pixels.to_uint8(self.color)])
        media.write_picture(self.run_dir / "samples" / f"epoch-{position.epoch:04d}.png", picture)
        self.logs["validation"].picture(position.epoch, "pictures", picture)
        self._write(position, True)

    def _write(self, position: Position, validated: bool) -> None:
        for log in self.logs.values():
            log.flush()
        checkpoints.save(self.run_dir / checkpoints.FOLDER, self.copy, position, validated,
                         self.kept)


@contextmanager
def keeper(*arguments) -> Iterator[Keeper]:
    """A `Keeper` of these arguments, whose thread has written all at the end."""
    with ThreadPoolExecutor(1, "keeper") as pool:
        made = Keeper(*arguments, pool)
        yield made
        made.wait()


def _state_of(model: keras.Model) -> list:
    return [*model.variables, *model.optimizer.variables]
