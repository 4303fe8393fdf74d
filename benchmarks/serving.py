"""How a server holds under more than it can take: benchmarks/serving.py [--model MODEL].

Without a model it is the paper's full-width generator with random weights, no slower than a trained
one.

Gray pages are coloured first in one process without a server, then through `POST /colorize`, whose
four clients ask for one picture after the other, then for four times as many as it has coloured so,
at a steady rate. All on one machine, so that the clients take their part of it. How long an
accepted request may take is bounded by the queue: it waits for those that were there before it,
which are as many as may wait and one that runs. So beside the seconds, which
vary with the machine, stands how many others were answered meanwhile, by the server's log.

    python benchmarks/serving.py --studio [--model RUN_DIR]

measures instead what a visitor of the studio waits for: a gray page that follows strokes, its small
pictures in each mood, and the likely colours of its points. Without a model it is the gray one that
ships, with moods of the drawn episode.
"""

import argparse
import asyncio
import datetime
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
from rows import Row, Table, parse, row

from keras_colorize import import_tensorflow

import_tensorflow()

from keras_colorize import config, export, files, media, models  # noqa: E402
from keras_colorize.cartoon import episode  # noqa: E402
from keras_colorize.colorize import Settings  # noqa: E402
from keras_colorize.image import moods, pixels  # noqa: E402
from keras_colorize.serving.service import Service  # noqa: E402
from keras_colorize.training import run_directory  # noqa: E402

OVER = 4  # times what the server can colour
QUEUE = 16
PAGE = 1400, 1000  # height and width
STROKES = 20


def write_paper_model(out: Path) -> None:
    """The paper's generator, untrained, as a SavedModel."""
    import tensorflow as tf

    wanted = config.load("gan_gray").model
    module = export.Colorizer(models.unet(wanted.encoder, wanted.decoder))
    tf.saved_model.save(module, str(out), signatures={
        name: getattr(module, name) for name in ("serving_default", "pixels", "network")})
    (out / export.CARD).parent.mkdir(exist_ok=True)
    files.write_json(out / export.CARD, {"generator_sha256": "", "input": "gray", "dataset": {}})


def drawn(height: int, width: int, number: int) -> np.ndarray:
    """A gray picture, uint8 [height, width]."""
    frame = pixels.gray(episode.draw_frame(number * 40))
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def per_second(call, seconds: float) -> float:
    """How often a call is done in a second."""
    call()
    begun, times = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        call()
        times += 1
    return times / (time.perf_counter() - begun)


class Server:
    """A server in a process of its own."""

    def __init__(self, saved: Path, log: Path):
        self.process = psutil.Popen(
            [sys.executable, "-m", "keras_colorize.cli", "serve", str(saved), "--name", "model",
             "--port", "0", "--queue", str(QUEUE)], stdout=log.open("w"), stderr=subprocess.PIPE,
            text=True)
        self.url = re.search(r"at (http://\S+?)/,", self.process.stderr.readline())[1]
        while httpx.get(f"{self.url}/readyz").status_code != 200:
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.2)

    def memory(self) -> float:
        """What it holds now, in MB."""
        return self.process.memory_info().rss / 1e6

    def stop(self) -> None:
        """Ends it as an orchestrator does."""
        self.process.terminate()
        assert self.process.wait(90) == 0


async def ask(client: httpx.AsyncClient, body: bytes, answers: list) -> None:
    """One request; adds its status, and when it was sent and answered."""
    begun = time.perf_counter()
    try:
        answer = await client.post("/colorize", content=body)
        status = answer.status_code
    except httpx.HTTPError as error:
        status = type(error).__name__
    answers.append((status, begun, time.perf_counter()))


async def in_turn(url: str, bodies: list[bytes], clients: int, seconds: float) -> list:
    """Answers to clients who ask again as soon as they are answered."""
    answers, end = [], time.perf_counter() + seconds

    async def one(client: httpx.AsyncClient, number: int) -> None:
        while time.perf_counter() < end:
            await ask(client, bodies[number % len(bodies)], answers)
            number += 1

    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        await asyncio.gather(*(one(client, number) for number in range(clients)))
    return answers


async def at_rate(server: Server, bodies: list[bytes], rate: float, seconds: float) -> tuple:
    """Answers to requests at a steady rate, and the server's memory every second."""
    answers, memory, tasks = [], [], []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as client:
        begun = time.perf_counter()
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0, begun + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(ask(client, bodies[number % len(bodies)], answers)))
            if time.perf_counter() - begun > len(memory):
                memory.append(server.memory())
        await asyncio.gather(*tasks)
    return answers, memory, time.perf_counter() - begun


def load_rows(saved: Path, service: Service, size: tuple[int, int], seconds: float,
              folder: Path) -> list[Row]:
    """Rows on the server, beside the model alone."""
    pages = [media.encode_picture(drawn(*size, number)) for number in range(8)]
    turn = iter(range(10 ** 9))

    def alone() -> float:
        return per_second(lambda: service.color(pages[next(turn) % 8], "page", Settings()),
                          seconds / 24)

    def through(seconds: float) -> float:
        return len(asyncio.run(in_turn(server.url, pages, 4, seconds))) / seconds

    server = Server(saved, folder / "log.jsonl")
    turns = [(alone(), through(seconds / 16)) for _ in range(4)]
    before, kept = turns[-1]
    answers, memory, spent = asyncio.run(at_rate(server, pages, OVER * kept, seconds))
    server.stop()
    after = alone()
    single = (before + after) / 2
    counts = Counter(status for status, *_ in answers)
    took = sorted(ended - begun for status, begun, ended in answers if status == 200)
    behind = answered_meanwhile(folder / "log.jsonl", counts[200])
    third = len(memory) // 3
    parts = [statistics.mean(memory[start:start + third]) for start in (0, third, 2 * third)]
    singles, rates = zip(*turns, strict=True)
    return [
        row("the model alone", "pictures/s", singles),
        row("the server, 4 clients", "pictures/s", rates, singles),
        row(f"asked for {OVER} times as many", "pictures/s", [len(took) / spent], [single],
            note=f"for {seconds:g} s; answered 200, 503, otherwise: {counts[200]}, {counts[503]}, "
            f"{len(answers) - counts[200] - counts[503]}"),
        row("... an accepted request", "s", [took[0], statistics.median(took), took[-1]],
            note=f"median, p99, most: {three(took, '.2f')}; of the others answered meanwhile "
            f"{three(behind, 'd')}, and the bound {QUEUE + 1}"),
        row("... memory of the server", "MB", parts, note="mean of the first, second, last third: "
            f"{listed(parts, '.0f')}")]


def answered_meanwhile(log: Path, last: int) -> list[int]:
    """By the server's log: how many others were answered while each of the last requests was there.

    Clients that share its machine see their requests late.
    """
    lines = [line for line in map(json.loads, log.read_text().splitlines())
             if line.get("method") == "POST" and line["status"] == 200][-last:]
    ends = [datetime.datetime.fromisoformat(line["time"]).timestamp() for line in lines]
    begins = [end - line["seconds"] for end, line in zip(ends, lines, strict=True)]
    return sorted(sum(begun < other < end for other in ends)
                  for begun, end in zip(begins, ends, strict=True))


def studio_rows(model: Path, folder: Path) -> str:
    """Rows on one visitor's page: seconds as they wait, and of the server's processor."""
    server = Server(model, folder / "log.jsonl")
    generator = np.random.default_rng(0)
    with httpx.Client(base_url=f"{server.url}/api/", timeout=60) as client:
        def timed(ask: Callable[[], object]) -> tuple[float, float]:
            before, begun = sum(server.process.cpu_times()[:2]), time.perf_counter()
            ask()
            spent = time.perf_counter() - begun
            return spent, sum(server.process.cpu_times()[:2]) - before

        def follow() -> None:
            strokes = np.zeros((*PAGE, 4), np.uint8)
            ends = generator.integers(0, PAGE[1], (2, 2))
            cv2.line(strokes, *map(tuple, ends.tolist()),
                     (*generator.integers(0, 256, 3).tolist(), 255), 8)
            said = client.post(page, params={"wait": 20},
                               content=media.Style("PNG").encode(strokes, None, "strokes"))
            assert said.json()["state"] == "done", said.text
            media.decode_picture(client.get(f"{page}/colored?view").content)

        def tell() -> None:
            row, column = (int(generator.integers(length)) for length in PAGE)
            assert client.get(f"{page}/colors", params={"x": column, "y": row}).json()

        page = f"books/{client.post('books').json()['id']}/pages/0"
        client.post(page.replace("pages/0", "files"), params={"name": "page.png"},
                    content=media.encode_picture(drawn(*PAGE, 3)))
        follow()
        counted = {"its moods, the first time": [timed(lambda: client.get(f"{page}/moods"))],
                   "a stroke, until the page that follows it is there":
                       [timed(follow) for _ in range(STROKES)],
                   "the likely colours of a point": [timed(tell) for _ in range(STROKES)]}
        assert len(client.get(f"{page}/moods").json()) == 1 + moods.COUNT
    server.stop()
    return "\n".join(f"| {what} | {figures([row[0] for row in rows])} | "
                     f"{figures([row[1] for row in rows])} |" for what, rows in counted.items())


def figures(seconds: list[float]) -> str:
    """The median and the largest."""
    return listed((statistics.median(seconds), max(seconds)), ".2f")


def with_moods(folder: Path) -> Path:
    """The gray network that ships, as a run that learned moods."""
    for name in ("config.toml", "generator.keras", "run.json"):
        shutil.copy(config.SHIPPED_MODEL / name, folder)
    run_directory.write_moods(folder, moods.choose(
        episode.draw_frame(280 * number) for number in range(moods.COUNT)))
    return folder


def three(values: list, form: str) -> str:
    """The median, the 99th percentile and the largest of sorted values."""
    return listed((values[len(values) // 2], values[int(0.99 * (len(values) - 1))], values[-1]),
                  form)


def listed(values: Iterable, form: str) -> str:
    """Numbers in a row."""
    return ", ".join(format(value, form) for value in values)


def main() -> None:
    """Measures and prints tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a SavedModel")
    parser.add_argument("--seconds", type=float, default=120, help="under load (%(default)g)")
    parser.add_argument("--size", default="180x320", help="of the pictures (%(default)s)")
    parser.add_argument("--studio", action="store_true", help="what its visitors wait for")
    options = parse(parser, seconds=40)
    size = tuple(map(int, options.size.split("x")))
    with tempfile.TemporaryDirectory() as name:
        if options.studio:
            print("\n| a gray page of {}x{} | seconds: median, most | of processor |\n"
                  "|---|---:|---:|".format(*PAGE))
            print(studio_rows(options.model or with_moods(Path(name)), Path(name)))
            return
        table = Table(options, f"pictures of {options.size}")
        saved = options.model or Path(name) / "model"
        if options.model is None:
            write_paper_model(saved)
        service = Service(saved, "model")
        service.load()
        table.add(*load_rows(saved, service, size, options.seconds, Path(name)))
        service.worker.close()


if __name__ == "__main__":
    main()
