"""Claims about who is let in by what name, what the log keeps of it, and too many at once."""

import socket
import time

import httpx
from serving_process import assert_refused
from test_studio_books import begin, picture, put

from keras_colorize.serving import access
from keras_colorize.serving.limits import CONNECTIONS


def status(server, host, origin=None):
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    return httpx.get(f"{server.url}/api/studio", headers=headers).status_code


def test_it_answers_by_the_address_that_it_printed_and_by_the_name_it_was_given(server):
    printed = server.url.removeprefix("http://")
    assert printed.startswith("127.0.0.2:") and status(server, printed) == 200
    assert status(server, printed, f"http://{printed}") == 200
    for host in (printed, "colors.example", "COLORS.example:8443", "localhost:8501"):
        assert status(server, host, "https://colors.example:8443") == 200, host
    for host in ("evil.example", "127.0.0.3", "colors.example.evil", "", "[", "a/b", "::1 x"):
        answer = httpx.get(f"{server.url}/api/studio", headers={"Host": host})
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


def test_a_connection_too_many_is_answered_503_by_uvicorn(server):
    clients = []
    try:
        for _ in range(CONNECTIONS):
            clients.append(socket.create_connection(server.address))
        answer = httpx.get(f"{server.url}/healthz", timeout=30)
        assert (answer.status_code, answer.text) == (503, "Service Unavailable")
    finally:
        for client in clients:
            client.close()
    time.sleep(0.5)
    assert "Exceeded concurrency limit" in server.lines()[-1]["message"]
    assert httpx.get(f"{server.url}/healthz").status_code == 200
