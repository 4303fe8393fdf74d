"""Claims about the clients of the documentation, and pictures of several clients at a time."""

import asyncio
import itertools
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from serving_process import assert_refused, serving, write_model

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.export.graph import WHOLE
from keras_colorize.image import pixels
from keras_colorize.serving.service import Service

TEXT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture(scope="module")
def server(saved, tmp_path_factory):
    with serving(saved, tmp_path_factory.mktemp("server") / "log.jsonl") as started:
        yield started


def gray(number: int) -> np.ndarray:
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(60 * number))[:64, :96])


def indented(begin: str) -> str:
    """The block of code of the documentation that begins so."""
    lines = TEXT[TEXT.index(f"    {begin}"):].splitlines(keepends=True)
    code = itertools.takewhile(lambda line: line.startswith("    ") or not line.strip(), lines)
    return textwrap.dedent("".join(code))


def run_in(folder: Path, code: str, *shell: str) -> None:
    for name in ("page.png", "page1.png"):
        (folder / name).write_bytes(media.encode_picture(gray(0)))
    (folder / "page2.jpg").write_bytes(media.encode_picture(gray(1), ".jpg"))
    subprocess.run([*shell, code], cwd=folder, check=True, timeout=60)


def needs_curl():
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")


def test_a_client_of_tensorflow_serving_in_curl_works(server, tmp_path):
    needs_curl()
    code = indented("{ printf '").replace("http://localhost:8501", server.url)
    run_in(tmp_path, code, "sh", "-euc")
    assert media.read_picture(tmp_path / "colored.png").shape == (64, 96, 3)


def test_a_client_of_tensorflow_serving_in_python_works(server, tmp_path):
    code = indented("import base64, json, urllib").replace("http://localhost:8501", server.url)
    run_in(tmp_path, code, sys.executable, "-c")
    for name in ("page1", "page2"):
        assert media.read_picture(tmp_path / f"{name}_colored.png").shape == (64, 96, 3)


def test_a_client_of_books_in_curl_works(server, tmp_path):
    needs_curl()
    code = re.search(r"```sh\n(at=.*?)```", TEXT, re.DOTALL)[1]
    run_in(tmp_path, code.replace("http://127.0.0.1:8501", server.url), "sh", "-euc")
    assert media.read_picture(tmp_path / "colored.png").shape == (64, 96, 3)


def test_pictures_of_several_clients_run_together_and_each_gets_its_own(saved):
    service = Service(saved, "series")
    service.load()
    own, batches = service.served.signatures["pixels"], []

    def counted(pixels):
        batches.append(len(pixels))
        return own(pixels=pixels)

    service.served.signatures["pixels"] = counted
    given = [np.stack([gray(number), 255 - gray(number)][:1 + number % 2])[..., None]
             for number in range(6)]

    async def ask_all():
        begun, free = threading.Event(), threading.Event()
        first = asyncio.create_task(service.worker.run(lambda: (begun.set(), free.wait(60))))
        await asyncio.to_thread(begun.wait)
        asked = [asyncio.create_task(service.call("pixels", {"pixels": each})) for each in given]
        await asyncio.sleep(0.1)
        free.set()
        await first
        return await asyncio.gather(*asked)

    try:
        answers = asyncio.run(ask_all())
    finally:
        service.worker.close()
    assert batches == [9]
    for each, answer in zip(given, answers, strict=True):
        wanted = own(pixels=each)["pixels"].numpy()
        assert answer["pixels"].shape == wanted.shape
        assert np.abs(answer["pixels"].astype(int) - wanted).max() <= 1


def test_numbers_of_more_pixels_than_go_in_one_piece_are_refused(server):
    side = int(WHOLE ** 0.5) + 1
    body = b'{"signature_name": "pixels", "instances": [[%s]]}' % b",".join(
        [b"[" + b",".join([b"[0]"] * side) + b"]"] * side)
    assert_refused(server.ask(body), 413, "more than the 1,572,864 that may be given as numbers")
    page = media.encode_picture(np.zeros((side, side), np.uint8))
    assert server.colored(page).status_code == 200
