"""Claims about the drawn manga pages: what is on them, and that what is known of them is true."""

import functools

import numpy as np
import pytest

from keras_colorize import cli, media
from keras_colorize.cartoon import manga, sets

NUMBERS = range(len(manga.PAGES))
small = functools.cache(functools.partial(manga.draw, scale=0.25))


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_known_of_a_page_agrees_with_its_print(number):
    page = small(number)
    paper, ink = manga.PAPERS.get(number, (255, 0))
    for mask in (page.margins, page.balloons):
        assert mask.sum() > 500
        assert (page.truth[mask].mean(1) > 250).mean() > 0.95
        assert abs(np.median(page.printed[mask]) - paper) < 4
        assert not (mask & page.ink).any()
    assert 0.05 < page.ink.mean() < 0.4
    assert abs(np.median(page.printed[page.ink]) - ink) < 4
    chroma = np.ptp(page.truth[~(page.margins | page.balloons)].astype(int), axis=1)
    assert (chroma > 60).mean() > 0.4


def test_a_page_is_the_same_at_every_call_and_no_page_is_another():
    first = manga.draw(2, 0.25)
    assert first.printed.shape == (350, 250) and first.printed.dtype == np.uint8
    for name, plane in vars(small(2)).items():
        np.testing.assert_array_equal(plane, getattr(first, name))
    assert len({small(number).printed.tobytes() for number in NUMBERS}) == len(NUMBERS)


def test_the_same_page_is_printed_in_dots_in_gray_and_as_line_art():
    dots, gray, lines = small(1), *(manga.draw(1, 0.25, tones) for tones in ("gray", "none"))
    np.testing.assert_array_equal(dots.truth, lines.truth)
    tone = ~(dots.ink | dots.margins | dots.balloons)
    assert (lines.printed[tone] > 250).mean() > 1.3 * (dots.printed[tone] > 250).mean()
    apart = gray.printed[tone] - dots.truth[tone] @ (0.299, 0.587, 0.114)
    assert np.median(np.abs(apart)) < 2


@pytest.mark.parametrize("number", [-1, len(manga.PAGES)])
def test_a_page_that_is_not_there_is_refused(number):
    with pytest.raises(IndexError, match="is outside"):
        manga.draw(number)


def test_hints_are_dots_of_the_colours_that_they_lie_on():
    page = small(5)
    picture = manga.hints(page, 6)
    dots = picture[..., 3] > 0
    assert 6 * 30 < dots.sum() <= 6 * 81
    assert np.abs(picture[dots, :3].astype(int) - page.truth[dots]).mean() < 12
    largest = {sets.SET_PALETTES["canyon"]["sky"], manga.CREAM}
    assert {tuple(color) for color in picture[dots, :3].tolist()} >= largest


def test_the_command_writes_each_page_and_its_colours_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(manga, "PAGES", manga.PAGES[3:5])
    monkeypatch.setattr(manga, "draw", lambda number: small(number + 3))
    assert cli.main(["draw-manga", str(tmp_path)]) == 0
    for number in range(2):
        page = media.read_picture(tmp_path / "pages" / f"{number}.png")
        np.testing.assert_array_equal(page[..., 0], small(number + 3).printed)
        truth = media.read_picture(tmp_path / "truth" / f"{number}.png")
        np.testing.assert_array_equal(truth, small(number + 3).truth)
    assert f"colorize {tmp_path / 'pages'}" in capsys.readouterr().out
    (tmp_path / "truth" / "1.png").unlink()
    assert cli.main(["draw-manga", str(tmp_path)]) == 0 == cli.main(["draw-manga", str(tmp_path)])
    assert "is there already" in capsys.readouterr().out
    assert (tmp_path / "truth" / "1.png").exists()
