"""Steps that work side by side: each in a thread of its own, a little ahead of the next."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Full, Queue

AHEAD = 6  # items that a step may be ahead of the next
TOGETHER = 2  # pages or frames: the network alone leaves a core idle now and then


def ahead(items: Iterable) -> Iterator:
    """The items, made in a thread of their own, a few ahead of their use."""
    queue, stopped, end = Queue(AHEAD), threading.Event(), object()

    def put(item) -> None:
        while not stopped.is_set():
            try:
                return queue.put(item, timeout=0.2)
            except Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put((item, None))
                if stopped.is_set():
                    return
            put((end, None))
        except BaseException as error:  # it is raised where the items are used
            put((end, error))
        finally:
            if hasattr(items, "close"):
                items.close()  # which ends its own thread

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if error is not None:
                raise error
            if item is end:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def together(tasks: Iterable[Callable]) -> Iterator[Future]:
    """What becomes of each task, in their order; some are worked on side by side, in threads."""
    threads, begun = ThreadPoolExecutor(TOGETHER), deque()
    try:
        for task in tasks:
            begun.append(threads.submit(task))
            if len(begun) > TOGETHER:
                yield begun.popleft()
        while begun:
            yield begun.popleft()
    finally:
        threads.shutdown(cancel_futures=True)
