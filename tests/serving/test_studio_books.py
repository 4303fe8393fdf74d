"""Claims about the books behind the studio: what is taken, what is refused, what stays of it."""

import asyncio
import io
import re
import time
import zipfile
from contextlib import suppress

import httpx
import numpy as np
import pytest
from media_files import write_epub
from PIL import Image
from serving_process import TOKEN, assert_refused

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import Settings
from keras_colorize.image import pixels
from keras_colorize.serving import shelf, uploads
from keras_colorize.serving.limits import Busy

LINE = "cannot be read as a picture; is it whole? export it as PNG"


@pytest.fixture
def client(server):
    with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as made:
        yield made


def picture(index=60, suffix=".png"):
    return media.encode_picture(np.ascontiguousarray(
        pixels.gray(episode.draw_frame(index))[:120, :160]), suffix)


def archive(**entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in entries.items():
            made.writestr(name.replace("__", "/").replace("_", "."), content)
    return file.getvalue()


def begin(client, **options):
    answer = client.post("books", params=options)
    assert answer.status_code == 201
    return answer.json()["id"]


def put(client, book, name, file, **where):
    for _ in range(3):  # a server may refuse a file, and hang up, before it has all of it
        with suppress(httpx.ReadError, httpx.WriteError):
            return client.post(f"books/{book}/files", params={"name": name, **where}, content=file)
    raise AssertionError("it hung up three times")


def finished(client, book):
    """The book once nothing of it waits."""
    said = client.get(f"books/{book}").json()
    deadline = time.monotonic() + 60
    while said["waiting"]:
        assert time.monotonic() < deadline
        changes = client.get(f"books/{book}", params={"since": said["changes"], "wait": 5})
        said = {**said, "waiting": changes.json()["waiting"], "changes": changes.json()["changes"]}
    return client.get(f"books/{book}").json()


def test_a_file_comes_in_pieces_any_of_which_may_come_twice(client):
    book, file = begin(client), picture()
    half = len(file) // 2
    where = {"offset": 0, "size": len(file)}
    assert put(client, book, "a.png", file[:half], **where).json() == {"received": half}
    for part in (file[half:half + 9], file[half:half + 50]):
        answer = put(client, book, "a.png", part, offset=half, size=len(file))
        assert answer.json() == {"received": half + len(part)}
    assert_refused(put(client, book, "a.png", b"x", offset=half + 99, size=len(file)), 409,
                   "send it again")


def test_a_whole_file_arrives_as_it_was(client):
    book, file = begin(client), picture()
    half = len(file) // 2
    put(client, book, "a.png", file[:half], offset=0, size=len(file))
    assert put(client, book, "a.png", file[half:], offset=half, size=len(file)).status_code == 201
    assert finished(client, book)["pages"][0]["state"] == "done"
    assert client.get(f"books/{book}/pages/0/original").content == file


def test_what_is_wrong_with_a_file_is_one_line_and_the_rest_goes_on(client):
    book = begin(client)
    files = {"../../etc/good.png": picture(), "bad.png": b"\x89PNG but no more",
             "empty.png": b"", "good.png": picture(90)}
    for name, file in files.items():
        assert put(client, book, name, file).status_code == 201
    bomb = io.BytesIO()
    Image.new("1", (8000, 6000)).save(bomb, "PNG")
    put(client, book, "bomb.png", bomb.getvalue())
    pages = finished(client, book)["pages"]
    assert [(page["name"], page["state"]) for page in pages] == [
        ("good.png", "done"), ("bad.png", "failed"), ("empty.png", "failed"),
        ("good (2).png", "done"), ("bomb.png", "failed")]
    assert [page["error"] for page in pages[1:3]] == [f"bad.png: {LINE}", f"empty.png: {LINE}"]
    assert pages[4]["error"] == ("bomb.png: has 6000x8000 pixels, more than the 40,000,000 that "
                                 "this server takes; scale it down")
    assert_refused(client.get(f"books/{book}/pages/1/original"), 422, LINE)
    assert_refused(client.get(f"books/{book}/pages/1/colored"), 409, "is not coloured yet")
    assert_refused(client.get(f"books/{book}/pages/9/colored"), 404, "has 5 pages")


@pytest.mark.parametrize(("name", "file", "said"), [
    ("a.cbz", b"PK\3\4 and no more", "is damaged or cut short"),
    ("a.cbz", archive(a_txt=b"no picture"), "holds no picture"),
    ("a.cbz", archive(**{"..__..__a_png": b""}), "points outside of it"),
    ("a.cbr", b"Rar!\x1a\x07\x01\x00", "is a RAR archive"),
    ("a.pdf", b"%PDF-1.4 and no more", "is no PDF"),
    ("a.zip", archive(a_png=b""), "rename it .cbz"),
    ("a.epub", archive(a_png=b""), "if it is a CBZ, rename it .cbz"),
])
def test_what_is_no_book_is_refused_in_one_line_without_the_servers_paths(name, file, said, client,
                                                                          server):
    book = begin(client)
    answer = put(client, book, name, file)
    assert_refused(answer, 422, said)
    assert answer.json()["error"].startswith(f"{name}: ")
    assert str(server.temporary) not in answer.text


def test_wrong_use_is_refused(client):
    book = begin(client)
    assert_refused(client.post("books", params={"lock": "nothing"}), 400, "choose luminance")
    assert_refused(put(client, book, "a.png", b"", offset="-1"), 400, "give a whole number")
    assert_refused(client.get("books/nothing"), 404, "is not here")
    put(client, book, "a.png", picture())
    assert_refused(put(client, book, "a.cbz", archive(a_png=picture())), 409, "begin another")
    finished(client, book)
    assert_refused(client.get(f"books/{book}/pages/0/colored", params={"format": "exe"}), 400,
                   "choose png")
    assert_refused(client.post(f"books/{book}/pages/0", content=b"no picture"), 422)
    client.post(f"books/{book}/pages/0", content=picture())  # not transparent
    page = finished(client, book)["pages"][0]
    assert page["state"] == "failed" and "has no transparency" in page["error"]
    assert_refused(client.delete(f"books/{book}", headers={"Origin": "http://elsewhere"}), 403)


def test_a_pdf_becomes_a_cbz_of_its_pages(client):
    file = io.BytesIO()
    first, second = (Image.open(io.BytesIO(picture(index))).convert("RGB") for index in (60, 90))
    first.save(file, "PDF", save_all=True, append_images=[second])
    book = begin(client)
    assert put(client, book, "a book.pdf", file.getvalue()).status_code == 201
    assert [page["state"] for page in finished(client, book)["pages"]] == ["done", "done"]
    answer = client.get(f"books/{book}/book.cbz")
    assert "a%20book.cbz" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
        assert made.namelist() == ["page001.jpg", "page002.jpg"]
        assert made.read("page002.jpg") == client.get(f"books/{book}/pages/1/colored").content


def test_an_epub_becomes_a_cbz_and_what_it_shows_besides_is_said(client, tmp_path):
    book = begin(client)
    file = write_epub(tmp_path / "book.epub").read_bytes()
    assert put(client, book, "a book.epub", file).status_code == 201
    pages = finished(client, book)["pages"]
    assert [page["name"] for page in pages] == ["page001.png", "page002.png", "page003.png"]
    assert pages[0]["notes"][-2:] == [
        "OEBPS/text/gone.png: is shown, and is no file of the book",
        "text of 1 of 4 parts: is left out, as no picture is with it"]
    with zipfile.ZipFile(io.BytesIO(client.get(f"books/{book}/book.cbz").content)) as made:
        assert made.namelist() == ["page001.png", "page002.png", "page003.png"]


def test_a_tiff_is_shown_as_png_and_downloaded_as_it_is(client):
    file = io.BytesIO()
    Image.open(io.BytesIO(picture())).save(file, "TIFF")
    book = begin(client)
    put(client, book, "a.tif", file.getvalue())
    finished(client, book)
    page = f"books/{book}/pages/0"
    for path in ("original", "colored?view"):
        answer = client.get(f"{page}/{path}")
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == (160, 120)
    assert Image.open(io.BytesIO(client.get(f"{page}/colored").content)).format == "TIFF"


def test_a_book_that_is_removed_leaves_nothing(client, server):
    def files():
        return {path for path in server.temporary.rglob("*") if path.is_file()}

    before = files()
    book = begin(client)
    for index in range(3):
        put(client, book, f"{index}.png", picture(index))
    assert files() > before
    assert client.delete(f"books/{book}").status_code == 204  # while it is being coloured
    assert client.get(f"books/{book}").status_code == 404
    finished(client, other := begin(client))
    client.delete(f"books/{other}")
    deadline = time.monotonic() + 30
    while files() != before:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_names_are_labels():
    assert uploads.label("C:\\scans\\page 1.png") == "page 1.png"
    assert uploads.label("/etc/passwd") == "passwd"
    assert uploads.label("..") == uploads.label("") == "page.png"
    assert "\n" not in uploads.label("a\nb.png")
    assert len(uploads.label("a" * 5000 + ".png")) <= uploads.LONGEST_NAME


async def nothing(book, page):
    raise Busy("never")


async def at_hand(book, page):
    """For pages that are there."""


def test_the_shelf_is_bounded_in_number_bytes_and_age(monkeypatch):
    kept = shelf.Shelf(nothing, at_hand, most_books=2, most_bytes=100, longest=0.3)
    first, second = kept.place(Settings()), kept.place(Settings())
    assert first.id != second.id and len(first.id) > 40
    with pytest.raises(Busy, match="finds no room") as full:
        kept.place(Settings())
    assert full.value.headers["Retry-After"] == "60"
    monkeypatch.setattr(shelf, "FRESH", 0.0)
    kept.find(first.id)
    third = kept.place(Settings())
    assert kept.find(second.id) is None and not second.folder.exists(), "the longest unused"
    assert kept.find(first.id) is first
    third.arriving = 60
    assert kept.room() == 40
    time.sleep(0.4)
    assert kept.find(first.id) is None and not third.folder.exists()
    folder = first.folder.parent
    kept.close()
    assert not folder.exists()


def test_pages_asked_for_anew_come_first_and_books_take_turns():
    order = []

    async def color(book, page):
        order.append((book.name, page.name))
        return {"format": "PNG"}

    async def work():
        kept = shelf.Shelf(color, at_hand)
        for name in ("one", "two"):
            book = kept.place(Settings())
            book.name = name
            for number in range(3):
                arrival = book.arrival(f"{number}.png", None)
                arrival.place.write_bytes(picture())
                book.take(f"{number}.png", arrival)
        book.ask(book.pages[2], Settings(), None)
        kept.wake()
        while len(order) < 6:
            await asyncio.sleep(0.01)
        kept.close()

    asyncio.run(asyncio.wait_for(work(), 30))
    assert [name for name, _ in order[:4]] in (["one", "two"] * 2, ["two", "one"] * 2)
    assert [page for name, page in order if name == "two"] == ["2.png", "0.png", "1.png"]


def test_a_last_piece_that_comes_again_is_answered_as_before(client):
    book, file = begin(client), picture()
    half = len(file) // 2
    put(client, book, "a.png", file[:half], offset=0, size=len(file))
    last = [put(client, book, "a.png", file[half:], offset=half, size=len(file)) for _ in range(3)]
    assert [each.status_code for each in last] == [201] * 3
    assert [each.json()["pages"][-1]["number"] for each in last] == [0] * 3
    whole = [put(client, book, "b.png", file, offset=0, size=len(file)) for _ in range(2)]
    assert [each.json()["pages"][-1]["number"] for each in whole] == [1, 1]
    put(client, book, "b.png", file, offset=0, size=len(file), upload="another")
    other = file[:-1] + b"x"
    put(client, book, "b.png", other, offset=0, size=len(file))
    pages = client.get(f"books/{book}").json()["pages"]
    assert [page["name"] for page in pages] == ["a.png", "b.png", "b (2).png", "b (3).png"]
    comic, packed = begin(client), archive(a_png=file)  # once: it holds the time
    for _ in range(2):
        answer = put(client, comic, "a.cbz", packed, offset=0, size=len(packed))
        assert answer.status_code == 201 and answer.json()["count"] == 1


def test_strokes_find_room_as_files_do():
    kept = shelf.Shelf(nothing, at_hand, most_bytes=100)
    book = kept.place(Settings())
    arrival = book.arrival("a.png", None)
    arrival.place.write_bytes(b"x" * 10)
    book.take("a.png", arrival)
    assert kept.room() == 90
    strokes = book.keep(book.pages[0], b"x" * 30)
    book.ask(book.pages[0], Settings(), strokes)
    assert kept.room() == 60
    kept.close()


def test_a_page_is_waited_for_and_asked_what_colour_a_point_may_have(client):
    book = begin(client)
    color = media.encode_picture(episode.draw_frame(60)[:120, :160])
    for name, file in (("gray.png", picture()), ("color.png", color)):
        put(client, book, name, file)
    finished(client, book)
    page = f"books/{book}/pages/0"
    said = client.post(page, params={"wait": 20}).json()
    assert (said["state"], said["version"]) == ("done", 1)
    colors = client.get(f"{page}/colors", params={"x": 159, "y": 119}).json()
    assert 1 <= len(colors) <= 5 and all(re.fullmatch("#[0-9a-f]{6}", each) for each in colors)
    for point in ({"x": 160, "y": 0}, {"x": 0, "y": 120}, {"x": 0}, {"x": -1, "y": 0}):
        assert_refused(client.get(f"{page}/colors", params=point), 400, ": ")
    assert client.get(f"books/{book}/pages/1/colors", params={"x": 0, "y": 0}).json() == []


def test_a_page_is_told_by_pages_of_its_book_as_they_were_then(client, guarded_server):
    def ask(client, number, **given):
        return client.post(f"books/{book}/pages/{number}", params={"wait": 20, **given})

    book = begin(client)
    put(client, book, "a.png", picture())
    finished(client, book)
    assert_refused(ask(client, 0, reference="0"), 400, "reference: this model takes none")
    with httpx.Client(base_url=f"{guarded_server.url}/api/", timeout=60, headers={
            "Authorization": f"Bearer {TOKEN}".encode()}) as client:
        book = begin(client)
        for number in range(2):
            put(client, book, f"{number}.png", picture(60 + 30 * number))
        put(client, book, "cover.png", media.encode_picture(episode.draw_frame(120)[:120, :160]))
        finished(client, book)
        for wrong in ("3", "x", "-1", "0,", "0,1,2,0,1,2,0", "00000000"):
            assert_refused(ask(client, 1, reference=wrong), 400, "give the numbers of at most 6 ")
        assert ask(client, 1, reference="1").json()["reference"] == []  # itself
        told = ask(client, 1, reference="2,2,1", mood="1").json()
        assert (told["reference"], told["mood"], told["state"]) == ([2], None, "done")
        seen = client.get(f"books/{book}/pages/1/colored?format=jpeg").content
        assert ask(client, 2, treat_as="gray").json()["kind"] == "gray"
        assert client.get(f"books/{book}/pages/1/colored?format=jpeg").content == seen
        assert ask(client, 1, reference="2").json()["reference"] == [2]
        assert client.get(f"books/{book}/pages/1/colored?format=jpeg").content != seen


def test_a_project_is_kept_only_where_it_may_be_and_only_if_it_is_one(client):
    assert_refused(client.put("series/swatches", content='[["Hair", "#d02828"]]'), 409,
                   "series.toml: is not kept on this server")
    assert_refused(client.put("series/settings", params={"lock": "ink"}), 409, "is not kept")
    assert_refused(client.put("series/swatches", content='[["Hair", "red"]]'), 400,
                   "swatches.Hair: is 'red'; give a colour such as '#d9482b'")
    for body in (b'{"Hair": "#d02828"}', b"[[", b'[["\xff", "#d02828"]]'):
        assert_refused(client.put("series/swatches", content=body), 400, "; send [[name, colour]")
    assert_refused(client.put("series/settings", params={"mood": "1"}), 400, "none to choose")
    about = client.get("studio").json()
    assert (about["kept"], about["moods"], about["swatches"]) == (False, 0, [])
    book = begin(client)
    put(client, book, "a.png", picture())
    finished(client, book)
    assert client.get(f"books/{book}/pages/0/moods").json() == []
