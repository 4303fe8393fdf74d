"""Which examples train, validate and test: by shot, by source, or frame by frame."""

import random
from collections.abc import Sequence

from keras_colorize.errors import DatasetError

RULES = ("shot", "source", "frame")
SHARES = {"train": 8, "validation": 1, "test": 1}  # section 4 of the paper


def assign(examples: Sequence[tuple[str, int]], rule: str, seed: int,
           test_sources: frozenset[str] = frozenset()) -> dict[str, list[int]]:
    """Divides examples 8:1:1.

    The groups (a shot, a source, or a frame alone) are shuffled by the seed; then each goes whole
    to the split furthest below its share.

    Args:
        examples: the source and shot of each example, in order.
        rule: one of `RULES`; "frame" is the paper's, and puts near-identical frames on both sides.
        test_sources: sources that are the test set, whatever the rule; the others are then
            divided between training and validation 8:1.

    Returns:
        For each split the indices of its examples, in a random order that the seed decides.

    Raises:
        DatasetError: a split would be empty.
    """
    groups: dict[object, list[int]] = {}
    split = {name: [] for name in SHARES}
    for index, (source, shot) in enumerate(examples):
        if source in test_sources:
            split["test"].append(index)
        else:
            key = {"shot": (source, shot), "source": source, "frame": index}[rule]
            groups.setdefault(key, []).append(index)
    shares = {name: share for name, share in SHARES.items()
              if not (test_sources and name == "test")}
    order = random.Random(seed)
    shuffled = list(groups.values())
    order.shuffle(shuffled)
    wanted = {name: share * sum(map(len, shuffled)) / sum(shares.values())
              for name, share in shares.items()}
    for group in shuffled:
        furthest_below = max(shares, key=lambda name: wanted[name] - len(split[name]))
        split[furthest_below] += group
    for name, indices in split.items():
        if not indices:
            raise DatasetError("the split", f"by {rule} leaves the {name} set empty "
                               f"({len(groups)} groups, {len(examples)} examples)",
                               "give more sources, a smaller --every, or --split-by frame")
        order.shuffle(indices)
    return split
