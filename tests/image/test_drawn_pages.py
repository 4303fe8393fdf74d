"""What regions and paint make of the drawn manga pages, which no rule was written for."""

from pathlib import Path

import pytest

from keras_colorize.cartoon import manga

# What holds; wanted are 0.98, 0.98 and 1. Missed are: on page 1 the broken outline; on 2 a balloon
# with spikes, and gutters that a sound crosses; on 3 the thought and some of the inset's margin; on
# 5 the margin of its inset. Falsely white are mostly faces: their eyes and mouth look like letters.
MARGINS = (0.98, 0.98, 0.95, 0.97, 0.98, 0.92)
BALLOONS = (0.98, 0.82, 0.68, 0.59, 0.98, 0.98)
FALSE_WHITES = (7, 6, 3, 4, 7, 3)


@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=pytest.mark.slow)
                                         for number in range(1, len(manga.PAGES)))])
def test_paper_stays_white_and_ink_gets_no_tint(number, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    from drawn_pages import measure

    row = measure(manga.draw(number))
    assert row["margins"] >= MARGINS[number]
    assert row["balloons"] >= BALLOONS[number]
    assert row["false whites"] <= FALSE_WHITES[number]
    assert row["ink chroma"] <= 1.5 and row["99th"] <= 15
