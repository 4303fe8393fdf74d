"""Claims about `POST /colorize`: the picture comes back coloured, as `colorize` colours it."""

import asyncio
import io
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from serving_process import assert_refused

from keras_colorize import cli, media
from keras_colorize.cartoon import episode
from keras_colorize.image import line_lock, pixels
from keras_colorize.serving.app import build_app
from keras_colorize.serving.limits import Limits
from keras_colorize.serving.service import Service

DOCUMENT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif",
         "BMP": "image/bmp", "TIFF": "image/tiff"}


def gray(index: int = 0, height: int = 64, width: int = 96) -> np.ndarray:
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(index))[:height, :width])


def stored(form: str, picture: np.ndarray, **options) -> bytes:
    """A picture as a file by Pillow."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", TYPES)
def test_a_picture_comes_back_in_its_type_and_size_as_the_command_colours_it(
        form, server, served_model, tmp_path):
    page = tmp_path / f"page{media.FORMATS[form]}"
    page.write_bytes(stored(form, gray(60, 100, 150)))
    assert cli.main(["colorize", str(served_model), str(page), "--out", str(tmp_path / "out")]) == 0
    for sent in ({"content": page.read_bytes()},
                 {"files": {"image": ("scan", page.read_bytes(), "application/octet-stream")}}):
        answer = httpx.post(f"{server.url}/colorize", timeout=60, **sent)
        assert answer.status_code == 200 and answer.headers["content-type"] == TYPES[form]
        assert answer.content == (tmp_path / "out" / page.name).read_bytes()
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == (form, (150, 100))


def test_a_page_in_colour_comes_back_byte_for_byte(server):
    page = stored("JPEG", episode.draw_frame(0))
    assert server.colored(page).content == page
    anew = server.colored(page, params={"treat_as": "gray"})
    assert anew.status_code == 200 and anew.content != page


def test_options_are_those_of_the_command(server, served_model, tmp_path):
    page = tmp_path / "page.png"
    page.write_bytes(stored("PNG", gray(60)))
    assert cli.main(["colorize", str(served_model), str(page), "--out", str(tmp_path / "out"),
                     "--lock", "ink"]) == 0
    answer = server.colored(page.read_bytes(), params={"lock": "ink"})
    assert answer.content == (tmp_path / "out" / "page.png").read_bytes()
    for name in ("lock", "tones", "paper", "treat_as"):
        assert_refused(server.colored(page.read_bytes(), params={name: "x"}), 400, "choose ")
    assert_refused(server.colored(page.read_bytes(), params={"tones": "smooth", "lock": "ink"}),
                   400, "lock chooses another rule")
    usual, vivid = (server.colored(page.read_bytes(), params=params).content
                    for params in ({}, {"saturation": "5"}))
    assert vivid != usual == server.colored(page.read_bytes()).content  # of one request alone
    assert_refused(server.colored(page.read_bytes(), params={"saturation": "11"}), 400,
                   "above 0, up to 10")


def test_what_makes_no_request_is_refused_in_one_line(server):
    page = stored("PNG", gray())
    url = f"{server.url}/colorize"
    for sent in ({"content": b""}, {"files": {"other": page}}, {"data": {"image": "text"},
                                                                "files": {"other": page}}):
        assert_refused(httpx.post(url, **sent), 400, "no picture came; send it as the body, or as")
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        assert_refused(httpx.post(url, content=page, headers={"Content-Type": kind}), 400)
    two = httpx.post(url, files=[("image", page), ("image", page)])
    assert_refused(two, 400, "files")
    assert_refused(httpx.get(url), 405)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "\xff"):  # the bytes count
        answer = server.colored(page, headers={"Content-Type": kind.encode("latin-1")})
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"


def test_with_transparency_16_bits_and_exif_it_is_the_page_that_a_viewer_shows(server):
    page = gray(0, 90, 120)
    deep = Image.fromarray(page.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6  # of a camera that was held upright
    clear = np.dstack([page] * 3 + [np.full_like(page, 128)])
    for file, size, mode in ((stored("PNG", page, exif=exif), (90, 120), "RGB"),
                             (stored("JPEG", page, exif=exif, quality=98), (90, 120), "RGB"),
                             (stored("PNG", clear), (120, 90), "RGBA")):
        with Image.open(io.BytesIO(server.colored(file).content)) as image:
            assert (image.size, image.mode) == (size, mode)
    file = io.BytesIO()
    deep.save(file, "PNG")
    colored = server.colored(file.getvalue()).content
    assert colored[24] == 16
    assert line_lock.largest_change(page, pixels.eight_bits(
        media.stored_colors(colored, "it"))) <= 1


def asked_in_process(model: Path, limits: Limits, test):
    """Runs a coroutine function of a service and a client, without a process for the server."""
    service = Service(model, "series", limits)
    service.load()

    async def run():
        transport = httpx.ASGITransport(build_app(service, log=io.StringIO()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost",
                                     timeout=60) as client:
            return await test(service, client)

    try:
        return asyncio.run(run())
    finally:
        service.worker.close()
        service.closing.close()


def test_a_full_queue_is_503_and_a_late_answer_504(served_model):
    page = stored("PNG", gray())

    async def test(service, client):
        begun, free = threading.Event(), threading.Event()
        first = asyncio.create_task(service.worker.run_page(lambda: (begun.set(), free.wait(60))))
        await asyncio.to_thread(begun.wait)
        asked = [asyncio.create_task(client.post("/colorize", content=page)) for _ in range(3)]
        await asyncio.sleep(0.2)
        too_many = await client.post("/colorize", content=page)
        late = [each.result() for each in (await asyncio.wait(asked))[0]]
        free.set()
        await first
        return too_many, late, await client.post("/colorize", content=page)

    too_many, late, after = asked_in_process(served_model, Limits(3, 2.0), test)
    assert too_many.status_code == 503 and int(too_many.headers["Retry-After"]) >= 1
    assert "as many requests as may (3) are waiting" in too_many.json()["error"]
    assert [answer.status_code for answer in late] == [504] * 3
    assert late[0].json() == {"error": "no answer within 2 seconds"}
    assert after.status_code == 200


def example(language: str, number: int = 0) -> str:
    """A client of docs/serving.md."""
    section = DOCUMENT[DOCUMENT.index("## POST /colorize"):]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)[number]


@pytest.mark.parametrize(("language", "number"), [("sh", 0), ("python", 0), ("python", 1)])
def test_the_clients_of_the_documentation_work(server, tmp_path, language, number):
    if language == "sh" and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    code = example(language, number).replace("http://127.0.0.1:8501", server.url)
    (tmp_path / "page.png").write_bytes(stored("PNG", gray()))
    (tmp_path / "page.jpg").write_bytes(stored("JPEG", gray()))
    shell = [sys.executable, "-c"] if language == "python" else ["sh", "-euc"]
    subprocess.run([*shell, code], cwd=tmp_path, check=True, timeout=60)
    colored = [path for path in tmp_path.iterdir() if path.stem.startswith("colored")]
    assert colored
    for path in colored:
        assert media.read_picture(path).shape == (64, 96, 3)
