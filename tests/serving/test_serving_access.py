"""Claims about who is let in by what name, what the log keeps of it, and too many at once."""

import re
import socket
import time

import httpx
import pytest
from serving_process import assert_refused, serving, write_model
from test_studio_books import begin, picture, put

from keras_colorize.serving import access
from keras_colorize.serving.limits import Limits


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture(scope="module")
def server(saved, tmp_path_factory):
    """One that a proxy offers under a name of its own."""
    with serving(saved, tmp_path_factory.mktemp("server") / "log.jsonl", "--host", "127.0.0.2",
                 "--public-host", "Colors.example:8443") as started:
        yield started


def status(server, host, origin=None):
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    return httpx.get(f"{server.url}/v1/models/series", headers=headers).status_code


def test_it_answers_by_the_address_that_it_printed_and_by_the_name_it_was_given(server):
    printed = server.url.removeprefix("http://")
    assert printed.startswith("127.0.0.2:") and status(server, printed) == 200
    assert status(server, printed, f"http://{printed}") == 200
    for host in (printed, "colors.example", "COLORS.example:8443", "localhost:8501"):
        assert status(server, host, "https://colors.example:8443") == 200, host
    for host in ("evil.example", "127.0.0.3", "colors.example.evil", "", "[", "a/b", "::1 x"):
        answer = httpx.get(f"{server.url}/v1/models/series", headers={"Host": host})
        assert_refused(answer, 400, "is no name of this server")
        assert answer.headers["content-type"] == "application/json"
    for origin in ("https://colors.example", "https://evil.example:8443", "null"):
        assert status(server, printed, origin) == 403
    assert httpx.get(f"{server.url}/healthz", headers={"Host": "10.0.0.7"}).status_code == 200


def test_names_are_told_from_their_ports():
    for host, name in (("localhost", "localhost"), ("localhost:8501", "localhost"),
                       ("[::1]:8501", "::1"), ("[::1]", "::1"), ("::1", "::1")):
        assert access.name_of(host) == name


def test_policies_forbid_what_a_default_does_not_reach(server):
    for path in ("/", "/healthz"):
        policy = httpx.get(server.url + path).headers["Content-Security-Policy"]
        for what in ("base-uri", "form-action", "object-src", "frame-ancestors"):
            assert f"{what} 'none'" in policy


def test_the_log_keeps_no_address_of_a_book(server):
    with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as client:
        book = begin(client)
        put(client, book, "a.png", picture())
        client.delete(f"books/{book}")
        client.get(f"books/{book}/pages/0/original")
    time.sleep(0.2)
    assert book not in server.log.read_text() and book[:7] not in server.log.read_text()
    path = server.lines()[-1]["path"]
    assert path == f"/api/books/{book[:6]}.../pages/0/original"


def test_models_that_are_not_there_are_told_of_as_tensorflow_serving_does(server):
    for path, said in (("other", "Could not find any versions of model other"),
                       ("series/versions/7", "Could not find version 7 of model series"),
                       ("other/metadata", "Servable not found for request: Latest(other)")):
        answer = httpx.get(f"{server.url}/v1/models/{path}")
        assert_refused(answer, 404)
        assert answer.json() == {"error": said}
    answer = httpx.post(f"{server.url}/v1/models/series/versions/2:predict", content=b"{}")
    assert answer.json() == {"error": "Servable not found for request: Specific(series, 2)"}


def test_a_connection_too_many_is_told_to_come_again(server):
    host, port = re.fullmatch(r"http://(.*):(\d+)", server.url).groups()
    clients = []
    try:
        for _ in range(Limits.connections):
            clients.append(socket.create_connection((host, int(port))))
        answer = httpx.get(f"{server.url}/v1/models/series", timeout=30)
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        assert "connections" in answer.json()["error"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    finally:
        for client in clients:
            client.close()
    time.sleep(0.5)
    assert server.lines()[-1]["status"] == 503
    assert httpx.get(f"{server.url}/v1/models/series").status_code == 200
