"""Small real things that several tests share: a film, a dataset, and trained runs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import filelock
import numpy as np
import pytest
from warm_process import FORKING, Command

from keras_colorize import cli, colorize, config
from keras_colorize.cartoon import episode
from keras_colorize.data import build, build_workers, dataset, records
from keras_colorize.data.sources import Sampling
from keras_colorize.training import train

pytest_plugins = ["serving_process"]

SIZE = (64, 96)
PHONE = 390  # pixels
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
TINY = ("model.encoder=[4,4]", "model.decoder=[4,4]", "model.discriminator=[4,4]",
        "train.batch_size=4", "train.epochs=2")  # each level takes a second to trace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the files that take longest, or one worker ends alone with them."""
    items.sort(key=lambda item: {"training": 0, "serving": 1}.get(item.path.parent.name, 2))


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], object]], Path]:
    """A function that gives a path which is made once, for all tests side by side, by `make`."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder if worker_id == "master" else folder.parent) / "shared"
    folder.mkdir(exist_ok=True)

    def share(name: str, make: Callable[[Path], object]) -> Path:
        path, made = folder / name, folder / f"{name}.made"
        with filelock.FileLock(folder / f"{name}.lock"):
            if not made.exists():
                make(path)
                made.touch()
        return path

    return share


@pytest.fixture(scope="session", autouse=True)
def warm_workers() -> None:
    """Builds within the process of the tests fork their workers; `Command` starts them as users."""
    build_workers._Context = lambda: FORKING


@pytest.fixture(scope="session")
def film(shared) -> Path:
    """Twelve shots of the drawn episode, 624 frames or so."""
    def draw(folder: Path) -> None:
        folder.mkdir()
        end = next(index for index in range(episode.length()) if episode.shot_of(index) == 12)
        episode.write_video(folder / "episode.mp4", slice(0, end))

    return shared("film", draw) / "episode.mp4"


@pytest.fixture(scope="session")
def data_dir(film, shared) -> Path:
    """A dataset of that film, one frame in twenty, 64x96."""
    settings = build.Settings(Sampling(every=20, size=SIZE))
    return shared("dataset", lambda out: build.build([film], out, settings))


def tiny(name: str, *overrides: str) -> config.Config:
    """A shipped configuration with two levels of four channels."""
    wanted, shipped = [*TINY, *overrides], config.load(name)
    if shipped.model.kind == "convnet":
        wanted = [each for each in wanted if not each.startswith("model.discriminator=")]
    if shipped.train.adversarial_from:
        wanted.insert(0, "train.adversarial_from=1")
    return config.load(name, wanted)


def data_for(wanted: config.Config, data_dir: Path) -> dataset.Dataset:
    """The dataset as `train` opens it."""
    return dataset.Dataset(data_dir, wanted.model.input, wanted.train.batch_size,
                           wanted.train.seed, wanted.augment, wanted.data)


@pytest.fixture(scope="session")
def runs(data_dir, shared, worker_id) -> dict[str, Path]:
    """A trained tiny run of each of the paper's four configurations, by name."""
    def run(path: Path) -> None:
        wanted = tiny(f"cpu/{path.name}")
        train.train(wanted, data_for(wanted, data_dir), path)

    names = ["convnet_gray", "convnet_edge", "gan_gray", "gan_edge"]
    order = names[::-1] if worker_id == "gw1" else names  # two workers meet in the middle
    paths = {name: shared(name, run) for name in order}
    return {name: paths[name] for name in names}


@pytest.fixture(scope="session")
def models(runs) -> colorize.Models:
    """The tiny gray GAN, to colour with."""
    return colorize.Models(colorize.Model.load(runs["gan_gray"]))


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
    process = Command(*arguments)
    output, errors = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


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
