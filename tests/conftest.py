"""Small real things that several tests share: a film, a dataset, and trained runs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from keras_colorize import cli, config
from keras_colorize.cartoon import episode
from keras_colorize.data import build, dataset, records
from keras_colorize.data.sources import Sampling
from keras_colorize.training import train

pytest_plugins = ["serving_process"]

SIZE = (64, 96)
PHONE = 390  # pixels
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
TINY = ("model.encoder=[4,4,4]", "model.decoder=[4,4,4]", "model.discriminator=[4,4,4]",
        "train.batch_size=4", "train.epochs=2")  # each level takes a second to trace


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> Path:
    """Twelve shots of the drawn episode, 624 frames or so."""
    path = tmp_path_factory.mktemp("film") / "episode.mp4"
    end = next(index for index in range(episode.length()) if episode.shot_of(index) == 12)
    episode.write_video(path, slice(0, end))
    return path


@pytest.fixture(scope="session")
def data_dir(film, tmp_path_factory) -> Path:
    """A dataset of that film, one frame in twenty, 64x96."""
    out = tmp_path_factory.mktemp("data") / "dataset"
    build.build([film], out, build.Settings(Sampling(every=20, size=SIZE)))
    return out


def tiny(name: str, *overrides: str) -> config.Config:
    """A shipped configuration with three levels of four channels."""
    wanted = [*TINY, *overrides]
    if "gan" not in name:
        wanted = [each for each in wanted if not each.startswith("model.discriminator=")]
    return config.load(name, wanted)


def data_for(wanted: config.Config, data_dir: Path) -> dataset.Dataset:
    """The dataset as `train` opens it."""
    return dataset.Dataset(data_dir, wanted.model.input, wanted.train.batch_size,
                           wanted.train.seed, wanted.augment, wanted.data)


@pytest.fixture(scope="session")
def runs(data_dir, tmp_path_factory) -> dict[str, Path]:
    """A trained tiny run of each of the four shipped configurations, by name."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("convnet_gray", "convnet_edge", "gan_gray", "gan_edge"):
        wanted = tiny(f"cpu/{name}")
        train.train(wanted, data_for(wanted, data_dir), folder / name)
    return {path.name: path for path in folder.iterdir()}


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a shell starts what it runs in the background deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(condition, process=None, seconds: float = 120) -> None:
    """Waits until something holds, at most for so long, and while a process works on it."""
    deadline = time.monotonic() + seconds
    while not condition():
        late = time.monotonic() > deadline
        if late and process:
            process.kill()
        assert not late and (process is None or process.poll() is None), \
            process and process.communicate()
        time.sleep(0.002)


def command(*arguments: object) -> subprocess.CompletedProcess:
    """Runs `keras-colorize` in a process of its own."""
    return subprocess.run([sys.executable, "-m", "keras_colorize.cli", *map(str, arguments)],
                          capture_output=True, text=True)


@pytest.fixture
def error_of(capfd):
    """A function that runs a command in this process and returns its exit code and error line."""
    def run(*arguments: object) -> tuple[int, str]:
        capfd.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        errors = [line for line in capfd.readouterr().err.splitlines() if "error: " in line]
        assert len(errors) <= 1
        return code, errors[0] if errors else ""

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real films and comics; tests that need it skip without it."""
    folder = os.environ.get("KERAS_COLORIZE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("KERAS_COLORIZE_DATA names no folder of films and comics")
    return Path(folder)


@pytest.fixture
def random_pictures():
    """A function that makes uint8 noise of a shape."""
    generator = np.random.default_rng(0)
    return lambda *shape: generator.integers(0, 256, shape, np.uint8)


def files_of(folder):
    """The names and bytes of a folder's files."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def examples(data_dir, split):
    """The parsed records of a split."""
    import tensorflow as tf

    shards = records.Manifest.read(data_dir).shards(split)
    return [records.parse(each) for each in tf.data.TFRecordDataset([str(path) for path in shards])]
