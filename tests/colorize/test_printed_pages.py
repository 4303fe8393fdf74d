"""Printed pages as a user meets them: coloured without a flag, and filled by clicks."""

import functools
import io
import json
import zipfile
from dataclasses import replace

import cv2
import manga_pages
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_colorize import colorize, config, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import mood_previews, printed_page
from keras_colorize.colorize import page as one_page
from keras_colorize.errors import SettingsMismatch, UsageError
from keras_colorize.image import line_lock, moods
from keras_colorize.image.flat_color import Click

TINT = (1.0, 0.8, 0.5)  # of the luminance, that the network below paints
SKIN, BLUE = (240, 200, 170), (60, 90, 220)


def painting(tint, kind="gray") -> colorize.Models:
    """A model that paints every luminance in one tint."""
    def network(pixels):
        return {"pixels": tf.cast(tf.cast(pixels, tf.float32) * tf.constant(tint), tf.uint8)}

    return colorize.Models(colorize.Model("painter", "", kind, "spline", (180, 320), network, None))


def colored(page, strokes=None, models=None, **settings):
    """The coloured picture of a page (uint8 or uint16), and its record."""
    file, record = one_page.colored_file(
        media.encode_picture(page), "it", models or painting(TINT),
        colorize.Settings(**settings), strokes, None)
    return media.stored_colors(file, "it"), record


@functools.cache
def colored_sheet(name):
    """A drawn page and what becomes of it without any wish."""
    sheet, _ = manga_pages.drawn(name)
    return sheet, *colored(sheet.luminance)


def dots(path, places, size=(manga_pages.HEIGHT, manga_pages.WIDTH)):
    """Writes hints: round dots of some colours at (row, column)."""
    drawn = np.zeros((*size, 4), np.uint8)
    for (row, column), color in places:
        cv2.circle(drawn, (column, row), 6, (*color, 255), -1)
    Image.fromarray(drawn).save(path)
    return path


def middle(sheet, kind, nth=0):
    """A pixel well inside the nth thing of a kind."""
    number = [index for index, name in enumerate(sheet.names) if name == kind][nth]
    inside = ((sheet.regions == number) & (sheet.luminance > 200)).astype(np.uint8)
    room = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return tuple(int(index) for index in np.unravel_index(room.argmax(), room.shape))


def span(picture):
    return np.ptp(picture.astype(int), axis=-1)


@pytest.mark.parametrize("name", ["line art", "screentone"])
def test_a_printed_page_comes_out_coloured_under_black_ink_with_white_balloons(name):
    sheet, picture, record = colored_sheet(name)
    assert record["rule"] == "flat" and record["tones"] == "keep" and record["regions"] > 10
    paper = sheet.luminance == 255
    assert (picture[paper & sheet.white] == 255).all(1).mean() > 0.98
    inside = picture[paper & ~sheet.white & (sheet.regions > 0)]
    assert (span(inside) > 20).mean() > 0.9
    assert span(picture[sheet.luminance < 64]).max() <= 1
    assert record["ink_change"] <= 1 and "luminance_change" not in record
    assert 0.2 < record["white_share"] < 0.4


def test_what_nobody_told_is_lighter_and_paler_than_the_network_has_it():
    sheet, picture, _ = colored_sheet("line art")
    face = picture[middle(sheet, "face")].astype(int)
    assert face.max() == 255
    assert 255 - face.min() == pytest.approx(0.45 * 255 * (1 - min(TINT)), abs=4)


def test_a_shaded_region_takes_no_darker_colour_than_a_blank_one():
    sheet, regions = manga_pages.drawn("screentone")
    small = cv2.resize(sheet.luminance, (200, 280), interpolation=cv2.INTER_AREA)
    picture = np.rint(small[..., None] * np.array(TINT)).astype(np.uint8)
    votes = printed_page.vote(regions, picture, small, "gray")
    walls = [votes[regions.at(*place)].astype(int) for place in ((300, 100), (120, 700))]
    assert np.abs(walls[0] - walls[1]).max() <= 6
    assert (votes[regions.white] == 255).all()


def test_a_model_of_printed_pages_sees_dots_at_the_scale_of_panels_and_is_made_more_vivid():
    seen = []

    def network(pixels):
        seen.append(pixels.numpy()[0, ..., 0])
        return {"pixels": tf.constant(np.full((*pixels.shape[:3], 3), SKIN, np.uint8))}

    sheet, _ = manga_pages.drawn("screentone")
    manga = colorize.Model("manga", "", "manga", "spline", (180, 320), network, None)
    models = colorize.Models(painting(TINT).pages, manga)
    picture, record = colored(sheet.luminance, models=models)
    assert record["model"] == "manga" and record["scale"] == pytest.approx(
        1.5 * 320 / sheet.luminance.shape[1], abs=1e-3)
    shown, page = seen[0], sheet.luminance
    smooth = cv2.resize(page, shown.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(shown.astype(int) - smooth).mean() < 8
    face = picture[middle(sheet, "face")].astype(int)
    assert 1.3 * np.ptp(SKIN) < np.ptp(face) < 1.6 * np.ptp(SKIN)
    assert (np.argsort(face) == np.argsort(SKIN)).all() and face.max() >= max(SKIN)
    assert (picture[middle(sheet, "balloon")] == 255).all()
    _, regions = manga_pages.drawn("screentone")
    cream = np.full((9, 9, 3), (245, 230, 210), np.uint8)
    assert (printed_page.vote(regions, cream, cream[..., 0], "manga")[1:] == 255).all()
    dark = np.full((9, 9, 3), (60, 40, 30), np.uint8)
    votes = printed_page.vote(regions, dark, dark[..., 0], "manga")[1:][~regions.white[1:]]
    assert (votes.max(1) > 60 + 50).all() and (np.ptp(votes, axis=1) > 30).all()
    _, record = colored(page, models=colorize.Models(manga), treat_as="gray")
    assert record["rule"] == "luminance" and "model of printed manga" in record["notes"][0]


def test_sixteen_bits_and_transparency_stay():
    sheet, eight, _ = colored_sheet("line art")
    deep, record = colored(sheet.luminance.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16 and record["bits"] == 16
    assert np.abs(deep / 257 - eight).max() <= 1
    alpha = np.full(sheet.luminance.shape, 255, np.uint8)
    alpha[:40] = 90
    stored = io.BytesIO()
    Image.fromarray(np.dstack([sheet.luminance, alpha]), "LA").save(stored, "PNG")
    file, record = one_page.colored_file(stored.getvalue(), "it", painting(TINT),
                                         colorize.Settings(), None, None)
    assert record["rule"] == "flat"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file)))[..., 3], alpha)


def test_dots_fill_their_regions_and_are_carried_to_the_like_in_other_panels(tmp_path):
    sheet, _ = manga_pages.drawn("line art")
    hints = dots(tmp_path / "hints.png", [(middle(sheet, "face"), SKIN),
                                          (middle(sheet, "coat"), BLUE)])
    picture, record = colored(sheet.luminance, hints)
    for kind, color in (("face", SKIN), ("coat", BLUE)):
        for nth in range(2):
            assert tuple(picture[middle(sheet, kind, nth)]) == color
    assert record["told"] == 2 and record["carried"] >= 2 and record["hints"]
    assert (picture[middle(sheet, "balloon")] == 255).all()
    assert tuple(picture[middle(sheet, "ground", 2)]) not in (SKIN, BLUE)


def test_a_dot_in_a_balloon_fills_it_and_a_stroke_that_only_touches_it_does_not(tmp_path):
    sheet, _ = manga_pages.drawn("line art")
    balloon, ground = middle(sheet, "balloon"), middle(sheet, "ground")
    picture, _ = colored(sheet.luminance, dots(tmp_path / "dot.png", [(balloon, SKIN)]))
    assert tuple(picture[balloon]) == SKIN
    drawn = np.zeros((*sheet.luminance.shape, 4), np.uint8)
    cv2.line(drawn, (280, 230), (600, 100), (*BLUE, 255), 12)
    Image.fromarray(drawn).save(tmp_path / "stroke.png")
    picture, _ = colored(sheet.luminance, tmp_path / "stroke.png")
    assert (picture[balloon] == 255).all() and tuple(picture[ground]) == BLUE


def test_a_click_flows_through_an_opening():
    page = np.full((640, 480), 255, np.uint8)
    cv2.rectangle(page, (20, 20), (460, 620), 0, 3)
    cv2.line(page, (20, 320), (460, 320), 0, 3)
    page[317:324, 228:252] = 255
    known = one_page.read_page(media.encode_picture(page), "it", painting(TINT),
                               colorize.Settings())
    assert known.route.kind == "line_art"
    original, read = known.original, known.printed
    strokes = np.zeros((640, 480, 4), np.uint8)
    cv2.circle(strokes, (100, 100), 5, (*BLUE, 255), -1)
    result = printed_page.color(original, read, "keep", strokes)
    assert tuple(result.picture[500, 100]) == BLUE
    assert result.record["told"] == 1 and result.record["reached"] >= 1


def test_a_stroke_across_regions_tells_each_of_them_and_its_soft_rim_none():
    sheet, regions = manga_pages.drawn("line art")
    large = np.zeros((2 * manga_pages.HEIGHT, 2 * manga_pages.WIDTH, 4), np.uint8)
    (face_row, column), coat = middle(sheet, "face"), middle(sheet, "coat")
    cv2.line(large, (2 * column, 2 * face_row), (2 * column, 2 * coat[0]), (*BLUE, 255), 16,
             cv2.LINE_AA)
    cv2.circle(large, (2 * column + 8, 2 * face_row), 9, (*SKIN, 255), -1, cv2.LINE_AA)
    clicks = printed_page.clicks_of(large, regions)
    regions_of = {regions.at(click.row, click.column): click.color for click in clicks
                  if click.color == BLUE}
    assert {regions.at(*coat), regions.at(face_row, column)} <= set(regions_of)
    assert {click.color for click in clicks} == {BLUE, SKIN}
    assert printed_page.clicks_of(np.zeros((9, 9, 4), np.uint8), regions) == []


def test_single_pixels_and_adjoining_patches_are_clicks_of_their_own():
    _, regions = manga_pages.drawn("line art")
    drawn = np.zeros((manga_pages.HEIGHT, manga_pages.WIDTH, 4), np.uint8)
    drawn[500, 100] = (*BLUE, 255)
    drawn[200:210, 700:710] = (*BLUE, 255)
    drawn[200:210, 710:720] = (*SKIN, 255)
    clicks = printed_page.clicks_of(drawn, regions)
    assert sorted(click.color for click in clicks) == sorted([BLUE, BLUE, SKIN])
    assert Click(500, 100, BLUE) in clicks


def test_a_soft_dot_tells_the_colour_of_its_middle():
    _, regions = manga_pages.drawn("line art")
    drawn = np.zeros((manga_pages.HEIGHT, manga_pages.WIDTH, 4), np.uint8)
    drawn[499:503, 99:103] = (*np.array(BLUE) - 2, 180)
    drawn[500, 100] = (*BLUE, 255)
    assert [click.color for click in printed_page.clicks_of(drawn, regions)] == [BLUE]


def test_a_dot_and_a_stroke_divide_the_region_that_both_lie_in_and_a_dot_over_a_dot_does_not(
        tmp_path):
    page = np.full((700, 500), 255, np.uint8)
    cv2.rectangle(page, (20, 20), (480, 680), 0, 3)
    known = one_page.read_page(media.encode_picture(page), "it", painting(TINT),
                               colorize.Settings())
    original, read = known.original, known.printed
    drawn = np.zeros((700, 500, 4), np.uint8)
    cv2.circle(drawn, (250, 120), 6, (*SKIN, 255), -1)
    cv2.line(drawn, (40, 500), (460, 500), (*BLUE, 255), 10)
    result = printed_page.color(original, read, "keep", drawn)
    whole = page == 255
    for rows, color in ((np.s_[30:250], SKIN), (np.s_[400:670], BLUE)):
        inside = result.picture[rows, 30:470][whole[rows, 30:470]]
        assert (inside == color).all(1).mean() > 0.97
    assert result.record["told"] == 2
    assert result.record["regions"] == read.regions.count  # of the page, not their parts
    flat = dict((name, picture) for name, _, picture in result.layers())["color"]
    assert tuple(flat[120, 60]) == SKIN and tuple(flat[600, 60]) == BLUE
    again = drawn.copy()
    cv2.circle(again, (254, 124), 6, (*BLUE, 255), -1)
    result = printed_page.color(original, read, "keep", again)
    assert tuple(result.picture[120, 60]) == BLUE and result.record["told"] == 1
    untold = printed_page.color(original, read, "keep", 0 * drawn)  # taken back
    assert (untold.picture == printed_page.color(original, read, "keep").picture).all()


def test_hints_without_a_stroke_are_told_of(tmp_path):
    sheet, _ = manga_pages.drawn("line art")
    Image.fromarray(np.zeros((9, 9, 4), np.uint8)).save(tmp_path / "none.png")
    _, record = colored(sheet.luminance, tmp_path / "none.png")
    assert any("no opaque stroke" in note for note in record["notes"])


def test_a_lock_that_is_asked_for_comes_before_the_kind():
    sheet, _ = manga_pages.drawn("screentone")
    picture, record = colored(sheet.luminance, lock="luminance")
    assert line_lock.largest_change(sheet.luminance, picture) <= 1
    assert record["rule"] == "luminance" and record["luminance_change"] <= 1
    assert colored(sheet.luminance, lock="ink")[1]["rule"] == "ink"


def test_gray_pages_keep_their_luminance():
    rows = np.linspace(30, 220, 200)[:, None] + np.linspace(0, 30, 300)
    page = rows.astype(np.uint8)
    picture, record = colored(page)
    assert record["kind"] == "gray" and record["rule"] == "luminance"
    assert line_lock.largest_change(page, picture) <= 1 and "regions" not in record


def test_smooth_tones_replace_dots_by_their_shade_and_keep_the_ink():
    sheet, kept, _ = colored_sheet("screentone")
    smooth, record = colored(sheet.luminance, tones="smooth")
    patch = np.s_[1100:1200, 150:250]
    assert kept[patch].std() > 30 > 6 > smooth[patch][..., 1].std()
    assert record["tones"] == "smooth" and record["ink_change"] <= 1


def test_a_page_without_colour_is_told_of():
    sheet, _ = manga_pages.drawn("line art")
    picture, record = colored(sheet.luminance, models=painting((1.0, 1.0, 1.0)))
    assert span(picture).max() == 0
    assert any("hardly any colour" in note for note in record["notes"])
    black_and_white = np.where(sheet.luminance > 127, 255, 0).astype(np.uint8)
    _, locked = colored(black_and_white, lock="luminance")
    assert any("without --lock" in note for note in locked["notes"])


@pytest.mark.parametrize("tones", ["keep", "smooth"])
def test_its_layers_together_are_the_page(tones, tmp_path):
    sheet, _ = manga_pages.drawn("screentone")
    file, _ = one_page.colored_file(media.encode_picture(sheet.luminance), "it", painting(TINT),
                                    colorize.Settings(layers=True, tones=tones), None,
                                    tmp_path / "page.ora")
    with zipfile.ZipFile(tmp_path / "page.ora") as archive:
        ink, flat = (np.asarray(Image.open(archive.open(f"data/{name}.png")).convert("RGB"))
                     for name in ("ink", "color"))
        assert b'composite-op="svg:multiply"' in archive.read("stack.xml")
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) <= 60
    together = ink.astype(float) * flat / 255
    change = np.abs(together - media.stored_colors(file, "it"))
    assert change.mean() < 1 and (change.max(2) > 30).mean() < 0.01


def test_a_further_click_reads_no_page_again(tmp_path, monkeypatch):
    sheet, _ = manga_pages.drawn("line art")
    models = painting(TINT)
    remembering = colorize.Models(models.pages, memory=colorize.PageMemory())
    first, _ = colored(sheet.luminance, models=remembering)
    np.testing.assert_array_equal(first, colored_sheet("line art")[1])

    def fail(*arguments):
        raise AssertionError("read again")

    monkeypatch.setattr(one_page, "find_regions", fail)
    monkeypatch.setattr(one_page, "judge", fail)
    hints = dots(tmp_path / "hints.png", [(middle(sheet, "face"), SKIN)])
    picture, _ = colored(sheet.luminance, hints, models=remembering)
    assert tuple(picture[middle(sheet, "face")]) == SKIN
    for other in ({"treat_as": "line_art"}, {"saturation": 2.0}):
        with pytest.raises(AssertionError, match="read again"):
            colored(sheet.luminance, models=remembering, **other)


def with_moods(kind="gray") -> colorize.Models:
    """A model that takes hints, and knows a red mood and a blue one."""
    pages = painting(TINT, kind).pages
    known = [[chroma] * moods.LEVELS for chroma in ((40.0, -20.0), (-20.0, 40.0))]
    return colorize.Models(replace(pages, network_guided=lambda pixels: pages.network(
        pixels[..., :1]), moods=known), memory=colorize.PageMemory())


@pytest.mark.parametrize("name", ["line art", "screentone"])
def test_a_mood_gives_a_printed_page_its_light_but_not_its_paper_its_ink_and_what_is_told(
        name, tmp_path, monkeypatch):
    sheet, _ = manga_pages.drawn(name)
    models, hints = with_moods(), dots(tmp_path / "hints.png", [(middle(sheet, "face"), SKIN)])
    untold, _ = colored(sheet.luminance, models=models)
    monkeypatch.setattr(one_page, "find_regions", None)  # another mood needs no new look
    red, record = colored(sheet.luminance, hints, models, mood="1")
    blue, _ = colored(sheet.luminance, models=models, mood="2")
    drawn = (untold < 250).any(2) & (sheet.luminance > 160)
    assert drawn.mean() > 0.1
    paper = sheet.white & (untold == 255).all(2)
    assert paper.sum() > 0.9 * (sheet.white & (sheet.luminance == 255)).sum()
    for picture, strong, weak in ((red, 0, 2), (blue, 2, 0)):
        at = drawn & (np.abs(picture.astype(int) - SKIN).max(2) > 3)
        assert (picture[at][:, strong].astype(int) - picture[at][:, weak] > 20).mean() > 0.9
        assert (picture[paper] == 255).all()
        assert (np.ptp(picture[sheet.luminance < 32].astype(int), axis=1) <= 2).all()
    assert tuple(red[middle(sheet, "face")]) == SKIN and record["told"] == 1


def test_a_mood_is_a_pictures_too_and_what_takes_none_says_so(tmp_path):
    sheet, _ = manga_pages.drawn("line art")
    light = np.full((64, 96, 3), (180, 120, 110), np.uint8)
    media.write_picture(tmp_path / "light.png", light)
    models = painting(TINT, "manga")
    picture, record = colored(sheet.luminance, models=models, mood=str(tmp_path / "light.png"))
    frame = tmp_path / "frame.png"
    media.write_picture(frame, episode.draw_frame(0)[:90, :160])
    of_mood, of_reference = (colored(sheet.luminance, models=models, **given)[0] for given in (
        {"mood": str(frame)}, {"reference": (frame,)}))
    np.testing.assert_array_equal(of_mood, of_reference)
    untold, _ = colored(sheet.luminance, models=models)
    at = (untold < 250).any(2) & (sheet.luminance > 160)
    assert (picture[at][:, 0].astype(int) - picture[at][:, 2] > 20).mean() > 0.9
    assert "notes" not in record
    with pytest.raises(UsageError, match="1 is none of the moods of painter, which has none; give "
                                         "a coloured picture"):
        colored(sheet.luminance, models=models, mood="1")
    pages = with_moods().pages
    models = colorize.Models(pages, replace(pages, input="edge", network_guided=None))
    unused = ["its mood was not used: painter takes none",
              "its saturation was not used: painter takes none"]
    _, record = colored(sheet.luminance, models=models, mood="1", saturation=2.0, lock="ink")
    assert record["notes"][-2:] == unused
    _, record = colored(sheet.luminance, models=models, mood="1", saturation=2.0, lock="ink",
                        of_series=("mood", "saturation"))
    assert not set(unused) & set(record["notes"])


def test_pale_votes_keep_their_hue_beside_one_another_in_a_mood():
    sheet, _ = manga_pages.drawn("line art")
    known = one_page.read_page(media.encode_picture(sheet.luminance), "it", with_moods(),
                               colorize.Settings()).printed
    votes = np.full_like(known.votes, 255)
    votes[1::2], votes[2::2] = (255, 255, 195), (250, 250, 190)
    red = np.full((moods.LEVELS, 2), (40.0, -20.0), np.float32)
    tinted = printed_page.in_mood(replace(known, votes=votes), red).votes.astype(int)
    painted = ~known.regions.white[1:]
    assert np.ptp(tinted[1:][painted].max(1)) <= 12
    assert (tinted[1:][painted, 0] > tinted[1:][painted, 2] + 20).all()


def test_a_printed_page_is_shown_small_in_each_mood():
    sheet, _ = manga_pages.drawn("screentone")
    models, file = with_moods(), media.encode_picture(sheet.luminance)
    small = mood_previews.paint(file, "it", models, colorize.Settings())
    assert len(small.pictures) == 3 and max(small.luminance.shape) == mood_previews.LONGEST
    warmth = [(picture[..., 0].astype(float) - picture[..., 2]).mean()
              for picture in small.pictures]
    assert warmth[0] > 5 and warmth[1] > 5 and warmth[2] < -5
    whole, _ = colored(sheet.luminance, models=models, mood="2")
    blue = small.pictures[2]
    scaled = cv2.resize(whole, blue.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(blue.astype(float) - scaled).mean() < 6
    for settings, count in (({"treat_as": "color"}, None), ({"lock": "ink"}, 3)):
        other = mood_previews.paint(file, "it", models, colorize.Settings(**settings))
        assert count == (other and len(other.pictures))


def test_the_model_that_ships_knows_eight_moods():
    assert colorize.Model.load(config.SHIPPED_MODEL).mood_count == moods.COUNT


def test_a_further_stroke_on_a_gray_page_reads_it_no_more_and_gives_the_same(tmp_path,
                                                                              monkeypatch):
    def network_guided(pixels):
        told = pixels[..., 4:] // 255
        return {"pixels": told * pixels[..., 1:4] + (1 - told) * pixels[..., :1]}

    pages = replace(painting(TINT).pages, network_guided=network_guided)
    gray = np.tile(np.linspace(60, 190, 300).astype(np.uint8), (200, 1))
    hints = [dots(tmp_path / f"{column}.png", [((100, column), SKIN)], gray.shape)
             for column in (40, 240)]
    remembering = colorize.Models(pages, memory=colorize.PageMemory())
    colored(gray, models=remembering)
    fresh = [colored(gray, each, colorize.Models(pages)) for each in hints]
    for name in ("judge", "_look"):
        monkeypatch.setattr(one_page, name, None)
    monkeypatch.setattr(media, "read_stored_picture", None)  # strokes are a layer
    for each, (picture, record) in zip(hints, fresh, strict=True):
        told, said = colored(gray, each, remembering)
        np.testing.assert_array_equal(told, picture)
        assert said == record and record["guided"]
    assert (fresh[0][0] != fresh[1][0]).any()


def test_the_memory_of_pages_is_bounded_and_gives_up_the_longest_unused():
    memory, read = colorize.PageMemory(20), object()
    for key in "ab":
        memory.keep((key,), read, 10)
    assert memory.find(("a",)) is read
    memory.keep(("c",), read, 10)
    assert memory.find(("b",)) is None and memory.find(("a",)) is read
    memory.keep(("d",), read, 21)
    assert memory.find(("d",)) is None and memory.find(("a",)) is read


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (40, 3), (30, 30)])
def test_pages_of_odd_shapes_are_borne(shape):
    for level in (0, 255):
        picture, record = colored(np.full(shape, level, np.uint8), treat_as="line_art")
        assert picture.shape == (*shape, 3) and record["rule"] == "flat"


def test_tones_are_part_of_the_job_and_the_report_counts_the_clicks(tmp_path):
    sheet, _ = manga_pages.drawn("line art")
    media.write_picture(tmp_path / "page.png", sheet.luminance)
    hints = dots(tmp_path / "hints.png", [(middle(sheet, "face"), SKIN)])
    models, out = painting(TINT), tmp_path / "out"
    settings = colorize.Settings(hints=hints)
    report = colorize.colorize(models, [tmp_path / "page.png"], out, settings)
    line = next(line for line in report.lines(out) if "hints told" in line)
    assert "hints told: 1," in line
    said = json.loads((out / "report.json").read_text())
    assert said["settings"]["tones"] == "keep" and said["pages"][0]["told"] == 1
    assert "hints told: 1," in (out / "report.html").read_text()
    with pytest.raises(SettingsMismatch, match="with other settings"):
        colorize.colorize(models, [tmp_path / "page.png"], out,
                          colorize.Settings(hints=hints, tones="smooth"))


def test_tones_are_refused_where_they_would_do_nothing(error_of, tmp_path):
    code, line = error_of("colorize", "model", tmp_path, "--out", tmp_path / "out", "--tones",
                          "smooth", "--lock", "ink")
    assert code == 2 and "--tones: is for flat colour" in line
    (tmp_path / "film.mkv").touch()
    with pytest.raises(UsageError, match="--tones is for printed pages"):
        colorize.colorize(painting(TINT), [tmp_path / "film.mkv"], tmp_path / "out.mkv",
                          colorize.Settings(tones="smooth"))
