"""The best, median and worst pictures of a split, and what each model makes of them."""

import numpy as np

from keras_colorize.evaluation.groups import Group

RULE = ("Ranked by the mean L1 of all runs on the input: the best, the median and the worst "
        "picture, and after each the next in rank of another shot. None was picked by hand.")


def chosen(found: list[Group]) -> list[tuple[str, int]]:
    """Words and numbers of pictures: two best, two median, two worst, each of another shot.

    Args:
        found: groups on one input, of which the trained ones count.
    """
    trained = [group for group in found if group.seeds]
    errors = np.mean([group.values["l1"] for group in trained], axis=0)
    order, where = np.argsort(errors, kind="stable").tolist(), trained[0].where
    middle = len(order) // 2
    walks = {"best": order, "median": order[middle:] + order[:middle][::-1],
             "worst": order[::-1]}
    picked: list[tuple[str, int]] = []
    shots: set[tuple] = set()
    for word, walk in walks.items():
        for again in ("", ", another shot"):
            fresh = [number for number in walk if where[number][:2] not in shots]
            if fresh:
                shots.add(where[fresh[0]][:2])
                picked.append((f"{word}{again}", fresh[0]))
    return picked
