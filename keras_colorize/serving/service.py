"""What the routes of a server share: its model, its worker, its limits, and its state."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from keras_colorize import import_tensorflow
from keras_colorize.serving import scans
from keras_colorize.serving.limits import Limits
from keras_colorize.serving.refusals import Busy, Refused
from keras_colorize.serving.worker import Worker


class Service:
    """A model that is served.

    Args:
        path: a SavedModel or a run directory.
        name: under which clients know it.
    """

    def __init__(self, path: Path, name: str, limits: Limits | None = None):
        self.path, self.name, self.limits = path, name, limits or Limits()
        self.worker = Worker(self.limits.waiting, self.limits.seconds, self.limits.together)
        self.served = None
        """The `model.Served`, once it is loaded."""
        self.closing = ExitStack()
        """What is to be put away when the server has stopped."""
        self.draining = False
        """Whether the server is stopping: it takes nothing new."""
        self._preparing = anyio.CapacityLimiter(1)
        self._placed = 0

    @property
    def state(self) -> str:
        """As TensorFlow Serving names it: LOADING, AVAILABLE or UNLOADING."""
        if self.draining:
            return "UNLOADING"
        return "AVAILABLE" if self.served else "LOADING"

    def load(self) -> None:
        """Loads the model and warms it up, 10 seconds or so.

        Raises:
            RunError: it is none, or damaged.
        """
        import_tensorflow("tensorflow")
        from keras_colorize.serving import served

        self.served = served.load(self.path)

    def check_ready(self) -> None:
        """Raises Busy where a request for the model would not be taken now."""
        if self.draining:
            raise Busy("the server is stopping")
        if self.served is None:
            raise Busy("the model is being loaded", 5)
        with self.place():
            self.worker.check_room()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A request's place from its body to its answer: as many as may wait, and two at work.

        Raises:
            Busy: none is free.
        """
        if self._placed >= self.limits.waiting + 2:
            raise self.worker.busy()
        self._placed += 1
        try:
            yield
        finally:
            self._placed -= 1

    async def prepare(self, function: Callable, *args: Any) -> Any:
        """`function(*args)` off the event loop and beside the model: parsing, checking, writing.

        One at a time, since what is parsed may be large.
        """
        return await anyio.to_thread.run_sync(function, *args, limiter=self._preparing)

    async def call(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a signature gives, run in the worker; small pictures beside those of others.

        Raises:
            Busy, Refused: as `Worker.run` and `Served.call`.
        """
        served = self.served
        name, array = next(iter(inputs.items()))
        if len(inputs) > 1 or array.ndim != 4:
            return await self.worker.run(served.call, signature, inputs)

        def call(batches: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
            joined = np.concatenate(batches) if len(batches) > 1 else batches[0]
            outputs = served.call(signature, {name: joined})
            ends = np.cumsum([len(batch) for batch in batches])[:-1]
            parts = [np.split(output, ends) for output in outputs.values()]
            return [dict(zip(outputs, part, strict=True)) for part in zip(*parts, strict=True)]

        return await self.worker.run_together(call, array, (signature, array.shape[1:]),
                                              pixels_of(array))

    def check_pixels(self, count: int) -> None:
        """Raises Refused (413) where a request's pictures have more pixels than it may have."""
        if count > self.limits.pixels:
            raise Refused(413, f"pictures of {count:,} pixels, more than the "
                               f"{self.limits.pixels:,} that a request may have")

    def check_numbers(self, count: int) -> None:
        """Raises Refused (413) as `check_pixels` does, of pictures that are given as numbers.

        The network sees all of them at once, where it sees files one by one and in tiles.
        """
        self.check_pixels(count)
        if count > self.served.most_at_once:
            raise Refused(413, f"pictures of {count:,} pixels, more than the "
                               f"{self.served.most_at_once:,} that may be given as numbers; send "
                               "fewer at once, or files")


def pixels_of(batch: np.ndarray) -> int:
    """The pixels that pictures [batch, h, w, channels] count as."""
    return len(batch) * scans.counted(*batch.shape[1:3])
