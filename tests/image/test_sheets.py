import numpy as np
import pytest

from keras_colorize.cartoon import episode
from keras_colorize.image import pixels, sheets

SEEDS = range(24)


@pytest.fixture(scope="module")
def pages():
    """A drawn frame, uint8 RGB, and what becomes of it: (page, colours) of each seed."""
    color = pixels.example(episode.draw_frame(300), (90, 160))["color"]
    return color, [sheets.draw(color, np.random.default_rng(seed)) for seed in SEEDS]


def test_a_sheet_is_a_page_of_its_own_for_each_generator_and_the_same_for_the_same(pages):
    color, drawn = pages
    assert all(page.dtype == np.uint8 and page.shape == (90, 160) for page, _ in drawn)
    assert len({page.tobytes() for page, _ in drawn}) == len(SEEDS)
    page, flat = sheets.draw(color, np.random.default_rng(SEEDS[-1]))
    assert (page == drawn[-1][0]).all() and (flat == drawn[-1][1]).all()
    assert all((one == two).all() for one, two in
               zip(sheets.draw_alike(color), sheets.draw_alike(color.copy()), strict=True))


def test_paper_is_white_in_the_truth_and_all_else_is_as_light_as_the_picture_or_lighter(pages):
    color, drawn = pages
    plain = sheets.paint_lines_out(color)
    shares = []
    for _, flat in drawn:
        paper = (flat == 255).all(2) & (plain != 255).any(2)
        assert (flat[~paper] >= plain[~paper]).all()
        shares.append(paper.mean())
    assert min(shares) < 0.05 and 0.1 < max(shares) < 0.8
    assert any((flat == plain).all() for _, flat in drawn)


def test_pages_differ_in_how_much_ink_and_how_many_grays_they_have(pages):
    ink = [(page < 64).mean() for page, _ in pages[1]]
    assert min(ink) < 0.1 and max(ink) > 0.3
    dots = [np.abs(np.diff(page.astype(int))).mean() for page, _ in pages[1]]
    assert max(dots) > 3 * min(dots)


def test_thin_dark_lines_are_painted_out_of_the_flat_colours():
    color = np.full((60, 60, 3), (220, 160, 60), np.uint8)
    color[:, 30:] = (60, 120, 220)
    color[:, 29:31] = color[20:22] = 0
    flat = sheets.paint_lines_out(color)
    assert (flat[:, :24] == (220, 160, 60)).all() and (flat[:, 36:] == (60, 120, 220)).all()
    assert flat.max(2).min() > 100
