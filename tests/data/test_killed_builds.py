"""Builds that are killed, and workers that die: nothing finished is lost, and nothing is left."""

import os
import re
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from conftest import files_of, wait_for
from warm_process import Command

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.data import build, build_workers
from keras_colorize.data.sources import Sampling
from keras_colorize.errors import UsageError
from keras_colorize.files import locked

SETTINGS = build.Settings(Sampling(every=40, size=(64, 96)))
OPTIONS = ("--every", "40", "--size", "64x96")


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A folder of four short episodes."""
    folder = tmp_path_factory.mktemp("series")
    episode.write_video(folder / "episode_0.mp4", slice(0, 160))
    for number in range(1, 4):
        shutil.copy(folder / "episode_0.mp4", folder / f"episode_{number}.mp4")
    return folder


@pytest.fixture(scope="module")
def undisturbed(series, tmp_path_factory):
    """The dataset of that folder, built in one go."""
    out = tmp_path_factory.mktemp("undisturbed") / "dataset"
    build.build([series], out, SETTINGS, workers=2)
    return out


def start(series, out, *options):
    """The build as a process of its own."""
    return Command("build-tfrecords", series, "--out", out, *OPTIONS, "--workers", "2", *options)


def finished_in(partial):
    """How many sources a build has finished so far."""
    return len(list(partial.glob("[!.]*.json")))  # one with a dot is still being written


def test_a_build_killed_before_between_and_after_its_sources_ends_as_if_undisturbed(
        series, undisturbed, tmp_path):
    out, partial = tmp_path / "dataset", tmp_path / ".dataset.partial"
    kept = 0
    for finished in (0, 2, 4):  # before the first source, between sources, after the last
        process = start(series, out)
        wait_for(lambda: any(partial.glob("*.progress")) if not finished else  # noqa: B023
                 finished_in(partial) >= finished, process)  # noqa: B023
        process.kill()
        told = re.search(r"continuing: (\d) of 4 sources were finished", process.communicate()[0])
        assert kept in (0, 4) or int(told[1]) == kept
        kept = finished_in(partial)
    assert kept == 4 and not out.exists()
    before = {path: path.stat().st_mtime_ns for path in partial.glob("*.pictures")}
    process = start(series, out)
    wait_for(lambda: (partial / "whole").exists(), process)
    assert before == {path: path.stat().st_mtime_ns for path in partial.glob("*.pictures")}
    assert process.wait() == 0
    assert files_of(out) == files_of(undisturbed)
    assert list(tmp_path.iterdir()) == [out]


@contextmanager
def threads(count):
    """The executor of processes, in threads of this process, where a test can count."""
    with ThreadPoolExecutor(count) as pool:
        yield pool


def test_finished_sources_are_not_decoded_again(series, undisturbed, tmp_path, monkeypatch):
    out, partial = tmp_path / "dataset", tmp_path / ".dataset.partial"
    process = start(series, out)
    wait_for(lambda: finished_in(partial) >= 1, process)
    process.kill()
    process.communicate()
    kept = finished_in(partial)
    decoded = []
    read_video = media.read_video
    monkeypatch.setattr(media, "read_video",
                        lambda path, *others: decoded.append(path) or read_video(path, *others))
    monkeypatch.setattr(build_workers, "processes", threads)
    build.build([series], out, SETTINGS, workers=2)
    assert len(decoded) == len(set(decoded)) == 4 - kept
    assert files_of(out) == files_of(undisturbed)


def workers_of(process):
    """The worker processes of a build."""
    return psutil.Process(process.pid).children(recursive=True)


def test_workers_die_with_their_parent(series, tmp_path):
    process = start(series, tmp_path / "dataset")
    wait_for(lambda: len(list((tmp_path / ".dataset.partial").glob("*.progress"))) == 2, process)
    workers = workers_of(process)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert len(workers) >= 2 and not alive


def test_a_killed_worker_ends_the_build_with_a_line_and_loses_nothing(series, undisturbed,
                                                                     tmp_path):
    process = start(series, tmp_path / "dataset")
    wait_for(lambda: finished_in(tmp_path / ".dataset.partial") >= 1, process)
    busy = [each for each in workers_of(process) if "spawn_main" in " ".join(each.cmdline())]
    busy[0].kill()
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "error: a worker process: was killed, perhaps for its memory; run the same" in errors
    assert "Traceback" not in errors
    assert finished_in(tmp_path / ".dataset.partial") >= 1
    build.build([series], tmp_path / "dataset", SETTINGS, workers=2)
    assert files_of(tmp_path / "dataset") == files_of(undisturbed)


@pytest.mark.parametrize("moment", ["its workers start", "they work", "it has none"])
def test_ctrl_c_ends_a_build_at_once_in_one_line(series, tmp_path, moment):
    partial = tmp_path / ".dataset.partial"
    process = start(series, tmp_path / "dataset") if moment != "it has none" else start(
        series / "episode_0.mp4", tmp_path / "dataset", "--every", "1")
    wait_for(lambda: len(workers_of(process)) == 2 if moment == "its workers start"
             else any(partial.glob("*.progress" if moment == "they work" else ".*")), process)
    workers = workers_of(process)
    begun = time.monotonic()
    for each in (psutil.Process(process.pid), *workers):  # as a terminal sends it
        os.kill(each.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert time.monotonic() - begun < 5 and process.returncode == 1
    lines = [line for line in errors.splitlines() if line and "frame" not in line]
    assert lines == ["error: stopped: interrupted; run the same command to continue"]
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def test_a_second_builder_of_one_output_is_refused(series, tmp_path):
    (tmp_path / ".dataset.partial").mkdir()
    with (locked(tmp_path / ".dataset.partial" / "lock", tmp_path / "dataset"),
          pytest.raises(UsageError, match=f"is being worked on by process {os.getpid()}")):
        build.build([series], tmp_path / "dataset", SETTINGS)


@pytest.fixture(scope="module")
def dask_cluster():
    """The address of a scheduler with two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True,
                                  dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def test_a_dask_cluster_builds_the_same_bytes(series, undisturbed, dask_cluster, tmp_path,
                                             monkeypatch):
    monkeypatch.chdir(tmp_path)  # where its workers are not
    films = os.path.relpath(series)
    build.build([Path(films)], Path("dataset"), SETTINGS, scheduler=dask_cluster)
    assert files_of(tmp_path / "dataset") == files_of(undisturbed)


def test_a_bad_source_on_a_cluster_is_told_as_elsewhere(series, dask_cluster, tmp_path, error_of):
    (tmp_path / "poem.mp4").write_text("I am a poem.")
    code, error = error_of("build-tfrecords", tmp_path / "poem.mp4", "--out", tmp_path / "out",
                           "--scheduler", dask_cluster)
    assert code == 1 and "poem.mp4: cannot be decoded" in error
