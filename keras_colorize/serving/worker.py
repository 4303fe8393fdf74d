"""One thread that runs the model, behind a queue that is bounded, and beside it long work."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from keras_colorize.serving.access_log import note
from keras_colorize.serving.refusals import Busy, Refused

USUAL = 0.9  # of the mean of seconds a job is what is kept of it at the next job


@dataclass(eq=False)
class _Job:
    function: Callable[[list], list]
    """From the items of jobs that run together to their results."""
    item: Any
    alike: Hashable
    """What jobs share that may run together; None of one that runs alone."""
    size: int
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future
    queued: float = field(default_factory=time.monotonic)
    begun: float | None = None


class Worker:
    """Runs functions one after the other in a thread of its own, for callers on an event loop.

    Args:
        waiting: how many may wait while one runs.
        seconds: how long a caller waits, in the queue and for the answer.
        together: the most that the sizes of jobs may sum to that run as one.
    """

    def __init__(self, waiting: int, seconds: float, together: int):
        self.waiting, self.seconds, self.together = waiting, seconds, together
        self._jobs: deque[_Job] = deque()
        self._long: deque[_Job] = deque()
        self._long_was_last = False
        self._changed = threading.Condition()
        self._closed = False
        self._usual = 0.0
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    async def run(self, function: Callable, *args: Any) -> Any:
        """`function(*args)`, run in the worker's thread.

        Raises:
            Busy: as many as may wait do already, or the server is stopping.
            Refused: 504: it did not come to an end within `seconds`.
            Exception: what the function raises.
        """
        return await self._submit(_each(function), args, None, 0, self._jobs, self.seconds)

    async def run_long(self, function: Callable, *args: Any) -> Any:
        """As `run`, for work that no request waits for: however long it takes, in turn with them.

        It takes no place in the queue, and a full one does not keep it waiting. Callers bound it.

        Raises:
            Busy: the server is stopping.
            Exception: what the function raises.
        """
        return await self._submit(_each(function), args, None, 0, self._long, None)

    async def run_together(self, function: Callable[[list], list], item: Any, alike: Hashable,
                           size: int) -> Any:
        """The result for `item` of `function`, which is given the items of waiting jobs alike.

        Args:
            function: from items to as many results.
            alike: what those share that may run together.
            size: of the item, counted against `together`.

        Raises:
            Busy, Refused, Exception: as `run`.
        """
        return await self._submit(function, item, alike, size, self._jobs, self.seconds)

    def check_room(self) -> None:
        """Raises Busy where another job would not be taken, before its body is read."""
        with self._changed:
            self._check_room()

    def busy(self) -> Busy:
        """What to raise where nothing is free, until what waits now will be done."""
        return Busy(f"as many requests as may ({self.waiting}) are waiting already",
                    self._usual * (len(self._jobs) + 1))

    def close(self, seconds: float | None = None) -> bool:
        """Takes no more, drops what nobody waits for any longer, and ends after what is running.

        Args:
            seconds: how long it waits for that; None without end.

        Returns:
            Whether it has ended.
        """
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._long.clear()
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _check_room(self) -> None:
        self._check_open()
        if len(self._jobs) >= self.waiting:
            raise self.busy()

    def _check_open(self) -> None:
        if self._closed:
            raise Busy("the server is stopping")

    async def _submit(self, function, item, alike, size, queue: deque[_Job],
                      seconds: float | None) -> Any:
        loop = asyncio.get_running_loop()
        job = _Job(function, item, alike, size, loop, loop.create_future())
        with self._changed:
            (self._check_room if queue is self._jobs else self._check_open)()
            queue.append(job)
            self._changed.notify()
        try:
            async with asyncio.timeout(seconds):
                return await job.answer
        except TimeoutError:
            raise Refused(504, f"no answer within {seconds:g} seconds") from None
        finally:
            with self._changed:
                if job in queue:  # its caller is gone
                    queue.remove(job)
            note("queue_seconds", (job.begun or time.monotonic()) - job.queued)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._long and not self._closed:
                    self._changed.wait()
                if not self._jobs and not self._long:
                    return
                jobs = self._take()
            begun = time.monotonic()
            for job in jobs:
                job.begun = begun
            self._run(jobs)
            spent = (time.monotonic() - begun) / len(jobs)
            self._usual = USUAL * self._usual + (1 - USUAL) * spent if self._usual else spent
            jobs = job = None  # else the last pictures live until the next come

    def _take(self) -> list[_Job]:
        """The first job, and those alike that fit beside it; in turn with long work."""
        self._long_was_last = bool(self._long) and not (self._jobs and self._long_was_last)
        if self._long_was_last:
            return [self._long.popleft()]
        jobs = [self._jobs.popleft()]
        if jobs[0].alike is None:
            return jobs
        size = jobs[0].size
        for job in list(self._jobs):
            if job.alike == jobs[0].alike and size + job.size <= self.together:
                self._jobs.remove(job)
                jobs.append(job)
                size += job.size
        return jobs

    def _run(self, jobs: list[_Job]) -> None:
        try:
            results = jobs[0].function([job.item for job in jobs])
        except BaseException as error:  # whatever it is, the thread must live
            if len(jobs) == 1:
                _tell(jobs[0], error=error)
                return
            for job in jobs:  # it may be of one alone
                self._run([job])
            return
        for job, result in zip(jobs, results, strict=True):
            _tell(job, result)


def _each(function: Callable) -> Callable[[list], list]:
    return lambda items: [function(*each) for each in items]


def _tell(job: _Job, result: Any = None, error: BaseException | None = None) -> None:
    def settle() -> None:
        if job.answer.done():
            return
        if error is not None:
            job.answer.set_exception(error)
        else:
            job.answer.set_result(result)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        job.loop.call_soon_threadsafe(settle)
