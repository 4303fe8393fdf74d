"""A run directory: its configuration, its notes on data and code, and its networks."""

import os
import platform
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict

import keras
import numpy as np
from msgspec import Meta

from keras_colorize import __version__, config, files
from keras_colorize.config import Config
from keras_colorize.data.dataset import Dataset
from keras_colorize.errors import ConfigError, RunError, SettingsMismatch, UsageError, changes
from keras_colorize.image import moods
from keras_colorize.training import checkpoints

CONFIG, RUN, LOCK, MOODS = "config.toml", "run.json", "lock", "moods.json"
LIBRARIES = ("keras", "tensorflow", "numpy", "opencv-python-headless")  # numbers may depend on them


class Description(TypedDict):
    """The parts of `run.json` that are read again; earlier versions wrote fewer."""

    dataset_digest: str
    starts: Annotated[list[dict], Meta(min_length=1)]
    dataset: NotRequired[dict]
    versions: NotRequired[dict[str, str]]
    device: NotRequired[str]
    init_from: NotRequired[dict | None]


def start(run_dir: Path, wanted: Config, dataset: dict, device: str, from_step: int,
          init_from: Path | None = None) -> None:
    """Creates a run directory, or notes one more start of the run that is there.

    Args:
        dataset: its `digest`, and how its pictures were made.
        device: the devices that the run trains on, for people to read.
    """
    path = run_dir / RUN
    before = describe(run_dir) if path.exists() else {"starts": [], "init_from": _origin(init_from)}
    by = {"backend": keras.backend.backend(), "device": device}
    this = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "from_step": from_step, **by}
    files.write_json(path, {
        "seed": wanted.train.seed, "versions": _versions(), "commit": _commit(), **by,
        "dataset_digest": dataset["digest"], "dataset": dataset,
        "init_from": before.get("init_from"), "starts": [*before["starts"], this]})
    with files.whole_file(run_dir / CONFIG) as temporary:
        temporary.write_text(config.dumps(wanted), encoding="utf-8")


def check(run_dir: Path, wanted: Config, dataset_digest: str,
          init_from: Path | None = None) -> None:
    """Checks that a run may start, or go on, in this directory; changes nothing there.

    Raises:
        SettingsMismatch: a run with another configuration (more epochs are allowed), dataset or
            origin, or one whose checkpoints are gone.
        UsageError: something other than a run is there.
    """
    if not run_dir.exists():
        return
    if not run_dir.is_dir():
        raise UsageError(run_dir, "is a file", "name another --out")
    if all(path.name == LOCK or path.match(files.PARTIAL) for path in run_dir.iterdir()):
        return
    if not (run_dir / RUN).is_file():
        raise UsageError(run_dir, "exists and is no run directory", "name another --out")
    if not (run_dir / CONFIG).is_file():
        return  # killed between the two, before any training
    made = read_config(run_dir)
    grown = replace(made, data=replace(made.data, cache=wanted.data.cache),  # the same batches
                    train=replace(made.train, xla=wanted.train.xla,
                                  checkpoints_kept=wanted.train.checkpoints_kept,
                                  epochs=max(made.train.epochs, wanted.train.epochs)))
    if grown != wanted:
        raise SettingsMismatch(run_dir, "is a run with another configuration "
                               f"({changes(_values(grown), _values(wanted))})",
                               "name another --out, or give what it was")
    described = describe(run_dir)
    if described["dataset_digest"] != dataset_digest:
        raise SettingsMismatch(run_dir, "is a run on another dataset", "name another --out")
    _check_origin(run_dir, described.get("init_from"), init_from)
    begins = _epochs_logged(run_dir) in (1, 2)  # the first checkpoint is written during the second
    if (run_dir / "generator.keras").exists() and not checkpoints.latest(run_dir) and not begins:
        raise SettingsMismatch(run_dir, "has lost its checkpoints, so it cannot go on",
                               "start another run with --init-from this one")


@contextmanager
def held(run_dir: Path) -> Iterator[None]:
    """Keeps other trainers out of a run directory, and removes half-written files of killed ones.

    It makes the directory if need be, and raises UsageError if another trainer is at work in it.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with files.locked(run_dir / LOCK, run_dir):
        files.clear_partial(run_dir)
        checkpoints.finish_best(run_dir)
        yield


def of(path: Path) -> Path:
    """Finds the run that a path names: the path itself, or its parent if it is a run's `best/`.

    Wherever a run is read, its `best/` can stand for it: with the networks there, and all else of
    the run.
    """
    parent = Path(os.path.realpath(path)).parent  # Path.resolve raises on a link to itself
    is_best = (Path(path) / checkpoints.BEST_FILE).is_file() and (parent / CONFIG).is_file()
    return parent if is_best else Path(path)


def name_of(path: Path) -> str:
    """Names a run directory, or its `best/`."""
    run_dir = of(path)
    name = os.path.basename(os.path.realpath(run_dir))
    return name + ("" if run_dir == Path(path) else f"-{checkpoints.BEST}")


def read_config(run_dir: Path) -> Config:
    """Reads the resolved configuration of a run; raises RunError where it is missing or damaged."""
    path = of(run_dir) / CONFIG
    if not path.is_file():
        raise RunError(run_dir, "is no run directory", "make one with train")
    try:
        return config.load_recorded(path)
    except ConfigError as error:
        raise RunError(path, f"is damaged ({error.what})", "train again") from error


def keep_moods(run_dir: Path, data: Dataset) -> None:
    """Chooses the moods of a run's series from its training pictures, if it takes hints.

    Moods that are there already stay.
    """
    if read_config(run_dir).model.guidance != "hints" or (run_dir / MOODS).exists():
        return
    batches = data.pictures("train").as_numpy_iterator()
    write_moods(run_dir, moods.choose(picture for _, colors in batches for picture in colors))


def write_moods(run_dir: Path, chosen: np.ndarray) -> None:
    """Writes the moods of a run's series, as `moods.choose` gives them, for `read_moods`."""
    files.write_json(run_dir / MOODS, np.round(chosen.astype(float), 2).tolist())


def read_moods(run_dir: Path) -> list:
    """Reads the moods of a run's series; [] where there are none, RunError for a damaged file."""
    path = of(run_dir) / MOODS
    return files.read_json(path, list[list[tuple[float, float]]], RunError, "train again") \
        if path.is_file() else []


def describe(run_dir: Path) -> Description:
    """Reads `run.json`; raises RunError where it is missing or damaged."""
    return files.read_json(of(run_dir) / RUN, Description, RunError, "train again")


def load_generator(run_dir: Path) -> keras.Model:
    """Loads the generator of the last whole epoch, or the best one if given a run's `best/`.

    Raises RunError where no epoch was finished yet, or the file is damaged.
    """
    return _load(Path(run_dir) / "generator.keras")


def load_discriminator(run_dir: Path) -> keras.Model:
    """Loads the discriminator of a GAN, as `load_generator` does."""
    return _load(Path(run_dir) / "discriminator.keras")


def _load(path: Path) -> keras.Model:
    import keras_colorize.models  # noqa: F401 - registers the layers that the file names

    if not path.is_file():
        raise RunError(path.parent, f"has no {path.name}: no epoch was finished yet",
                       "run train on it for at least one epoch")
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RunError(path, "is damaged", "continue the run for one epoch, or train again",
                       ) from error


def _values(of: Config) -> dict[str, object]:
    """Lists the values of a configuration by table and key, as TOML has them."""
    return {f"{table}.{key}": value
            for table, values in tomllib.loads(config.dumps(of)).items()
            for key, value in values.items()}


def _epochs_logged(run_dir: Path) -> int:
    """Counts the epochs in `history.csv`, which is written before the checkpoint of an epoch."""
    history = run_dir / "history.csv"
    return len(history.read_text(encoding="utf-8").splitlines()) - 1 if history.exists() else 0


def _check_origin(run_dir: Path, origin: dict | None, init_from: Path | None) -> None:
    """Checks that a run goes on with the run that it began with.

    Once it has a checkpoint, it does not need that run: it may have changed, or be gone.
    """
    if checkpoints.latest(run_dir):
        same = (origin and origin["run"]) == (init_from and name_of(init_from))
    else:
        same = origin == _origin(init_from)
    if not same:
        raise SettingsMismatch(run_dir, "is a run with another --init-from",
                               "give the same one again, or name another --out")


def _origin(init_from: Path | None) -> dict | None:
    return init_from and {"run": name_of(init_from),
                          "generator_sha256": files.sha256_of(init_from / "generator.keras")}


def _versions() -> dict[str, str]:
    libraries = LIBRARIES + (("jax",) if keras.backend.backend() == "jax" else ())
    return {"python": platform.python_version(), "keras_colorize": __version__,
            **{name: metadata.version(name) for name in libraries}}


def _commit() -> str | None:
    """Finds the commit of the source tree that this code was imported from, if it is one."""
    def git(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(["git", *arguments], cwd=Path(__file__).parent, capture_output=True,
                              text=True)

    try:
        tracked = git("ls-files", "--error-unmatch", Path(__file__).name).returncode == 0
        return git("rev-parse", "HEAD").stdout.strip() if tracked else None
    except OSError:
        return None
