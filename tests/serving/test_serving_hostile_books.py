"""Claims about hostile books: what comes of them costs no one else, and is never a 500."""

import io
import signal
import socket
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image
from serving_process import ServingProcess, assert_refused
from test_serving_hostile import mutations
from test_studio_books import begin, finished, picture, put

from keras_colorize import media
from keras_colorize.serving import uploads

DIGITS = "9" * 5000


@pytest.fixture
def server(hostile_server):
    return hostile_server


@pytest.fixture
def client(server):
    with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as made:
        yield made


def archive(names, content=b""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            made.writestr(name, content)
    return file.getvalue()


def test_numbers_of_thousands_of_digits_are_refused(client):
    book = begin(client)
    put(client, book, "a.png", picture())
    for number in (DIGITS, "²", "-1", "x", ""):
        assert_refused(client.get(f"books/{book}/pages/{number}/original"))
        assert_refused(client.post(f"books/{book}/pages/{number}"))
        assert_refused(put(client, book, "b.png", b"", offset=number or "x", size=DIGITS), 400)
        assert_refused(client.get(f"books/{book}", params={"since": number or "x"}), 400)
    assert_refused(client.get(f"books/{book}/pages/7/original"), 404, "has 1 pages")


def test_pages_are_sorted_by_numbers_of_any_length(client):
    names = [f"{DIGITS}.png", "0010.png", "2.png", f"{'8' * 5000}.png"]
    book = begin(client)
    answer = put(client, book, "a.cbz", archive(names, picture()))
    assert [page["name"] for page in answer.json()["pages"]] == [
        "2.png", "0010.png", f"{'8' * 5000}.png", f"{DIGITS}.png"]
    client.delete(f"books/{book}")


def test_a_book_of_too_many_pages_is_refused_before_any_is_taken(client):
    many = uploads.MOST_PAGES + 1
    book = begin(client)
    assert_refused(put(client, book, "a.cbz", archive(f"{number}.png" for number in range(many))),
                   422, "has 2,001 pages, more than the 2,000 that this server takes; split it")
    file = io.BytesIO()
    leaf = Image.new("1", (8, 8))
    leaf.save(file, "PDF", save_all=True, append_images=[leaf] * uploads.MOST_PAGES)
    assert_refused(put(client, book, "a.pdf", file.getvalue()), 422, "has 2,001 pages")
    entries = archive(f"{number}.txt" for number in range(uploads.MOST_ENTRIES + 1))
    assert_refused(put(client, book, "a.cbz", entries), 422, "holds more than the 10,000 files")
    assert client.get(f"books/{book}").json()["count"] == 0
    assert put(client, book, "a.cbz", archive(["a.png"], picture())).status_code == 201


def test_an_archive_of_pages_that_are_none_keeps_the_model_free(server, client):
    book = begin(client)
    names = [f"{number}.png" for number in range(uploads.MOST_PAGES)]
    assert put(client, book, "a.cbz", archive(names)).status_code == 201
    seconds = []
    for _ in range(5):
        begun = time.monotonic()
        assert server.colored(picture()).status_code == 200
        seconds.append(time.monotonic() - begun)
    assert np.median(seconds) < 2, seconds
    assert not any(line["queue_seconds"] > 1 for line in server.lines()[-5:]
                   if line.get("path", "") == "/colorize")
    client.delete(f"books/{book}")


def test_a_book_that_is_removed_while_it_is_read_is_not_there(server):
    noise = media.encode_picture(np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8))

    def ask(book: str, path: str) -> int:
        with httpx.Client(base_url=f"{server.url}/api/books/{book}/", timeout=60) as client:
            return client.get(path).status_code

    with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as client, \
            ThreadPoolExecutor(6) as pool:
        for wait in (0, 0.005, 0.01, 0.02, 0.03, 0.05):
            book = begin(client)
            put(client, book, "a.cbz", archive([f"{number}.png" for number in range(20)], noise))
            paths = [f"pages/{number}/original" for number in range(5)] + ["book.cbz"]
            asked = [pool.submit(ask, book, path) for path in paths]
            time.sleep(wait)
            assert client.delete(f"books/{book}").status_code == 204
            assert {each.result() for each in asked} <= {200, 404, 409}


def test_damaged_archives_and_strokes_are_coloured_or_refused(client):
    drawn = io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 128)).save(drawn, "PNG")
    pdf = io.BytesIO()
    Image.open(io.BytesIO(picture())).save(pdf, "PDF")
    page = media.encode_picture(np.zeros((16, 16), np.uint8))
    for name, file in (("a.cbz", archive(["a.png", "b.png"], page)), ("a.pdf", pdf.getvalue())):
        books = []
        for damaged in mutations(file, 25, len(name)):
            books.append(begin(client))
            answer = put(client, books[-1], name, damaged)
            if answer.status_code != 201:
                assert_refused(answer, 422, name)
        for book in books:
            said = finished(client, book)
            assert all(page["state"] == "done" or page["error"] for page in said["pages"])
            if said["count"]:
                assert client.get(f"books/{book}/book.cbz").status_code in (200, 422)
            client.delete(f"books/{book}")
    book = begin(client)
    put(client, book, "a.png", page)
    for damaged in mutations(drawn.getvalue(), 25, 2):
        answer = client.post(f"books/{book}/pages/0", content=damaged)
        assert answer.status_code == 202 or answer.json()["error"].startswith("a.png: ")
        said = finished(client, book)["pages"][0]
        assert said["state"] == "done" or said["error"].startswith("a.png: ")


def test_clients_that_do_not_read_cost_no_memory(server, client):
    noise = np.random.default_rng(0).integers(0, 256, (2000, 4000, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "BMP")
    book = begin(client)
    assert put(client, book, "a.bmp", file.getvalue()).status_code == 201
    client.get(f"books/{book}/pages/0/original")
    finished(client, book)
    held, clients = server.memory, []
    for path in ["original", "colored", "colored?view"] * 6:
        clients.append(socket.socket())
        clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        clients[-1].connect(server.address)
        clients[-1].sendall(f"GET /api/books/{book}/pages/0/{path} HTTP/1.1\r\n"
                            "Host: localhost\r\n\r\n".encode())
    time.sleep(3)
    grown = server.memory - held
    for each in clients:
        each.close()
    client.delete(f"books/{book}")
    assert grown < 100e6, grown  # where the files are of 24 MB each
    time.sleep(0.5)


def test_one_who_hangs_up_is_told_of_in_one_line(server):
    with socket.create_connection(server.address) as client:
        client.sendall(b"POST /colorize HTTP/1.1\r\nHost: localhost\r\n"
                       b"Content-Length: 1000\r\n\r\n{")
        time.sleep(0.2)
    deadline = time.monotonic() + 10
    while server.lines()[-1]["status"] != 499:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "error" not in server.lines()[-1]


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once_and_leaves_no_book(served_model, tmp_path):
    server = ServingProcess(served_model, tmp_path)
    server.wait()
    noise = np.random.default_rng(0).integers(0, 256, (4000, 4000), np.uint8)
    with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as client:
        book = begin(client)
        put(client, book, "a.png", media.encode_picture(noise))
        while client.get(f"books/{book}").json()["pages"][0]["state"] == "waiting":
            time.sleep(0.02)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    while "stopping" not in server.log.read_text():
        time.sleep(0.02)
    assert server.stop() == 1
    assert time.monotonic() - begun < 5
    assert "stopped by a second signal" in server.errors.read_text()
    assert not list(server.temporary.glob("keras-colorize-books-*"))


def test_parallel_uploads_all_arrive_whole(client, server):
    noise = [media.encode_picture(np.random.default_rng(number).integers(
        0, 256, (200, 200), np.uint8)) for number in range(8)]
    book = begin(client)
    together = threading.Barrier(8)

    def upload(number: int) -> int:
        with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as own:
            together.wait()
            return put(own, book, f"{number}.png", noise[number]).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(upload, range(8))) == [201] * 8
    pages = client.get(f"books/{book}").json()["pages"]
    assert sorted(page["name"] for page in pages) == [f"{number}.png" for number in range(8)]
    for page in pages:
        original = client.get(f"books/{book}/pages/{page['number']}/original").content
        assert original == noise[int(page["name"][0])]
    client.delete(f"books/{book}")
