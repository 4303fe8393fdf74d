"""The model of a server, the one thread that runs it, and what waits for that thread."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_colorize import import_tensorflow
from keras_colorize.errors import RunError, first_line
from keras_colorize.serving.access_log import note
from keras_colorize.serving.answer_cache import AnswerCache
from keras_colorize.serving.limits import Busy, Limits, Refused

if TYPE_CHECKING:  # it imports TensorFlow
    from keras_colorize.colorize import Models, Settings

USUAL = 0.9  # the share of the mean seconds of a job that is kept when the next job ends


@dataclass(eq=False)
class _Job:
    function: Callable
    arguments: tuple
    answer: asyncio.Future
    queued: float = field(default_factory=time.monotonic)
    begun: float | None = None


class Worker:
    """Runs functions one after the other in a thread of its own, for callers on one event loop.

    While one runs, `waiting` requests may wait; each waits `seconds` for its turn and its answer.
    """

    def __init__(self, waiting: int, seconds: float):
        self.waiting, self.seconds = waiting, seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._requests: deque[_Job] = deque()
        self._pages: deque[_Job] = deque()
        self._page_was_last = False
        self._running: Future | None = None
        self._closed = False
        self._usual = 0.0

    async def run(self, function: Callable, *arguments: Any) -> Any:
        """Runs `function(*arguments)` in the worker's thread for a request that waits for it.

        Raises:
            Busy: as many requests as may wait do already, or the server is stopping.
            Refused: 504: it did not end within `seconds`.
        """
        self.check_room()
        try:
            async with asyncio.timeout(self.seconds):
                return await self._submit(self._requests, function, arguments)
        except TimeoutError:
            raise Refused(504, f"no answer within {self.seconds:g} seconds") from None

    async def run_page(self, function: Callable, *arguments: Any) -> Any:
        """Runs it for a page of a book, in turn with requests, however long it takes.

        It takes no place in the queue, and a full one does not keep it waiting. Callers bound it.
        Raises Busy where the server is stopping.
        """
        return await self._submit(self._pages, function, arguments)

    def check_room(self) -> None:
        """Raises Busy where another request would not be taken."""
        if len(self._requests) >= self.waiting:
            raise Busy(f"as many requests as may ({self.waiting}) are waiting already",
                       self._usual * (len(self._requests) + 1))

    def close(self, seconds: float | None = None) -> bool:
        """Takes no more, drops what has not begun, and waits for what is running.

        It waits for `seconds`, or to the end where None, and returns whether the thread is free.
        """
        self._closed = True
        self._requests.clear()
        self._pages.clear()
        self._thread.shutdown(wait=False)
        running = self._running
        return running is None or not wait([running], seconds).not_done

    async def _submit(self, queue: deque[_Job], function: Callable, arguments: tuple) -> Any:
        if self._closed:
            raise Busy("the server is stopping")
        job = _Job(function, arguments, asyncio.get_running_loop().create_future())
        queue.append(job)
        self._begin()
        try:
            return await job.answer
        finally:
            with suppress(ValueError):  # it has begun
                queue.remove(job)  # its caller waits no longer
            note("queue_seconds", (job.begun or time.monotonic()) - job.queued)

    def _begin(self) -> None:
        """Begins the next job if none is running: of requests and pages each in turn."""
        if self._running is not None or not (self._requests or self._pages):
            return
        self._page_was_last = bool(self._pages) and not (self._requests and self._page_was_last)
        job = (self._pages if self._page_was_last else self._requests).popleft()
        job.begun = time.monotonic()
        loop = job.answer.get_loop()

        def tell(done: Future) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._end, job, done)

        self._running = self._thread.submit(job.function, *job.arguments)
        self._running.add_done_callback(tell)

    def _end(self, job: _Job, done: Future) -> None:
        self._running = None
        spent = time.monotonic() - job.begun
        self._usual = USUAL * self._usual + (1 - USUAL) * spent if self._usual else spent
        if not job.answer.done():
            error = done.exception()
            if error is None:
                job.answer.set_result(done.result())
            else:
                job.answer.set_exception(error)
        if not self._closed:
            self._begin()


class Service:
    """A SavedModel or a run directory that is served, under a name for the studio and the log.

    Args:
        cache: where the answers of `POST /colorize` are kept, if they are; the service closes it.
        with_series: whether the project of the model's series is read, and may be changed.
    """

    def __init__(self, path: Path, name: str, limits: Limits | None = None,
                 cache: AnswerCache | None = None, with_series: bool = True):
        self.path, self.name, self.limits, self.cache = path, name, limits or Limits(), cache
        self.with_series = with_series
        self.worker = Worker(self.limits.waiting, self.limits.seconds)
        self.models: Models | None = None
        """The model, once it is loaded, with the project of its series, which visitors change."""
        self.closing = ExitStack()
        """What is closed when the server has stopped."""
        if cache is not None:
            self.closing.callback(cache.close)
        self.draining = False
        """Whether the server is stopping, and takes nothing new."""

    @property
    def state(self) -> str:
        """LOADING, AVAILABLE or UNLOADING."""
        if self.draining:
            return "UNLOADING"
        return "AVAILABLE" if self.models else "LOADING"

    def load(self) -> None:
        """Loads the model and colours a blank picture, so that no client waits for TensorFlow.

        Raises:
            RunError: there is no model, it is damaged, or it cannot be run.
            ConfigError: the project of its series has a fault.
        """
        import_tensorflow("tensorflow")
        from keras_colorize.colorize import Models, PageMemory

        models = Models.load(self.path, memory=PageMemory(), with_series=self.with_series)
        try:
            for model in filter(None, (models.pages, models.line_art)):
                blank = np.full(model.size or (64, 64), 255, np.uint8)
                model.colorize(blank)
                if model.network_guided:
                    model.colorize(blank, np.zeros((*blank.shape, 4), np.uint8))
        except Exception as error:  # TensorFlow raises whatever the damage leads it to
            raise RunError(self.path, f"cannot be run ({first_line(error)})",
                           "export it again") from error
        self.models = models

    def check_open(self) -> None:
        """Raises Busy where the server is stopping."""
        if self.draining:
            raise Busy("the server is stopping")

    def check_loaded(self) -> None:
        """Raises Busy where the server is stopping, or its model is being loaded."""
        self.check_open()
        if self.models is None:
            raise Busy("the model is being loaded", 5)

    def check_ready(self) -> None:
        """Raises Busy where a picture would not be taken now, before it is read."""
        self.check_loaded()
        self.worker.check_room()

    def color(self, file: bytes, name: str, settings: "Settings",
              layers_at: Path | None = None) -> tuple[bytes, dict]:
        """Colours the file of a page as the command `colorize` does, in the worker's thread.

        Args:
            name: of the page, for errors.
            settings: whose `hints` are the file of this page's strokes.
            layers_at: where its layers are written if `settings` ask for them.

        Returns:
            The coloured file, or the same bytes where the page is in colour, and what the report
            says of it.

        Raises:
            SourceError: the page or its strokes cannot be read.
            Refused: 413: the machine's memory does not suffice.
        """
        from keras_colorize.colorize import colored_file

        self.models.pages.saturate(settings.saturation)
        with _enough_memory(name):
            return colored_file(file, name, self.models, settings, settings.hints, layers_at)

    def moods_of(self, file: bytes, name: str, settings: "Settings") -> list[str]:
        """Makes small pictures of a page without a mood and in each; none where there are none.

        They are JPEG in base64, as vivid as `settings` say. It runs in the worker's thread.
        """
        from keras_colorize.colorize import mood_previews, report

        if not self.models.pages.mood_count:
            return []
        self.models.pages.saturate(settings.saturation)
        with _enough_memory(name):
            preview = mood_previews.paint(file, name, self.models, settings)
        pictures = preview.pictures if preview else []
        return report.thumbnails(*pictures) if len(pictures) > 1 else []

    def likely_at(self, file: bytes, name: str, settings: "Settings", point: tuple[int, int],
                  ) -> list[str]:
        """Finds the colours that a point of a page is likely to have, as `#rrggbb`.

        Args:
            point: row and column.
        """
        from keras_colorize.colorize import likely_colors

        self.models.pages.saturate(settings.saturation)
        with _enough_memory(name):
            colors = likely_colors.at(point, file, name, self.models, settings)
        return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colors]


@contextmanager
def _enough_memory(name: str) -> Iterator[None]:
    """Refuses a page with 413 where the machine's memory does not suffice for it."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError):
        raise Refused(413, f"{name}: is too large for the server's memory; scale it "
                           "down") from None
