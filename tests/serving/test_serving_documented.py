"""Claims about the clients of docs/serving.md that do not send to `/colorize`."""

import base64
import itertools
import json
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.image import pixels

DOCUMENT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()


def gray(number: int) -> np.ndarray:
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(60 * number))[:64, :96])


def indented(begin: str) -> str:
    """The block of code of the documentation that begins so."""
    lines = DOCUMENT[DOCUMENT.index(f"    {begin}"):].splitlines(keepends=True)
    code = itertools.takewhile(lambda line: line.startswith("    ") or not line.strip(), lines)
    return textwrap.dedent("".join(code))


def run_in(folder: Path, code: str, *shell: str) -> None:
    if shell[0] == "sh" and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    for name in ("page.png", "page1.png"):
        (folder / name).write_bytes(media.encode_picture(gray(0)))
    (folder / "page2.jpg").write_bytes(media.encode_picture(gray(1), ".jpg"))
    subprocess.run([*shell, code], cwd=folder, check=True, timeout=60)


@pytest.fixture(scope="module")
def stand_in(served_model):
    """The address of what answers a predict request as TensorFlow Serving's manual says it does."""
    model = tf.saved_model.load(str(served_model))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/models/series:predict"
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            files = [base64.b64decode(row["image_bytes"]["b64"]) for row in asked["instances"]]
            colored = model.signatures[asked["signature_name"]](image_bytes=tf.constant(files))
            rows = [{"b64": base64.b64encode(file).decode()}
                    for file in colored["colored_bytes"].numpy()]
            body = json.dumps({"predictions": rows}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_client_of_tensorflow_serving_in_curl_works(stand_in, tmp_path):
    code = indented("{ printf '").replace("http://localhost:8501", stand_in)
    run_in(tmp_path, code, "sh", "-euc")
    assert media.read_picture(tmp_path / "colored.png").shape == (64, 96, 3)


def test_a_client_of_tensorflow_serving_in_python_works(stand_in, tmp_path):
    code = indented("import base64, json, urllib").replace("http://localhost:8501", stand_in)
    run_in(tmp_path, code, sys.executable, "-c")
    for name in ("page1", "page2"):
        assert media.read_picture(tmp_path / f"{name}_colored.png").shape == (64, 96, 3)


def test_a_client_of_books_in_curl_works(server, tmp_path):
    code = re.search(r"```sh\n(at=.*?)```", DOCUMENT, re.DOTALL)[1]
    run_in(tmp_path, code.replace("http://127.0.0.1:8501", server.url), "sh", "-euc")
    assert media.read_picture(tmp_path / "colored.png").shape == (64, 96, 3)
