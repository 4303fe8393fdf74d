"""Odd commands, all in one process: whatever is typed, no traceback is the answer."""

import os
import random
import zipfile
from argparse import ArgumentParser
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tensorflow as tf

from keras_colorize import cli, colorize, media
from keras_colorize.cartoon import episode, manga
from keras_colorize.cli import commands
from keras_colorize.data import build_workers

CASES, SEED = int(os.environ.get("FUZZ", 250)), int(os.environ.get("FUZZ_SEED", 20))
NAMES = ("two words", "[Group] *?", "-x", "--out", "漫画", "a\nb", "b" * 255, "c" * 300, "~", ".",
         "..", "", "/", "$HOME", "back\\slash", "a'b\"c", os.fsdecode(b"caf\xe9"), "CON", "x.mp4",
         "x.cbz", "x.png", "x.toml", "e\u0301", "\u202egnp.exe", "x" * 5000, "/proc/self/mem",
         "/dev/null", "https://example.org/x.mp4", "file:///x", "a,b")
VALUES = ("", "0", "-1", "1", "1.5", "1e999", "nan", "inf", "9" * 5000, "٣", "²", "0x10", "1_0",
          " 7 ", "None", "true", "64x64", "64x", "x64", "64x64x64", "9999999x64", "64\u00d764", "é",
          "\x1b[31m", "all", "png", "jpeg", "shot", "frame", "ink", "line_art", "libx264", "smooth",
          "localhost", "::1", "a.b=c", "train.epochs=0", "train.seed=-1", "model=1", "=", ".",
          "train.epochs=99999999999999999999999", "model.encoder=[]", "optimizer.learning_rate=nan",
          "train.precision=int8", os.fsdecode(b"\xff"), "%s{}%n", "-", "--", "--help")
RIGHT = {"size": ["64x96"], "every": ["1"], "seed": ["1", "-1"], "set": ["train.epochs=1"],
         "scale": ["0.5", "1"], "quality": ["50"], "crf": ["20"], "codec": ["libx264", "libvpx"],
         "points": ["1", "3"], "config": ["cpu/gan_gray", "cpu/convnet_edge"], "workers": ["1"],
         "test": ["pages"], "model": ["model"], "inputs": ["pages", "pages/1.png", "book.cbz"],
         "sources": ["pages", "book.cbz"], "out": ["new", "newer", "new.cbz", "new folder/new"]}
UNTRIED = ("scheduler",)  # an address that nobody answers at costs ten seconds
ENVIRONMENTS = (("KERAS_BACKEND", "torch"), ("KERAS_BACKEND", "é"), ("KERAS_HOME", "/dev/null/x"),
                ("KERAS_MAX_EPOCHS", "x"), ("HOME", "/nowhere"), ("TMPDIR", "/nowhere"),
                ("KERAS_COLORIZE_TOKEN", ""), ("KERAS_COLORIZE_TOKEN", "  "),
                ("KERAS_DISTRIBUTION_NUM_PROCESSES", "x"), ("COLUMNS", "1"), ("LANG", "C"),
                ("KERAS_DISTRIBUTION_NUM_PROCESSES", "2"), ("CUDA_VISIBLE_DEVICES", "x"))


def _tinted(pixels):
    """Stands for a network."""
    return {"pixels": tf.concat([pixels, pixels // 2, 255 - pixels], 3)}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Paths of all kinds: missing, odd, empty, damaged, and a few that are right."""
    monkeypatch.chdir(tmp_path)
    model = colorize.Model("model", "digest", "gray", "spline", (64, 96), _tinted, None)
    load = colorize.Model.load
    monkeypatch.setattr(colorize.Model, "load", classmethod(
        lambda cls, path: model if path.name in ("model", "shipped_model", "printed")
        else load(path)))
    monkeypatch.setattr(build_workers, "processes", ThreadPoolExecutor)
    monkeypatch.setattr(episode, "write_video", lambda path: None)
    monkeypatch.setattr(manga, "draw", lambda number, draw=manga.draw: draw(number, 0.1))
    page = episode.draw_frame(0)[:64, :96]
    for name in ("1.png", "2.jpg", "two words/3.png", "[Group] *?/4.webp"):
        media.write_picture(tmp_path / "pages" / name, page)
    (tmp_path / "pages" / "notes.txt").write_text("poem")
    Path("empty").mkdir()
    for name in ("file", "torn.mp4", "torn.png", "torn.cbz", "torn.pdf", "torn.toml",
                 "dataset/dataset.json", "run/config.toml", "run/run.json", "run/generator.keras",
                 "saved/saved_model.pb", "report/metrics.json", "keras/best.json"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"\x80poem")
    Path("model").mkdir()
    Path("model/saved_model.pb").touch()
    Path("json").mkdir()
    Path("json/dataset.json").write_text('{"schema": 1}')
    Path("json/metrics.json").write_text("[]")
    Path("list.toml").write_text("train = 3")
    with zipfile.ZipFile("book.cbz", "w") as book:
        book.write("pages/1.png", "1.png")
    for target in ("nowhere", "loop", "empty"):
        Path("loop" if target == "loop" else f"link to {target}").symlink_to(target)
    made = [str(path.relative_to(tmp_path)) for path in tmp_path.iterdir()]
    return [*NAMES, *made, *(f"{name}/below" for name in made[:6]), "model", "model", "pages",
            "pages", "pages/1.png"]


def drawn_case(chance, taken, places):
    """Draws the words of a command: mostly what it needs, some of what it may have."""
    words = [chance.choice([*taken] * 3 + ["paint", ""])]
    for action in taken.get(words[0], ()):
        wanted = action.required or not action.option_strings or action.dest == "out"
        if action.dest in UNTRIED or chance.random() > (0.97 if wanted else 0.2):
            continue
        words += action.option_strings[:1]
        count = 0 if action.nargs == 0 else chance.choice((1, 1, 2)) if action.nargs == "+" else 1
        words += [drawn_value(chance, action, places) for _ in range(count)]
    return words


def drawn_value(chance, action, places):
    """Draws a path, a value that is right, or an odd one."""
    right = action.choices or RIGHT.get(action.dest)
    if right and chance.random() < 0.7:
        return chance.choice(right)
    is_path = getattr(action.type, "__name__", "") in ("Path", "place", "named")
    return chance.choice(places if is_path or chance.random() < 0.1 else VALUES)


def answer_to(words):
    """The exit code of a command, or what it raised that it should not have."""
    try:
        return cli.main(words)
    except SystemExit as stop:
        return stop.code
    except BaseException as error:
        return error


def test_whatever_is_typed_is_answered_without_a_traceback(places, monkeypatch, capfd):
    chance, taken, answers = random.Random(SEED), {}, Counter()
    for name, _, declare, _ in commands.COMMANDS:
        if name not in ("demo", "serve"):  # which would go on for long where all is right
            declare(parser := ArgumentParser(add_help=False))
            taken[name] = parser._actions
    for number in range(CASES):
        words = drawn_case(chance, taken, places) if number else [
            "colorize", "model", "pages/1.png", "--out", "all is right"]
        with monkeypatch.context() as surroundings:
            if chance.random() < 0.2:
                surroundings.setenv(*chance.choice(ENVIRONMENTS))
            code = answer_to(words)
        printed = capfd.readouterr()
        errors = [line for line in printed.err.splitlines() if "error: " in line]
        assert code in (0, 1, 2) and bool(errors) == (code != 0), (words, code, printed)
        assert "Traceback" not in printed.err + printed.out, (words, printed)
        answers[code] += 1
    assert all(answers[code] for code in (0, 1, 2)), answers  # all kinds were tried
