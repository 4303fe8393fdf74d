"""Claims about `POST /colorize`: the picture comes back coloured, as `colorize` colours it."""

import asyncio
import io
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from serving_process import assert_refused

from keras_colorize import cli, media
from keras_colorize.cartoon import episode
from keras_colorize.image import line_lock, pixels
from keras_colorize.serving.answer_cache import AnswerCache
from keras_colorize.serving.app import build_app
from keras_colorize.serving.limits import Limits, Refused
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


@pytest.fixture(scope="module")
def models(served_model):
    """The served model, loaded once for the tests in this process."""
    service = Service(served_model, "series")
    service.load()
    service.worker.close()
    return service.models


def asked_in_process(service: Service, test):
    """Runs a coroutine function of a service and a client, without a process for the server."""
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


def test_a_full_queue_is_503_and_a_late_answer_504(models):
    page = stored("PNG", gray())

    async def test(service, client):
        begun, free = threading.Event(), threading.Event()
        first = asyncio.create_task(service.worker.run_page(lambda: (begun.set(), free.wait(60))))
        await asyncio.to_thread(begun.wait)
        asked = [asyncio.create_task(client.post("/colorize", content=page)) for _ in range(3)]
        await asyncio.sleep(0.2)
        too_many = await client.post("/colorize", content=page)
        shown = await client.post("/colorize?on_error=original", content=page)
        late = [each.result() for each in (await asyncio.wait(asked))[0]]
        free.set()
        await first
        return too_many, shown, late, await client.post("/colorize", content=page)

    service = Service(Path(), "series", Limits(3, 2.0))
    service.models = models
    too_many, shown, late, after = asked_in_process(service, test)
    assert (shown.status_code, shown.content) == (200, page)
    assert shown.headers["Colorize-Error"].startswith("503 as many requests as may (3)")
    assert too_many.status_code == 503 and int(too_many.headers["Retry-After"]) >= 1
    assert "as many requests as may (3) are waiting" in too_many.json()["error"]
    assert [answer.status_code for answer in late] == [504] * 3
    assert late[0].json() == {"error": "no answer within 2 seconds"}
    assert after.status_code == 200


def test_a_page_is_coloured_once_and_then_answered_from_the_cache(models, tmp_path, capsys):
    page, other, color = stored("PNG", gray()), stored("JPEG", gray(60)), "keras-colorize; "
    options, asked = {"saturation": "2"}, []

    def service(*args) -> Service:
        made = Service(Path(), "series", Limits(*args), AnswerCache(tmp_path / "cache", 10**7))
        made.models, real = models, made.color
        made.color = lambda *given: (asked.append(given[0]), real(*given))[1]
        return made

    async def first(service, client):
        twice = await asyncio.gather(*(client.post("/colorize", content=page) for _ in range(2)))
        again = await client.post("/colorize", files={"image": ("1.png", page)})
        return *twice, again, *[await client.post("/colorize", content=each, params=params)
                                for each, params in ((page, options), (other, {}), (page, {}))]

    answers = asked_in_process(service(), first)
    told = [answer.headers["Cache-Status"].removeprefix(color) for answer in answers]
    new = "fwd=miss; stored"
    assert sorted(told[:2]) == [new, "hit"] or told[:2] == [new, "hit"]
    assert told[2:] == ["hit", new, new, "hit"] and asked == [page, page, other]
    assert answers[0].content == answers[1].content == answers[2].content == answers[5].content
    assert answers[3].content != answers[0].content
    assert answers[4].headers["Content-Type"] == "image/jpeg"

    async def after_a_restart(service, client):  # and while the worker is busy, with a full queue
        begun, free = threading.Event(), threading.Event()
        busy = asyncio.create_task(service.worker.run_page(lambda: (begun.set(), free.wait(60))))
        await asyncio.to_thread(begun.wait)
        late = await client.post("/colorize", content=page, params={"lock": "ink"})
        kept = await client.post("/colorize", content=page)
        free.set()
        await busy
        return late, kept

    late, kept = asked_in_process(service(1, 0.2), after_a_restart)
    assert late.status_code == 504 and "Cache-Status" not in late.headers
    assert kept.content == answers[0].content and kept.headers["Cache-Status"] == color + "hit"
    assert len(asked) == 3

    async def slow(service, client):
        real = service.color
        service.color = lambda *given: (time.sleep(0.4), real(*given))[1]
        late = await client.post("/colorize", content=page, params={"lock": "ink"})
        await service.worker.run_page(int)
        return late, await client.post("/colorize", content=page, params={"lock": "ink"})

    late, kept = asked_in_process(service(1, 0.2), slow)  # it is kept though nobody waited
    assert (late.status_code, kept.headers["Cache-Status"]) == (504, color + "hit")
    assert models.pages.digest == "" and not capsys.readouterr().out  # no warning, no traceback


def test_a_page_that_fails_comes_back_as_it_came_where_that_is_asked(models):
    page, none, large = stored("PNG", gray()), b"<svg></svg>", stored("JPEG", gray(0, 200, 300))
    damaged = page[:len(page) // 2]
    service = Service(Path(), "series", Limits(pixels=10_000))
    failures = iter((Refused(413, "the picture: is too large"), ValueError("ü")))

    def failing(*given):
        raise next(failures)

    async def test(service, client):
        async def post(file, **params):
            return await client.post("/colorize", files={"image": ("1.png", file)}, params=params)

        faults = [(await post(page, on_error="original"), page, "503 the model is being loaded")]
        service.models = models
        for file, fault in ((damaged, "422 the picture: "), (large, "413 the picture: has 200x300"),
                            (none, "415 the picture: is none of")):
            assert_refused(await post(file), int(fault[:3]))
            faults.append((await post(file, on_error="original"), file, fault))
        done = await post(page, on_error="original")
        service.color = failing
        for fault in ("413 the picture: is too large", "500 an error of the server"):
            faults.append((await post(page, on_error="original"), page, fault))
        return faults, done, await post(page, on_error="x"), \
            await post(page, on_error="original", lock="x"), await post(b"", on_error="original")

    faults, done, *wrong = asked_in_process(service, test)
    for answer, file, fault in faults:
        assert (answer.status_code, answer.content) == (200, file)
        assert answer.headers["Colorize-Error"].startswith(fault), answer.headers
    assert [answer.headers["Content-Type"] for answer, *_ in faults[1:4]] == [
        "image/png", "image/jpeg", "application/octet-stream"]
    assert done.content != page and "Colorize-Error" not in done.headers
    for answer, message in zip(wrong, ("choose original", "choose lum", "no picture"), strict=True):
        assert_refused(answer, 400, message)


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
