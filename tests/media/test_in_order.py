import threading
import time

import pytest

from keras_colorize.media.in_order import ahead, in_order


def test_results_come_in_the_order_of_the_items_and_a_failure_at_its_own_place():
    def work(number):
        time.sleep(0.01 * (number % 3))
        return 1 / number

    done = list(in_order(work, [4, 3, 0, 2], threads=3))
    assert [number for number, _ in done] == [4, 3, 0, 2]
    assert [future.result() for number, future in done if number] == [1 / 4, 1 / 3, 1 / 2]
    with pytest.raises(ZeroDivisionError):
        done[2][1].result()


@pytest.mark.parametrize(("threads", "most", "bound"), [(2, None, 2), (1, 5, 5)])
def test_no_more_items_are_taken_than_the_bound_allows(threads, most, bound):
    taken = []
    results = in_order(str, iter(lambda: taken.append(0) or len(taken), None), threads, most)
    for used in range(1, 4):
        next(results)
        assert len(taken) == bound + used
    results.close()


def test_items_are_made_ahead_in_one_thread_and_what_making_them_raises_comes_last():
    makers = set()

    def make():
        for number in range(20):
            makers.add(threading.current_thread())
            yield number
        raise ValueError("no more")

    coming = ahead(make())
    assert [next(coming) for _ in range(20)] == list(range(20))
    with pytest.raises(ValueError, match="no more"):
        next(coming)
    assert len(makers) == 1 and threading.current_thread() not in makers


def test_what_is_left_unused_is_not_made_and_its_maker_is_closed():
    made, closed = [], []

    def make():
        try:
            while True:
                made.append(0)
                yield len(made)
        finally:
            closed.append(True)

    before = threading.active_count()
    coming = ahead(ahead(make(), most=2), most=3)
    assert next(coming) == 1
    coming.close()
    assert closed and threading.active_count() == before
    assert len(made) <= 1 + 3 + 2 + 2
