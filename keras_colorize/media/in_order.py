"""Work in threads that runs a bounded number of items ahead, and gives its results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import repeat
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int,
             most: int | None = None) -> Iterator[tuple[Item, "Future[Result]"]]:
    """Gives each item with what becomes of `work(item)`, in the order of the items.

    The items are taken one by one in the caller's thread, as slowly as the results are used. Where
    the caller stops early, what has not begun is dropped, and what has begun is waited for.

    Args:
        threads: how many items are worked on at once.
        most: how many items may wait or be worked on besides the one given out; as many as there
            are threads unless it says more. It bounds the memory.

    Returns:
        Futures; `result()` waits, and raises what `work` raised for this item alone.
    """
    pool, begun = ThreadPoolExecutor(threads), deque()
    try:
        for item in items:
            begun.append((item, pool.submit(work, item)))
            if len(begun) > (most or threads):
                yield begun.popleft()
        while begun:
            yield begun.popleft()
    finally:
        pool.shutdown(cancel_futures=bool(begun))  # some are left where the caller stopped early


def ahead(items: Iterable[Item], most: int = 6) -> Iterator[Item]:
    """Gives the items, which are made in a thread of their own, at most `most` before their use.

    What making an item raises is raised at its place. An iterator with a `close` is closed once
    its items are used up, or once the caller stops.
    """
    iterator, end = iter(items), object()
    try:
        with closing(in_order(lambda end: next(iterator, end), repeat(end), 1, most)) as coming:
            for _, made in coming:
                item = made.result()
                if item is end:
                    return
                yield item
    finally:
        if hasattr(iterator, "close"):
            iterator.close()
