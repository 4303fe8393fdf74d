"""Claims about how files come to the studio, what is told meanwhile, and who needs no mouse."""

import base64
import json
import re

import httpx
import test_studio
from playwright.sync_api import expect
from test_studio import SECONDS, add, choose, finish, row

from keras_colorize.serving import shelf

browser, open_page, pages = test_studio.browser, test_studio.open_page, test_studio.pages
long_book = test_studio.long_book

GIVE = """([type, files]) => {
  const given = new DataTransfer();
  for (const [name, kind, content] of files) {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    given.items.add(new File([bytes], name, { type: kind }));
  }
  const event = type === "paste"
    ? new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true })
    : new DragEvent(type, { dataTransfer: given, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""
WATCH = """() => {
  window.seen = [];
  const look = () => seen.push([document.getElementById("status").textContent,
    document.getElementById("bar").checkVisibility(), document.getElementById("bar").value,
    ...[...document.querySelectorAll(".page .state")].map((each) => each.textContent)]);
  new MutationObserver(look).observe(document.getElementById("desk"),
    { subtree: true, childList: true, characterData: true, attributes: true });
}"""
FAILING = """() => {
  DataTransferItem.prototype.webkitGetAsEntry = () => ({ isDirectory: true, name: "scans",
    createReader: () => ({ readEntries: (done, failed) => failed(new Error("it was moved")) }) });
}"""


def give(page, kind, *paths):
    files = [(path.name, "image/png", base64.b64encode(path.read_bytes()).decode())
             for path in paths]
    page.evaluate(GIVE, [kind, files])


def test_the_sample_and_pages_that_are_dropped_or_pasted_are_coloured(server, pages, open_page):
    page = open_page(server.url)
    page.get_by_role("button", name="Try a sample page").click()
    choose(page, "sample.png")
    finish(page)
    expect(page.locator("#facts")).to_contain_text("A page with screentone")
    give(page, "dragenter", pages / "page2.png")
    expect(page.get_by_text("Drop them to colour them")).to_be_visible()
    give(page, "drop", pages / "page2.png", pages / "page10.png")
    expect(page.locator("#drop")).to_be_hidden()
    finish(page)
    give(page, "paste", pages / "page2.png")
    expect(row(page, "page2 (2).png")).to_be_visible(timeout=SECONDS)
    finish(page)
    expect(page.locator("#status")).to_have_text("Done: 4 of 4 coloured")


def test_how_far_a_book_is_is_seen(server, long_book, open_page):
    page = open_page(server.url)
    page.evaluate(WATCH)
    page.set_input_files("#files", long_book)
    expect(page.locator("#status")).to_have_text("Done: 8 of 8 coloured", timeout=SECONDS)
    seen = json.loads(page.evaluate("() => JSON.stringify(seen)"))
    said = [status for status, *_ in seen]
    assert any(each.startswith("Uploading") for each in said)
    assert any(re.fullmatch("Colouring: [1-7] of 8 done", each) for each in said)
    under_way = [each for each in seen if each[0].startswith(("Uploading", "Colouring"))]
    assert all(visible for _, visible, *_ in under_way)
    assert any(0 < share < 1 for _, _, share, *_ in under_way)
    assert any("Colouring …" in states for _, _, _, *states in under_way)


def test_a_folder_that_cannot_be_read_is_told(server, pages, open_page):
    page = open_page(server.url)
    page.evaluate(FAILING)
    give(page, "drop", pages / "page2.png")
    expect(page.get_by_role("alert")).to_have_text(
        "scans cannot be read (it was moved); choose its pages instead.")


def test_two_alike_are_two_pages(server, pages, open_page):
    page = open_page(server.url)
    for _ in range(2):
        give(page, "drop", pages / "page2.png")
    finish(page)
    expect(page.locator("#status")).to_have_text("Done: 2 of 2 coloured")


def test_why_a_busy_server_is_waited_for_is_told(server, pages, open_page):
    page = open_page(server.url, refused=503)
    with httpx.Client(base_url=f"{server.url}/api/") as client:
        books = []
        while len(books) < shelf.MOST_BOOKS:
            answer = client.post("books")
            if answer.status_code == 503:
                break
            books.append(answer.json()["id"])
        page.set_input_files("#files", pages / "page2.png")
        expect(page.get_by_role("alert")).to_contain_text("finds no room on the server",
                                                          timeout=SECONDS)
        for book in books:
            client.delete(f"books/{book}")
    finish(page)
    expect(page.locator("#notice")).to_be_hidden()


def test_the_keyboards_focus_is_kept_while_the_list_is_drawn_anew(server, pages, open_page):
    page = open_page(server.url)
    add(page, pages / "page2.png", pages / "page10.png")
    choose(page, "page10.png")
    expect(row(page, "page10.png")).to_have_attribute("aria-current", "true")
    assert page.locator("[aria-current]").count() == 1
    row(page, "page10.png").focus()
    give(page, "paste", pages / "page2.png")
    expect(row(page, "page2 (2).png")).to_be_visible(timeout=SECONDS)
    expect(row(page, "page10.png")).to_be_focused()
    finish(page)
    page.set_input_files("#files", pages / "book.cbz")
    expect(row(page, "one/page2.png")).to_be_visible(timeout=SECONDS)
    expect(row(page, "page10.png")).to_be_focused()
    finish(page)
    for name in ("book.cbz", "Pages"):
        page.get_by_role("button", name=f"Remove {name}").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name=f"Remove {name}?")
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Remove", exact=True).focus()
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        if name == "book.cbz":
            expect(page.locator("[aria-current]")).to_be_focused()
    expect(page.locator("#choose")).to_be_focused()


def test_the_brush_of_the_keyboard_says_where_it_is(server, pages, open_page):
    page = open_page(server.url)
    add(page, pages / "page2.png")
    choose(page, "page2.png")
    page.get_by_role("button", name="Draw strokes").click()
    expect(page.get_by_role("button", name="Stop drawing")).to_have_attribute("aria-expanded",
                                                                              "true")
    assert page.locator("[aria-pressed]").count() == 0
    canvas = page.get_by_role("application", name="Strokes of colour")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    place = page.locator("#place")
    expect(place).to_have_text("Brush at 52 % from the left, 50 % from the top; 0 strokes")
    page.keyboard.press("Space")
    expect(place).to_have_text("Brush at 52 % from the left, 50 % from the top; 1 stroke")
    expect(place).to_have_role("status")
    edge = "it => getComputedStyle(it).borderTopWidth + getComputedStyle(it).borderTopColor"
    assert page.locator("#swatches button").first.evaluate(edge) == "2pxrgb(28, 29, 33)"
