"""Claims about the server: TensorFlow Serving's API, access, limits, and its end."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import tensorflow as tf
from conftest import command
from serving_process import (
    ServingProcess,
    assert_refused,
    b64,
    files_of,
    serving,
    write_model,
)

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.image import pixels

TOKEN = "a token of the test"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture(scope="module")
def own(saved):
    """The SavedModel as TensorFlow alone loads it."""
    return tf.saved_model.load(str(saved))


@pytest.fixture(scope="module")
def server(saved, tmp_path_factory):
    with serving(saved, tmp_path_factory.mktemp("server") / "log.jsonl") as started:
        yield started


def gray(height: int, width: int) -> np.ndarray:
    return pixels.gray(episode.draw_frame(0))[:height, :width]


def test_files_of_mixed_sizes_come_back_as_the_signature_gives_them(server, own):
    files = [media.encode_picture(gray(64, 96)), media.encode_picture(gray(50, 70), ".jpg")]
    wanted = own.signatures["serving_default"](image_bytes=files)["colored_bytes"].numpy()
    assert files_of(server.colored(*files)) == list(wanted)
    named = server.ask({"instances": [{"image_bytes": b64(file)} for file in files]})
    assert files_of(named) == list(wanted)
    for inputs in ({"image_bytes": [b64(file) for file in files]}, [b64(file) for file in files]):
        columns = server.ask({"signature_name": "serving_default", "inputs": inputs}).json()
        assert [base64.b64decode(each["b64"]) for each in columns["outputs"]] == list(wanted)
    lines = base64.encodebytes(files[0]).decode()  # as `base64` writes it
    assert files_of(server.ask({"instances": [{"b64": lines}]})) == [wanted[0]]


def test_large_pages_are_seen_as_small_as_what_was_learned(server, own):
    page = media.encode_picture(pixels.gray(episode.draw_frame(0)))
    wanted, at_own_size = (own.signatures[name](image_bytes=[page])["colored_bytes"].numpy()
                           for name in ("page", "serving_default"))
    answer = server.ask({"signature_name": "page", "instances": [b64(page)]})
    assert files_of(answer) == list(wanted) != list(at_own_size)


@pytest.mark.parametrize("name", ["pixels", "network"])
def test_numbers_come_back_as_the_signature_gives_them(server, own, name):
    batch = np.stack([gray(40, 60), 255 - gray(40, 60)])[..., None]
    wanted = own.signatures[name](pixels=batch)["pixels"].numpy()
    rows = server.ask({"signature_name": name, "instances": batch.tolist()}).json()
    np.testing.assert_array_equal(rows["predictions"], wanted)
    columns = server.ask({"signature_name": name, "inputs": {"pixels": batch.tolist()}}).json()
    np.testing.assert_array_equal(columns["outputs"], wanted)


def test_status_and_metadata_are_tensorflow_servings(server):
    status = httpx.get(f"{server.url}/v1/models/series").json()
    assert status == {"model_version_status": [{
        "version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]}
    assert httpx.get(f"{server.url}/v1/models/series/versions/1").json() == status
    told = httpx.get(f"{server.url}/v1/models/series/metadata").json()
    assert told["model_spec"] == {"name": "series", "signature_name": "", "version": "1"}
    signatures = told["metadata"]["signature_def"]["signature_def"]
    assert signatures.keys() >= {"serving_default", "page", "pixels", "network"}
    given = signatures["serving_default"]
    assert given["inputs"]["image_bytes"]["dtype"] == "DT_STRING"
    assert given["outputs"].keys() == {"colored_bytes"}
    assert given["method_name"] == "tensorflow/serving/predict"
    assert signatures["network"]["inputs"]["pixels"]["tensor_shape"] == {
        "dim": [{"size": size, "name": ""} for size in ("-1", "-1", "-1", "1")],
        "unknown_rank": False}


def test_models_versions_and_paths_that_are_not_there_are_404_or_400(server):
    body = b'{"instances": ["x"]}'
    for path, status in (("series/versions/1:predict", 400), ("series/versions/2:predict", 404),
                         ("other:predict", 404), ("series:classify", 400), ("series", 400)):
        answer = httpx.post(f"{server.url}/v1/models/{path}", content=body)
        assert_refused(answer, status)
    for path, status in (("/v1/models/other", 404), ("/v1/models/series/versions/7", 404),
                         ("/v1/models", 400), ("/etc/passwd", 404), ("/%2e%2e/%2e%2e/etc", 404),
                         ("/v1/../../etc/passwd", 404), ("//etc/passwd", 404), ("/a%0ab", 404)):
        assert_refused(httpx.get(server.url + path), status)
    assert_refused(httpx.delete(f"{server.url}/v1/models/series"), 405)


def test_pages_of_other_sites_are_refused_and_headers_are_strict(server):
    url = f"{server.url}/v1/models/series"
    port = server.url.rpartition(":")[2]
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 400
    assert httpx.get(url, headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.get(url, headers={"Origin": "null"}).status_code == 403
    for name in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost", f"[::1]:{port}"):
        answer = httpx.get(url, headers={"Host": name, "Origin": f"http://{name}"})
        assert answer.status_code == 200, name
    for path in ("/healthz", "/nothing", "/v1/models/series:predict"):
        headers = httpx.get(server.url + path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert not any(name.startswith("access-control") for name in headers)
        assert "server" not in headers


def test_a_line_of_json_tells_of_every_request(server):
    answer = server.colored(media.encode_picture(gray(64, 96)))
    httpx.get(f"{server.url}/secret%0a?token=x")
    time.sleep(0.2)
    asked, missed = server.lines()[-2:]
    assert (asked["method"], asked["path"], asked["status"]) == \
        ("POST", "/v1/models/series:predict", 200)
    assert asked["seconds"] > asked["queue_seconds"] >= 0
    assert (asked["bytes_in"], asked["bytes_out"]) == (len(answer.request.content),
                                                       len(answer.content))
    assert missed["path"] == "/secret\n" and missed["status"] == 404
    assert "T" in asked["time"] and asked["time"].endswith("+00:00")


def test_with_a_token_only_probes_are_open(saved, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    with serving(saved, tmp_path / "log.jsonl", "--token-file", file, "--host", "0.0.0.0") as one:
        url = one.url.replace("0.0.0.0", "127.0.0.1")
        assert "warning" not in one.errors.read_text()
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN},
                      {"Authorization": b"Bearer \xff"}):
            answer = httpx.get(f"{url}/v1/models/series", headers=given)
            assert_refused(answer, 401, "token")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        allowed = httpx.get(f"{url}/v1/models/series", headers={
            "Authorization": f"Bearer {TOKEN}", "Host": "my.server"})
        assert allowed.status_code == 200
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert TOKEN not in one.log.read_text() + one.errors.read_text()
        assert TOKEN not in " ".join(psutil.Process(one.process.pid).cmdline())


def test_a_run_directory_is_served_and_listening_beyond_localhost_warns(runs, tmp_path):
    server = ServingProcess(runs["gan_gray"], tmp_path / "log.jsonl", "--host", "0.0.0.0")
    try:
        early = httpx.get(f"{server.url}/healthz"), httpx.get(f"{server.url}/readyz")
        refused = server.colored(b"")
        assert [each.status_code for each in early] == [200, 503]
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
        assert "LOADING" in httpx.get(f"{server.url}/v1/models/series").text
        assert "warning: 0.0.0.0: whoever reaches" in server.errors.read_text()
        server.wait()
        colored = media.decode_picture(files_of(server.colored(
            media.encode_picture(gray(64, 96))))[0])
        assert colored.shape == (64, 96, 3)
    finally:
        assert server.stop() == 0
    assert server.errors.read_text().count("\n") == 2


def big(number: int = 0) -> bytes:
    """A picture that takes a while."""
    return media.encode_picture(np.roll(np.tile(gray(360, 640), (3, 2)), number))


def test_a_full_queue_is_503_and_what_is_accepted_is_answered(saved, tmp_path):
    with serving(saved, tmp_path / "log.jsonl", "--queue", 2) as server, \
            ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: server.colored(big(number)), range(16)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 503} and statuses.count(200) >= 3
        for answer in answers:
            if answer.status_code == 503:
                assert int(answer.headers["Retry-After"]) >= 1 and "waiting" in answer.text
            else:
                assert media.decode_picture(files_of(answer)[0]).shape == (1080, 1280, 3)
        waits = [line["queue_seconds"] for line in server.lines() if line.get("status") == 200]
        assert max(waits) > 0.05


def test_a_request_that_takes_too_long_is_504_and_the_server_lives(saved, tmp_path):
    with serving(saved, tmp_path / "log.jsonl", "--timeout", 0.05) as server:
        answer = server.colored(big())
        assert answer.status_code == 504 and "within 0.05 seconds" in answer.json()["error"]
        time.sleep(2)
        assert files_of(server.colored(media.encode_picture(gray(16, 16))))


def test_sigterm_under_load_finishes_what_was_accepted_and_exits_0(saved, tmp_path):
    ended, answers, stopped = threading.Event(), [], []
    with serving(saved, tmp_path / "log.jsonl", "--queue", 6) as server:
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
            time.sleep(3)
            signalled = time.monotonic()
            code = server.stop()
            ended.set()
        assert code == 0
        told = [line for line in server.lines() if line.get("method") == "POST"]
        assert len(told) == len(answers)  # every request that it saw came to its client
        assert {answer.status_code for answer, _ in answers} <= {200, 503}
        for answer, _ in answers:
            if answer.status_code == 200:
                assert media.decode_picture(files_of(answer)[0]).shape == (1080, 1280, 3)
        late = [answer.status_code for answer, at in answers if at > signalled]
        assert late.count(200) >= 2
        assert all(isinstance(error, httpx.ConnectError | httpx.RemoteProtocolError
                              | httpx.ReadError) for error in stopped)
        assert [line["event"] for line in server.lines() if "event" in line] == \
            ["ready", "stopping", "stopped"]
        assert "Traceback" not in server.errors.read_text()


def test_ctrl_c_while_loading_ends_it(saved, tmp_path):
    server = ServingProcess(saved, tmp_path / "log.jsonl")
    assert server.stop() == 0
    assert "Traceback" not in server.errors.read_text()


def test_what_cannot_be_served_is_one_line(saved, tmp_path, error_of):
    code, error = error_of("serve", tmp_path / "nothing")
    assert code == 1 and "is neither a SavedModel nor a run directory" in error
    code, error = error_of("serve", saved, "--name", "a/b")
    assert code == 2 and "--name: is 'a/b'" in error
    (tmp_path / "empty").touch()
    code, error = error_of("serve", saved, "--token-file", tmp_path / "empty")
    assert code == 2 and "holds no token" in error
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = command("serve", saved, "--port", taken.getsockname()[1])
    assert answer.returncode == 1 and "cannot be listened on" in answer.stderr
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"x")
    answer = command("serve", tmp_path / "broken", "--port", 0)
    assert answer.returncode == 1 and answer.stderr.splitlines()[-1].startswith("error: ")
    assert "cannot be loaded as a SavedModel" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_missing_extra_is_one_line(saved, tmp_path):
    code = ("import sys, importlib.util as u\nfind = u.find_spec\n"
            "u.find_spec = lambda name, *rest: None if name == 'starlette' else find(name, *rest)\n"
            "from keras_colorize import cli\n"
            f"sys.exit(cli.main(['serve', {str(saved)!r}]))")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 1 and answer.stderr == (
        "error: serve: starlette is not installed; run pip install 'keras_colorize[serve]'\n")


def test_help_of_serve_imports_nothing_heavy():
    code = ("import sys, contextlib\nfrom keras_colorize import cli\n"
            "with contextlib.suppress(SystemExit): cli.main(['serve', '--help'])\n"
            "print({'tensorflow', 'keras', 'numpy', 'starlette', 'uvicorn'} & set(sys.modules))")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                            env=os.environ)
    assert answer.stdout.splitlines()[-1] == "set()"


def example(language: str) -> str:
    """The client of docs/serving.md in a language."""
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.parametrize("language", ["python", "sh"])
def test_the_clients_of_the_documentation_work(server, tmp_path, language):
    if language == "sh" and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    code = example(language).replace("http://127.0.0.1:8501", server.url)
    (tmp_path / "page.png").write_bytes(media.encode_picture(gray(64, 96)))
    shell = [sys.executable, "-c"] if language == "python" else ["sh", "-euc"]
    subprocess.run([*shell, code], cwd=tmp_path, check=True)
    assert media.read_picture(tmp_path / "colored.png").shape == (64, 96, 3)
