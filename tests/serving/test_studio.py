"""Claims about the studio, in a real browser against a real server."""

import base64
import io
import os
import re
import shutil
import zipfile
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from conftest import BROWSERS, PHONE
from playwright.sync_api import expect, sync_playwright
from serving_process import TOKEN

from keras_colorize import cli, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import series
from keras_colorize.image import pixels

SECONDS = 60_000  # milliseconds that anything may take on a busy machine
DONE = re.compile("^Done")


@pytest.fixture(scope="module")
def browser():
    place = next(filter(None, map(shutil.which, BROWSERS)), None)
    if place is None:
        pytest.skip(f"there is no browser here: none of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=place, args=flags)
        yield started
        started.close()


@pytest.fixture
def open_page(browser):
    """A function that opens the page of a server; at the end nothing has gone wrong in any.

    A browser's console tells of an answer that refuses a file; `refused` is its status.
    """
    opened, problems, known = [], [], []

    def start(url, refused=None, **settings):
        known.append(f"the server responded with a status of {refused} ")
        settings.setdefault("viewport", {"width": 1280, "height": 800})
        page = browser.new_context(**settings).new_page()
        opened.append(page)
        page.set_default_timeout(SECONDS)
        page.on("console", lambda message: problems.append(message.text)
                if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(f"asks for {request.url}")
                if not request.url.startswith((f"{url}/", "data:", f"blob:{url}/")) else None)
        page.goto(url)
        return page

    yield start
    for page in opened:
        page.context.close()
    assert not [each for each in problems if not any(status in each for status in known)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Two gray pages, one cut short, and a book of three, of which one is damaged too."""
    folder = tmp_path_factory.mktemp("pages")
    for number in (2, 10):
        media.write_picture(folder / f"page{number}.png", gray(30 * number))
    (folder / "page3.png").write_bytes((folder / "page2.png").read_bytes()[:900])
    with zipfile.ZipFile(folder / "book.cbz", "w") as archive:
        archive.writestr("ComicInfo.xml", "<ComicInfo/>")
        archive.writestr("one/page10.jpg", media.encode_picture(gray(90), ".jpg"))
        archive.writestr("one/page2.png", media.encode_picture(gray(120)))
        archive.writestr("one/page1.png", b"\x89PNG but no more")
    return folder


@pytest.fixture(scope="module")
def long_book(tmp_path_factory):
    """A book of eight large pages, which is under way for seconds on any machine."""
    path = tmp_path_factory.mktemp("long") / "long.cbz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(8):
            page = cv2.resize(gray(30 * number), (1500, 1000))
            archive.writestr(f"{number}.png", media.encode_picture(page))
    return path


def gray(index):
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(index))[:200, :300])


def add(page, *files):
    """Hands files to the page, and waits until all is coloured that can be."""
    page.set_input_files("#files", files)
    finish(page)


def finish(page):
    expect(page.locator("#status")).to_have_text(DONE, timeout=SECONDS)


def row(page, name):
    return page.locator("button.page", has=page.get_by_text(name, exact=True))


def choose(page, name):
    row(page, name).click()
    expect(page.locator("#title")).to_have_text(name)
    expect(page.locator("#after")).to_be_visible(timeout=SECONDS)


def download(page, selector):
    """The bytes that a button gives, and the name that they are saved by."""
    with page.expect_download(timeout=SECONDS) as given:
        page.locator(selector).click()
    return Path(given.value.path()).read_bytes(), given.value.suggested_filename


def colored_by_command(model, out, *inputs):
    """The folder of what `colorize` makes of the same files with the same model."""
    assert cli.main(["colorize", *map(str, (model, *inputs, "--out", out))]) in (0, 1)
    return out


def test_pages_and_books_come_out_as_the_command_makes_them(server, served_model, pages, open_page,
                                                            tmp_path):
    page = open_page(server.url)
    add(page, *(pages / name for name in ("page10.png", "page3.png", "page2.png", "book.cbz")))
    expect(page.locator("#status")).to_have_text("Done: 4 of 6 coloured, 2 failed")
    names = page.locator("button.page .name").all_inner_texts()
    assert names == ["page2.png", "page3.png", "page10.png",
                     "one/page1.png", "one/page2.png", "one/page10.jpg"]
    for name in ("page3.png", "one/page1.png"):
        expect(row(page, name).locator(".state")).to_have_text(
            "cannot be read as a picture; is it whole? export it as PNG")
    out = colored_by_command(served_model, tmp_path / "out", pages, "--layers")
    choose(page, "page10.png")
    assert download(page, "#png") == ((out / "page10.png").read_bytes(), "page10.png")
    layers, name = download(page, "#layers")
    assert (layers, name) == ((out / "page10.ora").read_bytes(), "page10.ora")
    with zipfile.ZipFile(io.BytesIO(layers)) as archive:
        assert {"mimetype", "stack.xml", "data/ink.png", "data/color.png"} <= \
            set(archive.namelist())
    choose(page, "one/page10.jpg")
    book, name = download(page, "#cbz")
    assert (book, name) == ((out / "book.cbz").read_bytes(), "book.cbz")
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert archive.namelist() == ["ComicInfo.xml", "one/page10.jpg", "one/page2.png",
                                      "one/page1.png"]
        assert download(page, "#own") == (archive.read("one/page10.jpg"), "page10.jpg")
    png = download(page, "#png")[0]
    colored_by_command(served_model, tmp_path / "png", pages / "book.cbz", "--format", "png")
    with zipfile.ZipFile(tmp_path / "png" / "book.cbz") as archive:
        assert png == archive.read("one/page10.png")
    choose(page, "page2.png")
    with zipfile.ZipFile(io.BytesIO(download(page, "#cbz")[0])) as archive:
        assert archive.namelist() == ["page2.png", "page10.png"]
        assert archive.read("page2.png") == (out / "page2.png").read_bytes()


@pytest.fixture
def discs(tmp_path):
    """Two gray discs on a light ground, each outlined in black."""
    picture = np.full((240, 360), 190, np.uint8)
    for left in (100, 260):
        cv2.circle(picture, (left, 120), 60, 130, -1, cv2.LINE_AA)
        cv2.circle(picture, (left, 120), 60, 0, 5, cv2.LINE_AA)
    media.write_picture(tmp_path / "discs.png", picture)
    return tmp_path / "discs.png"


def at(page, x, y):
    """Where a point of the picture is on the screen."""
    box = page.locator("#frame").bounding_box()
    return box["x"] + x / 360 * box["width"], box["y"] + y / 240 * box["height"]


def stroke(page, *points):
    page.mouse.move(*at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*at(page, *point), steps=4)
    page.mouse.up()


def again(page, button="#apply"):
    """Colours the page anew, and gives what comes of it: the file, and its picture."""
    with page.expect_response(lambda answer: "/colored?view" in answer.url, timeout=SECONDS):
        page.locator(button).click()
    finish(page)  # and it is done to the last page
    file = download(page, "#png")[0]
    return file, media.picture_of(file, "it").astype(int)


def drawn(page):
    """The strokes on the page, as a PNG file."""
    return base64.b64decode(page.locator("#strokes").evaluate(
        "canvas => canvas.toDataURL().split(',')[1]"))


def redness(picture):
    return picture[..., 0] - picture[..., 2]


def test_strokes_drawn_by_mouse_colour_what_they_lie_on(server, served_model, discs,
                                                             open_page, tmp_path):
    page = open_page(server.url)
    add(page, discs)
    choose(page, "discs.png")
    plain = media.picture_of(download(page, "#png")[0], "it").astype(int)
    page.locator("#draw").click()
    expect(page.locator("#apply")).to_be_disabled()
    page.locator("#color").fill("#d02828")
    stroke(page, (85, 110), (115, 130))
    page.locator("#color").fill("#2828d0")
    stroke(page, (250, 110), (270, 130))
    page.locator("#undo").click()
    strokes = drawn(page)
    file, hinted = again(page)
    inside = cv2.circle(np.zeros((240, 360), np.uint8), (100, 120), 54, 1, -1) > 0
    other = cv2.circle(np.zeros((240, 360), np.uint8), (260, 120), 54, 1, -1) > 0
    assert (redness(hinted)[inside] > 40).mean() > 0.98
    assert np.abs(hinted - plain)[other].mean() < 3, "a stroke that was undone"
    (tmp_path / "strokes.png").write_bytes(strokes)
    out = colored_by_command(served_model, tmp_path / "out", discs, "--hints",
                             tmp_path / "strokes.png")
    assert file == (out / "discs.png").read_bytes()
    page.get_by_text("Eraser").click()
    page.locator("#width").fill("40")
    stroke(page, (80, 105), (120, 135))
    stroke(page, (80, 110), (120, 130))
    assert not media.read_stored_picture(drawn(page), "it").alpha.any()
    _, erased = again(page)
    assert np.abs(erased - plain).mean() < 0.5


def test_a_gray_page_follows_each_stroke_at_once_in_a_colour_that_is_likely_there(
        guarded_server, guided_model, discs, open_page, tmp_path):
    page = open_page(guarded_server.url, refused=401)
    enter_token(page)
    add(page, discs)
    choose(page, "discs.png")
    untold = download(page, "#png")[0]
    page.locator("#draw").click()
    likely = page.get_by_role("group", name="Likely here").get_by_role("button")
    expect(likely).to_have_count(0)
    page.get_by_text("Pick").click()
    page.mouse.click(*at(page, 100, 120))
    expect(likely.nth(1)).to_be_visible()
    likely.last.focus()
    page.keyboard.press("Enter")
    color = page.locator("#color").input_value()
    expect(likely.last).to_have_accessible_name(re.compile(f"^Likely colour [2-5], {color}$"))
    told = pixels.gray(np.uint8([[[int(color[at:at + 2], 16) for at in (1, 3, 5)]]]))
    assert abs(int(told[0, 0]) - 130) <= 1, "the luminance of the disc"

    def follow(draw):
        """The file of the page that follows what is drawn."""
        with page.expect_response(lambda answer: "/colored?view" in answer.url, timeout=SECONDS):
            draw()
        expect(page.locator("#strokes")).to_have_class("applied")
        return download(page, "#png")[0]

    assert follow(lambda: stroke(page, (85, 110), (115, 130))) != untold
    assert follow(lambda: page.keyboard.press("Control+z")) == untold
    file = follow(lambda: stroke(page, (100, 120)))
    (tmp_path / "strokes.png").write_bytes(drawn(page))
    out = colored_by_command(guided_model, tmp_path / "out", discs, "--no-series", "--hints",
                             tmp_path / "strokes.png")
    assert file == (out / "discs.png").read_bytes() != untold


def test_a_colour_is_picked_from_the_page_and_strokes_need_no_mouse(server, discs, open_page):
    page = open_page(server.url)
    add(page, discs)
    choose(page, "discs.png")
    page.locator("#draw").click()
    page.locator("#cut").fill("100")  # all of it as it was
    page.get_by_text("Pick").click()
    page.mouse.click(*at(page, 100, 120))
    assert page.locator("#color").input_value() == "#828282"
    expect(page.get_by_role("radio", name="Brush")).to_be_checked()
    page.get_by_role("button", name="Red", exact=True).click()
    page.locator("#strokes").focus()
    for _ in range(11):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    _, hinted = again(page)
    assert redness(hinted)[120, 100] > 40 > redness(hinted)[120, 260]
    page.keyboard.press("Control+z")
    expect(page.locator("#undo")).to_be_disabled()


@pytest.fixture
def panels(tmp_path):
    """A page of two empty panels side by side."""
    page = np.full((240, 360), 255, np.uint8)
    for left in (20, 190):
        cv2.rectangle(page, (left, 20), (left + 150, 220), 0, 3)
    media.write_picture(tmp_path / "panels.png", page)
    return tmp_path / "panels.png"


def test_a_dot_on_a_printed_page_fills_its_region_at_once(server, served_model, panels,
                                                          open_page, tmp_path):
    page = open_page(server.url)
    add(page, panels)
    choose(page, "panels.png")
    facts = page.locator("#facts")
    expect(facts).to_contain_text("flat colour in")
    page.locator("#draw").click()
    page.locator("#color").fill("#d02828")
    stroke(page, (90, 120))
    expect(facts).to_contain_text("regions told: 1", timeout=SECONDS)
    strokes, file = drawn(page), download(page, "#png")[0]
    filled = media.picture_of(file, "it")
    assert tuple(filled[40, 40]) == (0xd0, 0x28, 0x28) and (filled[5, 5] == 255).all()
    (tmp_path / "strokes.png").write_bytes(strokes)
    out = colored_by_command(served_model, tmp_path / "out", panels, "--hints",
                             tmp_path / "strokes.png")
    assert file == (out / "panels.png").read_bytes()
    page.keyboard.press("Control+z")
    expect(facts).not_to_contain_text("regions told", timeout=SECONDS)
    page.locator("#lock").select_option("ink")
    expect(page.locator("#tones")).to_be_disabled()


def test_strokes_outlive_a_reload_and_clear_is_taken_back(server, panels, open_page):
    page = open_page(server.url)
    add(page, panels)
    choose(page, "panels.png")
    facts, cut, place = page.locator("#facts"), page.locator("#cut"), page.locator("#frame")
    before = place.bounding_box()
    expect(cut).to_have_value("50")
    page.locator("#draw").click()
    expect(cut).to_have_value("0")  # what is drawn on is seen
    stroke(page, (90, 120))
    expect(facts).to_contain_text("regions told: 1", timeout=SECONDS)
    assert place.bounding_box() == before
    page.reload()
    choose(page, "panels.png")
    page.locator("#draw").click()
    stroke(page, (260, 120))
    expect(facts).to_contain_text("regions told: 2", timeout=SECONDS)
    page.locator("#clear").click()
    expect(facts).not_to_contain_text("regions told", timeout=SECONDS)
    page.get_by_role("button", name="Keep colour").click()
    expect(page.locator("#kept button")).to_have_count(1)
    page.keyboard.press("Control+z")  # each kind of change, in the order in which they came
    expect(page.locator("#kept button")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(facts).to_contain_text("regions told: 2", timeout=SECONDS)
    for told in (1, 0):
        page.keyboard.press("Control+z")
        expect(facts).to_contain_text(f"regions told: {told}" if told else "kept white",
                                      timeout=SECONDS)
    expect(page.locator("#undo")).to_be_disabled()
    for told, key in ((1, "Control+Shift+z"), (2, "Control+y")):
        page.keyboard.press(key)
        expect(facts).to_contain_text(f"regions told: {told}", timeout=SECONDS)
    page.locator("#redo").click()  # what was cleared is cleared again
    expect(facts).not_to_contain_text("regions told", timeout=SECONDS)
    page.locator("#redo").click()
    expect(page.locator("#kept button")).to_have_count(1)
    expect(page.locator("#redo")).to_be_disabled()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator("#redo")).to_be_enabled()
    stroke(page, (90, 120))  # what is done now takes the place of what was taken back
    expect(page.locator("#redo")).to_be_disabled()


def test_before_and_after_are_compared_by_the_arrow_keys(server, discs, open_page):
    page = open_page(server.url)
    add(page, discs)
    choose(page, "discs.png")
    page.locator("#cut").focus()
    shown = page.locator("#stage").screenshot()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert page.locator("#cut").input_value() == "70"
    moved = page.locator("#stage").screenshot()
    assert moved != shown
    page.locator("#cut").press("End")
    x, y = at(page, 180, 20)
    page.mouse.move(x + 90, y)
    page.mouse.down()
    page.mouse.move(x, y)
    page.mouse.up()
    assert page.locator("#cut").input_value() == "50"
    page.mouse.move(0, 0)
    page.locator("#cut").focus()
    assert page.locator("#stage").screenshot() == shown


def test_a_page_is_zoomed_by_keys_and_moved(server, pages, open_page):
    page = open_page(server.url)
    add(page, pages / "page2.png")
    choose(page, "page2.png")
    percent = page.locator("#percent")
    expect(percent).to_have_text("100 %")
    page.locator("#stage").focus()
    for _ in range(7):
        page.keyboard.press("+")
    expect(percent).to_have_text("400 %")
    assert page.locator("#stage").evaluate("stage => stage.scrollLeft > 50")
    page.keyboard.press("0")
    expect(percent).to_have_text("100 %")


def test_the_tab_key_goes_through_the_page_in_the_order_of_reading(server, pages, open_page):
    page = open_page(server.url)
    page.keyboard.press("Tab")
    assert focused(page) == "choose"
    add(page, pages / "page2.png", pages / "page10.png")
    choose(page, "page2.png")
    page.locator("#more").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(row(page, "page2.png")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(row(page, "page10.png")).to_be_focused()
    expect(page.locator("#title")).to_have_text("page10.png")
    expect(page.locator("#after")).to_be_visible()
    order = []
    while len(order) < 17 and "cbz" not in order:
        page.keyboard.press("Tab")
        order.append(focused(page))
    assert order == ["stage", "cut", "out", "in", "fit", "own", "draw", "lock", "tones", "paper",
                     "saturation", "treat", "again", "all", "png", "layers", "cbz"]
    outline = page.locator("#cbz").evaluate("it => getComputedStyle(it).outlineWidth")
    assert outline == "3px"


def focused(page):
    return page.evaluate("() => document.activeElement.dataset.zoom || document.activeElement.id")


def test_all_pages_are_coloured_anew_as_it_is_chosen(server, served_model, pages,
                                                            open_page, tmp_path):
    page = open_page(server.url)
    add(page, pages / "page2.png", pages / "page10.png")
    choose(page, "page2.png")
    page.locator("#lock").select_option("ink")
    page.locator("#saturation").fill("3")
    again(page, "#all")
    choose(page, "page10.png")
    expect(page.locator("#facts")).to_contain_text("ink was laid over colours")
    out = colored_by_command(served_model, tmp_path / "out", pages / "page10.png", "--lock", "ink",
                             "--saturation", 3)
    assert download(page, "#png")[0] == (out / "page10.png").read_bytes()
    page.locator("#treat").select_option("color")
    page.locator("#again").click()
    expect(page.locator("#facts")).to_contain_text("copied untouched", timeout=SECONDS)
    expect(page.locator("#layers")).to_be_disabled()


def test_a_book_is_found_again_after_a_reload_and_gone_when_removed(server, pages, open_page):
    page = open_page(server.url, refused=422)
    add(page, pages / "book.cbz")
    page.reload()
    expect(page.locator("#status")).to_have_text("Done: 2 of 3 coloured, 1 failed")
    page.get_by_role("button", name="Remove book.cbz").click()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    expect(page.locator("#welcome")).to_be_visible()
    page.reload()
    expect(page.locator("#choose")).to_be_visible()


def test_a_book_is_removed_while_it_is_asked_about(server, open_page, tmp_path):
    media.write_picture(tmp_path / "large.png", cv2.resize(gray(0), (6000, 4000)))
    page = open_page(server.url)
    page.set_input_files("#files", tmp_path / "large.png")
    expect(page.locator(".page .state")).to_have_text("Colouring …", timeout=SECONDS)
    page.get_by_role("button", name="Remove Pages").click()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    expect(page.locator("#welcome")).to_be_visible()
    page.wait_for_timeout(1000)  # an answer to what it had asked would have come


def test_what_is_no_book_is_told_beside_its_name(server, pages, open_page, tmp_path):
    (tmp_path / "volume.cbr").write_bytes(b"Rar!\x1a\x07\x01\x00")
    (tmp_path / "cut.cbz").write_bytes((pages / "book.cbz").read_bytes()[:500])
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("no page")
    page = open_page(server.url, refused=422)
    add(page, tmp_path / "volume.cbr", tmp_path / "empty.png", tmp_path / "notes.txt",
        pages / "page2.png")
    expect(page.locator("#notice")).to_have_text(
        "notes.txt: no picture and no comic; choose pages.")
    expect(page.locator("#status")).to_have_text("Done: 1 of 3 coloured, 2 failed")
    expect(row(page, "volume.cbr").locator(".state")).to_have_text(
        "is a RAR archive, which is not read; unpack it and zip its pictures as CBZ")
    expect(row(page, "empty.png").locator(".state")).to_contain_text("is it whole?")


def test_on_a_phone_nothing_is_wider_than_the_screen_and_a_finger_draws(server, discs, open_page):
    page = open_page(server.url, viewport={"width": PHONE, "height": 844}, has_touch=True,
                     is_mobile=True, color_scheme="dark")
    assert fits(page)
    add(page, discs)
    choose(page, "discs.png")
    assert fits(page)
    page.locator("#draw").tap()
    assert fits(page)
    page.get_by_role("button", name="Red", exact=True).tap()
    page.locator("#strokes").scroll_into_view_if_needed()
    page.touchscreen.tap(*at(page, 100, 120))
    expect(page.locator("#undo")).to_be_in_viewport()
    assert media.read_stored_picture(drawn(page), "it").alpha[120, 100] == 255
    _, hinted = again(page)
    assert redness(hinted)[120, 100] > 40
    ground = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground)[:3])) < 40, "dark, as the visitor prefers"


def fits(page):
    return page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_token_is_asked_for_until_it_is_right(guarded_server, pages, open_page):
    page = open_page(guarded_server.url, refused=401)
    enter_token(page, "anöther ✗")
    expect(page.locator("#token-error")).to_have_text("The server does not know that token.")
    enter_token(page)
    expect(page.locator("#model")).to_contain_text("series")
    add(page, pages / "page2.png")
    choose(page, "page2.png")
    assert download(page, "#png")[0].startswith(b"\x89PNG")


def enter_token(page, token=TOKEN):
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")


def put(server, path, **sent):
    """Changes what the series of a server with a token has."""
    assert httpx.put(f"{server.url}/api/series/{path}", **sent, headers={
        "Authorization": f"Bearer {TOKEN}".encode()}).status_code == 200


def test_kept_colours_and_a_mood_are_there_for_the_next_volume(guarded_server, guided_model, pages,
                                                               open_page, tmp_path):
    def button(name):
        return page.get_by_role("button", name=name, exact=True)

    page = open_page(guarded_server.url, refused=401)
    enter_token(page)
    add(page, pages / "page2.png", pages / "page10.png")
    choose(page, "page2.png")
    page.locator("#draw").click()
    names = page.locator("#kept button")
    for name, color in (("Hair", "#d02828"), ("Sea", "#2828d0")):
        page.locator("#color").fill(color)
        page.get_by_label("Name").fill(name)
        page.keyboard.press("Enter")
    button("Hair").focus()
    page.keyboard.press("Enter")
    assert page.locator("#color").input_value() == "#d02828"
    page.get_by_label("Name").fill("Her hair")
    button("Rename").click()
    expect(names).to_have_text(["Her hair", "Sea"])
    button("Sea").click()
    button("Remove").click()
    expect(names).to_have_text(["Her hair"])
    for before in (["Her hair", "Sea"], ["Hair", "Sea"], ["Hair"], []):
        page.keyboard.press("Control+z")
        expect(names).to_have_text(before)
    expect(page.locator("#undo")).to_be_disabled()
    for after in (["Hair"], ["Hair", "Sea"], ["Her hair", "Sea"], ["Her hair"]):
        page.locator("#redo").click()
        expect(names).to_have_text(after)
    for _ in range(4):
        page.keyboard.press("Control+z")
    expect(names).to_have_count(0)
    for name, color in (("Her hair", "#d02828"), ("Sea", "#2828d0")):
        page.locator("#color").fill(color)
        page.get_by_label("Name").fill(name)
        page.keyboard.press("Enter")

    expect(button("No mood")).to_have_attribute("aria-pressed", "true")
    warm, cold = (media.decode_picture(base64.b64decode(button(f"Mood {number}").locator(
        "img").get_attribute("src").partition(",")[2])).astype(int) for number in (1, 2))
    assert (redness(warm) - redness(cold)).mean() > 5
    untold = download(page, "#png")[0]
    assert again(page, "[data-mood='1']")[0] != untold
    page.keyboard.press("Control+z")
    expect(button("No mood")).to_have_attribute("aria-pressed", "true", timeout=SECONDS)
    finish(page)
    assert download(page, "#png")[0] == untold
    choose(page, "page10.png")
    page.locator("#lock").select_option("ink")
    again(page, "#again")
    choose(page, "page2.png")
    expect(page.locator("#tools")).to_be_visible()  # as it was on the pages before
    page.locator("#reach").select_option("book")
    button("Mood 1").click()
    finish(page)
    expect(page.locator("#apply")).not_to_have_attribute("aria-busy", "true", timeout=SECONDS)
    assert series.read(guided_model).settings == series.Taste(mood=1)
    choose(page, "page10.png")
    page.locator("#reach").select_option("page")
    button("Mood 2").click()
    finish(page)
    choose(page, "page2.png")
    page.keyboard.press("Control+z")
    expect(button("No mood")).to_have_attribute("aria-pressed", "true", timeout=SECONDS)
    choose(page, "page10.png")
    expect(button("Mood 2")).to_have_attribute("aria-pressed", "true")  # it was given later
    page.keyboard.press("Control+z")
    expect(button("Mood 1")).to_have_attribute("aria-pressed", "true", timeout=SECONDS)
    choose(page, "page2.png")
    page.locator("#reach").select_option("book")
    finish(page)
    expect(page.locator("#apply")).not_to_have_attribute("aria-busy", "true", timeout=SECONDS)
    assert series.read(guided_model).settings == series.Taste()
    page.locator("#draw").click()
    button("Mood 2").focus()
    page.keyboard.press("Enter")
    choose(page, "page10.png")
    expect(button("Mood 2")).to_have_attribute("aria-pressed", "true", timeout=SECONDS)
    expect(page.locator("#lock")).to_have_value("ink")
    finish(page)
    expect(page.locator("#downloads")).not_to_have_attribute("aria-busy", "true")
    out = colored_by_command(guided_model, tmp_path / "out", pages / "page10.png", "--lock", "ink")
    assert download(page, "#png")[0] == (out / "page10.png").read_bytes()
    project = series.read(guided_model)
    assert project.settings == series.Taste(mood=2)
    assert project.swatches == {"Her hair": "#d02828", "Sea": "#2828d0"}

    put(guarded_server, "settings", params={"saturation": 4.25})
    page = open_page(guarded_server.url, refused=409)
    enter_token(page)
    add(page, pages / "page2.png")
    choose(page, "page2.png")
    assert float(page.locator("#saturation").input_value()) > 4
    again(page, "#all")
    expect(page.locator("#apply")).not_to_have_attribute("aria-busy", "true")
    assert series.read(guided_model).settings == series.Taste(mood=2, saturation=4.25)
    put(guarded_server, "settings", params={"saturation": ""})
    expect(button("Mood 2")).to_have_attribute("aria-pressed", "true")
    page.locator("#draw").click()
    button("Sea").click()
    assert page.locator("#color").input_value() == "#2828d0"
    put(guarded_server, "swatches",  # from another tab
        json={"before": [], "after": [["Sky", "#7cc0ea"]]})
    for name in ("Sand", "Grass"):
        page.get_by_label("Name").fill(name)
        page.keyboard.press("Enter")
    names = page.locator("#kept button")
    expect(names).to_have_count(5)
    button("Keep colour").focus()
    page.keyboard.press("Control+z")
    expect(names).to_have_count(4)
    assert set(names.all_inner_texts()) == {"Her hair", "Sea", "Sand", "Sky"}
    page.route("**/series/swatches", lambda route: route.fulfill(status=409, json={
        "error": "series.toml: is full"}) if "#010101" in route.request.post_data
        else route.continue_())
    page.locator("#color").fill("#010101")
    page.get_by_label("Name").fill("Sea")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_have_text(
        "The change of colours is not kept. series.toml: is full")
    expect(names).to_have_count(4)
    expect(button("Sea")).to_have_attribute("title", "#2828d0")


def test_a_page_in_colour_tells_the_others_of_its_book(guarded_server, guided_model, pages,
                                                       open_page, tmp_path):
    refer, like = "#refer", "[data-mood^='like']"

    def told(name):
        """What became of a page, once its book is done."""
        finish(page)
        expect(page.locator("#apply")).not_to_have_attribute("aria-busy", "true", timeout=SECONDS)
        choose(page, name)
        return download(page, "#png")[0]

    put(guarded_server, "settings", params={"mood": ""})
    media.write_picture(tmp_path / "cover.png", episode.draw_frame(120))
    page = open_page(guarded_server.url, refused=401)
    enter_token(page)
    add(page, tmp_path / "cover.png", pages / "page2.png", pages / "page10.png")
    untold = [told(name) for name in ("page2.png", "page10.png")]
    expect(page.locator(like)).to_have_count(0)
    choose(page, "cover.png")
    expect(page.locator("#moods")).to_be_empty()
    page.locator(refer).click()
    expect(page.locator(refer)).to_have_attribute("aria-pressed", "true", timeout=SECONDS)
    out = colored_by_command(guided_model, tmp_path / "out", pages / "page2.png",
                             pages / "page10.png", "--reference", tmp_path / "cover.png")
    for name, before in zip(("page2.png", "page10.png"), untold, strict=True):
        assert before != told(name) == (out / name).read_bytes()
        expect(page.locator(like)).to_have_attribute("aria-pressed", "true")
    again(page, "[data-mood='']")  # of page10.png alone
    assert told("page10.png") == untold[1] and told("page2.png") != untold[0]
    choose(page, "page10.png")
    page.locator(like).click()
    assert told("page10.png") == (out / "page10.png").read_bytes()
    page.locator(refer).click()  # page2.png is told by it too from now on
    choose(page, "page2.png")
    expect(page.locator(like)).to_have_attribute("data-mood", "like 0,2", timeout=SECONDS)
    finish(page)
    page.reload()
    expect(page.locator("button.page")).to_have_count(3, timeout=SECONDS)
    expect(page.locator("#title")).to_have_text("page2.png", timeout=SECONDS)  # as before
    expect(page.locator("button.page .state").first).to_contain_text(", reference")
    expect(page.locator(like)).to_have_attribute("aria-pressed", "true", timeout=SECONDS)
    again(page, "#all")
    assert told("page10.png") == (out / "page10.png").read_bytes()  # each is told as before
    choose(page, "cover.png")
    page.locator(refer).click()  # no more
    choose(page, "page2.png")
    expect(page.locator(like)).to_have_attribute("data-mood", "like 2", timeout=SECONDS)
    assert told("page10.png") == (out / "page10.png").read_bytes()  # a reference stays as it is
    page.keyboard.press("Control+z")
    choose(page, "cover.png")
    page.keyboard.press("Control+z")
    expect(page.locator(refer)).to_have_attribute("aria-pressed", "true", timeout=SECONDS)
    for key, pressed in (("Control+y", "false"), ("Control+z", "true")):
        page.keyboard.press(key)
        expect(page.locator(refer)).to_have_attribute("aria-pressed", pressed, timeout=SECONDS)
    finish(page)
    choose(page, "page10.png")
    for name in ("page10.png", "cover.png"):  # neither tells any page any more
        choose(page, name)
        page.locator(refer).click()
        finish(page)
        expect(page.locator("#apply")).not_to_have_attribute("aria-busy", "true", timeout=SECONDS)
    assert told("page2.png") == untold[0]
    expect(page.locator(like)).to_have_count(0)
