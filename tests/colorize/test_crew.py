"""Claims about colouring by the workers of a Dask cluster: the same files, and the same errors."""

import os
import signal
import zipfile
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conftest import wait_for
from PIL import Image
from warm_process import Command

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import crew
from keras_colorize.data import cluster
from keras_colorize.errors import ColorizeError, RunError
from keras_colorize.image import pixels

distributed = pytest.importorskip("distributed")


def page(number):
    """A small gray page."""
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(20 * number))[:75, :110])


def write_pages(folder, count):
    """Writes so many pages, a comic of as many, pages that cannot be read, and a film."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "book.cbz", "w") as archive:
        for number in range(count):
            media.write_picture(folder / f"{number:02}.png", page(number))
            archive.writestr(f"{number:02}.jpg", media.encode_picture(page(number + 50), ".jpg"))
        archive.writestr("bad.png", b"no picture")
    (folder / "bad.png").write_bytes(b"no picture")
    episode.write_video(folder / "film.mp4", slice(0, 12))


def files_below(folder):
    """The bytes of all files of a job by name, but of those that name the folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()
            and path.name not in ("report.json", "report.html", ".lock")}


@pytest.fixture
def models(tmp_path):
    """Models whose network tints what it is shown, as if loaded from a folder that is not there."""
    def tint(pixels):
        return {"pixels": tf.concat([pixels, pixels // 2, 255 - pixels], axis=3)}

    return colorize.Models(colorize.Model(
        "tint", "", "gray", "spline", (64, 96), tint, None,
        lambda pixels: {"pixels": tf.concat([pixels[..., 1:3], pixels[..., :1]], axis=3)},
        path=tmp_path / "gone"))


@pytest.fixture(scope="module")
def near_workers():
    """The address of a scheduler with two workers, all of them within this process."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False,
                                  protocol="tcp", dashboard_address=None) as started:
        yield started.scheduler_address


def test_a_cluster_writes_the_same_files_and_names_the_same_faults(
        models, near_workers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(crew, "_load", lambda setup: models)
    write_pages(tmp_path / "in", 2)
    strokes = np.zeros((75, 110, 4), np.uint8)
    strokes[20:30, 20:30] = 255, 0, 0, 255
    (tmp_path / "hints").mkdir()
    Image.fromarray(strokes).save(tmp_path / "hints" / "01.png")
    (tmp_path / "keys").mkdir()
    media.write_picture(tmp_path / "keys" / "5.png", episode.draw_frame(5))
    settings = colorize.Settings(treat_as="gray", layers=True, hints=Path("hints"),
                                 keyframes=Path("keys"))
    here = colorize.colorize(models, [tmp_path / "in"], tmp_path / "here", settings)
    with cluster.connect(near_workers) as workers:
        there = colorize.colorize(models, [tmp_path / "in"], tmp_path / "there", settings, workers)
        assert files_below(tmp_path / "there") == files_below(tmp_path / "here")
        again = colorize.colorize(models, [tmp_path / "in"], tmp_path / "there", settings, workers)
    assert len(here.failed) == 2 and there.failed == again.failed == here.failed
    assert list(there.colored.values()) == list(here.colored.values())
    assert again.found_done == 5 and not again.colored  # two pages, a film, and a comic's two


class Deadly:
    """An executor whose workers die of each task."""

    def submit(self, *task):
        future = Future()
        future.set_exception(distributed.KilledWorker("page", None, 3))
        return future


def test_workers_that_cannot_colour_are_told_in_a_line(models, near_workers, tmp_path,
                                                       monkeypatch):
    (tmp_path / "in").mkdir()
    media.write_picture(tmp_path / "in" / "page.png", page(0))
    report = colorize.colorize(models, [tmp_path / "in"], tmp_path / "large",
                               cluster=cluster.Cluster(Deadly(), 1))
    assert report.failed == ["page.png: is too large for this machine's memory; scale it down"]
    with (pytest.raises(RunError, match=r"tint on the worker .* is neither a SavedModel nor a run "
                        "directory; let all workers see the same model under the same path"),
          cluster.connect(near_workers) as workers):
        colorize.colorize(models, [tmp_path / "in"], tmp_path / "out", cluster=workers)
    for name, told_by in (("mood", str(tmp_path / "in" / "page.png")),
                          ("reference", (tmp_path / "in" / "page.png",))):
        setup = crew._Setup.of(models, colorize.Settings(**{name: told_by}))
        with pytest.raises(RunError, match=r"on the worker .* is not what it is here; let all "
                                           "workers see the same pictures under the same paths"):
            crew._load(replace(setup, told_by="of another picture"))
    monkeypatch.setattr(cluster, "__version__", "0.0")
    with (pytest.raises(ColorizeError, match=r"lacks keras_colorize 0\.0; install it with"),
          cluster.connect(near_workers)):
        pytest.fail("its version is another")


def test_a_scheduler_that_is_not_there_claims_nothing(tmp_path, error_of, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    media.write_picture(tmp_path / "page.png", page(0))
    code, error = error_of("colorize", tmp_path / "page.png", "--scheduler", "tcp://127.0.0.1:9")
    assert code == 1 and "--scheduler tcp://127.0.0.1:9: is no Dask scheduler that answers" in error
    assert [path.name for path in tmp_path.iterdir()] == ["page.png"]


@pytest.mark.slow
def test_a_killed_worker_costs_no_page(served_model, tmp_path):
    write_pages(tmp_path / "in", 20)
    out = tmp_path / "there"
    colorize.colorize(colorize.Models.load(served_model), [tmp_path / "in"], tmp_path / "here")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True,
                                  dashboard_address=None) as started:
        process = Command("colorize", served_model, tmp_path / "in", "--out", out, "--scheduler",
                          started.scheduler_address)
        wait_for(lambda: len(list(out.glob("*.png"))) > 2, process, seconds=600)
        os.kill(started.workers[0].pid, signal.SIGKILL)
        _, errors = process.communicate()
    assert process.returncode == 1 and errors.count("bad.png: cannot be read as a picture") == 2
    assert files_below(out) == files_below(tmp_path / "here")
