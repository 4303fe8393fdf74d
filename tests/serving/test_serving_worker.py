"""Claims about the thread that runs the model, and the queue before it."""

import asyncio
import threading
import time

import numpy as np
import pytest

from keras_colorize.serving.limits import Busy, Refused
from keras_colorize.serving.service import Worker


def with_worker(test, waiting=3, seconds=10.0):
    """Runs a coroutine function of a worker, and ends the worker."""
    worker = Worker(waiting, seconds)
    try:
        return asyncio.run(test(worker))
    finally:
        worker.close()


async def blocked(worker: Worker) -> tuple[threading.Event, asyncio.Task]:
    """Keeps the worker busy until the event is set."""
    begun, free = threading.Event(), threading.Event()
    task = asyncio.create_task(worker.run(lambda: (begun.set(), free.wait(20))[1]))
    await asyncio.to_thread(begun.wait)
    return free, task


def test_it_runs_one_after_the_other_in_one_thread_beside_the_loop():
    running, most, order = [], [], []

    def work(number: int) -> int:
        running.append(number)
        most.append(len(running))
        time.sleep(0.02)
        running.remove(number)
        order.append((number, threading.current_thread().name))
        return number * number

    async def test(worker):
        return await asyncio.gather(*(worker.run(work, number) for number in range(4)))

    assert with_worker(test, waiting=4) == [0, 1, 4, 9]
    assert order == [(number, "model_0") for number in range(4)] and max(most) == 1


def test_a_full_queue_refuses_and_says_when_to_come_again():
    async def test(worker):
        free, first = await blocked(worker)
        waiting = [asyncio.create_task(worker.run(int)) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy) as refused:
            await worker.run(int)
        with pytest.raises(Busy):
            worker.check_room()
        free.set()
        assert await asyncio.gather(first, *waiting) == [True, 0, 0, 0]
        worker.check_room()
        return refused.value

    refused = with_worker(test)
    assert refused.status == 503 and int(refused.headers["Retry-After"]) >= 1


def test_one_that_fails_fails_none_beside_it():
    async def test(worker):
        free, first = await blocked(worker)
        tasks = [asyncio.create_task(worker.run(lambda item=item: 1 / item)) for item in (1, 0, 2)]
        await asyncio.sleep(0.05)
        free.set()
        await first
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, failed, last = with_worker(test)
    assert (first, last) == (1, 0.5) and isinstance(failed, ZeroDivisionError)


def test_who_waits_too_long_leaves_the_queue_and_is_told_504():
    async def test(worker):
        free, first = await blocked(worker)
        seen = []
        with pytest.raises(Refused) as refused:
            await worker.run(seen.append, 1)
        with pytest.raises(Refused):
            await first
        worker.check_room()
        free.set()
        assert await worker.run(lambda: list(seen)) == []
        return refused.value.status

    assert with_worker(test, seconds=0.1) == 504


def test_pages_of_books_take_turns_with_requests_and_no_place_in_their_queue():
    order = []

    async def test(worker):
        free, first = await blocked(worker)
        tasks = [asyncio.create_task(worker.run(order.append, number)) for number in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy):
            worker.check_room()
        tasks += [asyncio.create_task(worker.run_page(order.append, name)) for name in "ab"]
        await asyncio.sleep(0.05)
        free.set()
        await asyncio.gather(first, *tasks)

    with_worker(test)
    assert order == ["a", 0, "b", 1, 2]


def test_it_waits_no_longer_for_what_is_running_than_it_is_told():
    async def test(worker):
        free, first = await blocked(worker)
        begun = time.monotonic()
        assert worker.close(0.1) is False
        assert time.monotonic() - begun < 5
        free.set()
        await first
        assert worker.close(10) is True

    with_worker(test)


def test_after_its_end_it_takes_nothing_and_holds_no_pictures():
    async def test(worker):
        import weakref

        picture = np.zeros(1000)
        held = weakref.ref(picture)
        await worker.run(np.sum, picture)
        del picture
        await asyncio.sleep(0.05)
        worker.close()
        with pytest.raises(Busy, match="stopping"):
            await worker.run(int)
        return held()

    assert with_worker(test) is None
