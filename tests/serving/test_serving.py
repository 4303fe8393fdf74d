"""Claims about a server's probes, log and guards, and about how it begins and ends."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from serving_process import TOKEN, ServingProcess, assert_refused, serving
from test_studio_books import begin, put

from keras_colorize import cli, config, media
from keras_colorize.cartoon import episode
from keras_colorize.image import pixels
from keras_colorize.serving import server as serving_server


def gray(height: int, width: int) -> np.ndarray:
    return pixels.gray(episode.draw_frame(0))[:height, :width]


def small() -> bytes:
    return media.encode_picture(gray(64, 96))


def big(number: int = 0) -> bytes:
    """A picture that takes a while."""
    return media.encode_picture(np.roll(np.tile(gray(360, 640), (3, 2)), number))


def test_paths_and_methods_that_are_not_there_are_404_or_405(server):
    for path in ("/v1/models/series", "/etc/passwd", "/%2e%2e/%2e%2e/etc", "/v1/../../etc/passwd",
                 "//etc/passwd", "/a%0ab", "/api/nothing", "/static/../app.py"):
        assert_refused(httpx.get(server.url + path), 404)
    assert_refused(httpx.delete(f"{server.url}/colorize"), 405)
    assert_refused(httpx.put(f"{server.url}/api/books", content=b"x"), 405)


def test_pages_of_other_sites_are_refused_and_headers_are_strict(server):
    url = f"{server.url}/api/studio"
    port = server.address[1]
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 400
    assert httpx.get(url, headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.get(url, headers={"Origin": "null"}).status_code == 403
    for name in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost", f"[::1]:{port}"):
        answer = httpx.get(url, headers={"Host": name, "Origin": f"http://{name}"})
        assert answer.status_code == 200, name
    for path in ("/healthz", "/nothing", "/colorize"):
        headers = httpx.get(server.url + path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert not any(name.startswith("access-control") for name in headers)
        assert "server" not in headers


def test_a_line_of_json_tells_of_every_request(server):
    answer = server.colored(small())
    httpx.get(f"{server.url}/secret%0a?token=x")
    time.sleep(0.2)
    asked, missed = server.lines()[-2:]
    assert (asked["method"], asked["path"], asked["status"]) == ("POST", "/colorize", 200)
    assert asked["seconds"] > asked["queue_seconds"] >= 0
    assert (asked["bytes_in"], asked["bytes_out"]) == (len(small()), len(answer.content))
    assert missed["path"] == "/secret\n" and missed["status"] == 404
    assert "T" in asked["time"] and asked["time"].endswith("+00:00")


def test_with_a_token_only_probes_and_the_studios_files_are_open(guarded_server):
    url = guarded_server.url
    assert "warning" not in guarded_server.errors.read_text()
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN.encode()},
                  {"Authorization": b"Bearer \xff"}):
        for path in ("api/studio", "api/sample.png", "colorize"):
            answer = httpx.get(f"{url}/{path}", headers=given)
            assert_refused(answer, 401, "token")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    own = {"Authorization": f"Bearer {TOKEN}".encode(), "Host": "my.server"}
    assert httpx.get(f"{url}/api/studio", headers=own).status_code == 200
    assert guarded_server.colored(small()).status_code == 401
    answer = guarded_server.colored(small(), headers=own)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    assert httpx.get(f"{url}/healthz").status_code == httpx.get(url).status_code == 200
    assert TOKEN not in guarded_server.log.read_text() + guarded_server.errors.read_text()


def test_a_run_directory_is_served_and_listening_beyond_localhost_warns(runs, tmp_path):
    server = ServingProcess(runs["gan_gray"], tmp_path, "--host", "0.0.0.0")
    try:
        early = httpx.get(f"{server.url}/healthz"), httpx.get(f"{server.url}/readyz")
        refused = server.colored(small())
        assert [each.status_code for each in early] == [200, 503]
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
        assert early[1].json() == {"state": "LOADING"}
        assert "warning: 0.0.0.0: whoever reaches" in server.errors.read_text()
        server.wait()
        assert media.decode_picture(server.colored(small()).content).shape == (64, 96, 3)
    finally:
        assert server.stop() == 0
    assert server.errors.read_text().count("\n") == 2


def test_under_load_all_are_answered_and_sigterm_finishes_what_was_accepted(served_model, tmp_path):
    ended, answers, stopped = threading.Event(), [], []
    with serving(served_model, tmp_path, "--queue", 2) as server:
        with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as visitor:
            book = begin(visitor)
            for index in range(4):
                put(visitor, book, f"{index}.png", small())
        assert list(server.temporary.rglob("*original"))

        def client(number: int) -> None:
            while not ended.is_set():
                try:
                    answers.append((server.colored(big(number)), time.monotonic()))
                except httpx.TransportError as error:
                    stopped.append(error)
                    return

        with ThreadPoolExecutor(6) as pool:
            for number in range(6):
                pool.submit(client, number)
            while len(answers) < 12:
                time.sleep(0.05)
            signalled = time.monotonic()
            code = server.stop()
            ended.set()
        assert code == 0
        lines = [line for line in server.lines() if line.get("path") == "/colorize"]
        assert len(lines) == len(answers)  # every request that it saw came to its client
        statuses = [answer.status_code for answer, _ in answers]
        assert set(statuses) == {200, 503}
        for answer, _ in answers:
            if answer.status_code == 503:
                assert int(answer.headers["Retry-After"]) >= 1
                assert re.search("waiting|stopping", answer.text)
            else:
                assert media.decode_picture(answer.content).shape == (1080, 1280, 3)
        assert max(line["queue_seconds"] for line in lines if line["status"] == 200) > 0.05
        assert [answer.status_code for answer, at in answers if at > signalled].count(200) >= 1
        assert all(isinstance(error, httpx.ConnectError | httpx.RemoteProtocolError
                              | httpx.ReadError) for error in stopped)
        assert [line["event"] for line in server.lines() if "event" in line] == \
            ["ready", "stopping", "stopped"]
        assert "Traceback" not in server.errors.read_text()
        assert not list(server.temporary.rglob("*original"))


@pytest.mark.slow
def test_ctrl_c_while_loading_ends_it(served_model, tmp_path):
    server = ServingProcess(served_model, tmp_path)
    assert server.stop() == 0
    assert "Traceback" not in server.errors.read_text()


def test_without_a_model_the_one_that_ships_is_served(monkeypatch):
    served = []
    monkeypatch.setattr(serving_server, "serve", lambda service, *others: served.append(service))
    assert cli.main(["serve"]) == 0
    assert served[0].path == config.SHIPPED_MODEL and served[0].name == "shipped_model"


def test_what_cannot_be_served_is_one_line(served_model, tmp_path, error_of):
    code, error = error_of("serve", tmp_path / "nothing")
    assert code == 1 and "is neither a SavedModel nor a run directory" in error
    (tmp_path / "empty").touch()
    code, error = error_of("serve", served_model, "--token-file", tmp_path / "empty")
    assert code == 2 and "holds no token" in error
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, error = error_of("serve", served_model, "--port", taken.getsockname()[1])
    assert code == 1 and "cannot be listened on" in error
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"x")
    code, error = error_of("serve", tmp_path / "broken", "--port", 0)
    assert code == 1 and error.startswith("error: ")
    assert "cannot be loaded as a SavedModel" in error


def test_a_missing_extra_is_one_line(served_model):
    code = ("import sys, importlib.util as u\nfind = u.find_spec\n"
            "u.find_spec = lambda name, *rest: None if name == 'starlette' else find(name, *rest)\n"
            "from keras_colorize import cli\n"
            f"sys.exit(cli.main(['serve', {str(served_model)!r}]))")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 1 and answer.stderr == (
        "error: serve: starlette is not installed; run pip install 'keras_colorize[serve]'\n")


@pytest.mark.parametrize("command", ["serve --help", "--help"])
def test_help_imports_nothing_heavy(command):
    code = ("import sys, contextlib\nfrom keras_colorize import cli\n"
            f"with contextlib.suppress(SystemExit): cli.main({command.split()!r})\n"
            "print({'tensorflow', 'keras', 'numpy', 'starlette', 'uvicorn'} & set(sys.modules))")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                            env=os.environ)
    assert answer.stdout.splitlines()[-1] == "set()"
