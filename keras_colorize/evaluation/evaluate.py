"""A report on runs: table 1, loss curves, and pictures of the models side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_colorize.config import SHIPPED_MODEL
from keras_colorize.data.dataset import Dataset
from keras_colorize.data.records import Manifest
from keras_colorize.errors import RunError, SettingsMismatch, UsageError
from keras_colorize.evaluation import tables
from keras_colorize.evaluation.measure import (
    Candidate,
    Examples,
    candidates,
    chroma_gain,
    measure,
    takes_points,
)
from keras_colorize.files import read_json, sha256_of, whole_file, write_json
from keras_colorize.image import figures
from keras_colorize.training import run_directory, tensorboard

BATCH = 16
SHOWN = 6  # pictures in a grid
SCHEMA = 6  # of metrics.json; a report of another is made anew


def evaluate(run_dirs: list[Path], data_dir: Path, report_dir: Path, split: str = "test",
             screentone: bool = False, points: Sequence[int] = ()) -> dict:
    """Measures runs and baselines on a split and writes the report directory.

    It holds `metrics.json`, `table1.md`, `pictures.csv` (the figures of every picture),
    `pictures_INPUT.png` (figures 10 and 11) and for each run `RUN_LOSS.png` (figures 7 to 9).

    Args:
        split: "train", "validation", "test" or "all".
        screentone: whether gray input is redrawn as printed manga, which training may not know.
        points: numbers of true pixels that runs which `takes_points` are given too, each two rows:
            at random places, and one by one where the picture is wrong most.

    Returns:
        What `metrics.json` says. A finished report on the same generators is not made again.

    Raises:
        SettingsMismatch: the report there is on other runs, another dataset or split.
        RunError: a run is missing, damaged, or has finished no epoch.
        DatasetError: the dataset is missing or damaged.
        UsageError: two runs have one name, or edge input is to be redrawn.
    """
    names = names_of(run_dirs)
    generators = {name: sha256_of(run_dir / "generator.keras") for run_dir, name in names.items()
                  if (run_dir / "generator.keras").is_file()}
    about = {"dataset": Manifest.read(data_dir).digest, "split": split, "screentone": screentone,
             "points": sorted(set(points))}
    earlier = _earlier(report_dir, about, set(names.values()))
    if (earlier.get("generators"), earlier.get("schema")) == (generators, SCHEMA):
        print(f"{report_dir}: was measured already, on these networks")
        return earlier
    inputs = {run_dir: run_directory.read_config(run_dir).model.input for run_dir in run_dirs}
    for run_dir, condition in inputs.items():
        if screentone and condition != "gray":
            raise UsageError(run_dir, f"takes {condition} input, which is not redrawn",
                             "name runs on gray input alone")
    if points and not any(takes_points(run_directory.read_config(run_dir).model)
                          for run_dir in run_dirs):
        raise UsageError("--points", "no run here can be told points", "name one trained on "
                         "edges, or with model.guidance='hints'")
    measured, rows = {}, []
    for condition in sorted(set(inputs.values()), reverse=True):
        data = Dataset(data_dir, condition, BATCH)
        chosen = candidates(data, {names[run_dir]: run_dir for run_dir in run_dirs
                                   if inputs[run_dir] == condition}, about["points"])
        examples = Examples(data, split, screentone)
        values, where = measure(chosen, examples), examples.places()
        more = chroma_gain(chosen, values, examples)
        chosen, values = chosen + more, values + (measure(more, examples) if more else [])
        returned = next(own["l1"] for each, own in zip(chosen, values, strict=True)
                        if each.model == "input")
        scribbles = {each.told: own["l1"] for each, own in zip(chosen, values, strict=True)
                     if each.run is None and each.points}
        for each, own in zip(chosen, values, strict=True):
            measured[each.input, each.model, _name(each)] = own, where
            rows.append(tables.row(each, own, where, returned,
                                   scribbles.get(each.told) if each.run else None))
        figures.picture_grid(report_dir / f"pictures_{condition}.png", _grid(chosen, examples))
    strangers = [name for run_dir, name in names.items()
                 if run_directory.describe(run_dir)["dataset_digest"] != data.digest]
    if strangers:
        print(f"{data_dir}: {tables.strangers(strangers)}")
    report = {"schema": SCHEMA, **about, "generators": generators, "trained_elsewhere": strangers,
              "rows": rows}
    with whole_file(report_dir / "table1.md") as temporary:
        temporary.write_text(tables.heading(report) + tables.markdown(rows), encoding="utf-8")
    tables.write_pictures(report_dir / "pictures.csv", measured)
    for run_dir, name in names.items():
        if not run_dir.is_relative_to(SHIPPED_MODEL):  # which has its weights alone
            _draw_curves(run_dir, name, report_dir)
    write_json(report_dir / "metrics.json", report)
    return report


def names_of(run_dirs: list[Path]) -> dict[Path, str]:
    """Returns the name of each run directory; raises UsageError where two are one."""
    names = {run_dir: run_directory.name_of(run_dir) for run_dir in run_dirs}
    if len(set(names.values())) < len(run_dirs):
        raise UsageError(", ".join(map(str, run_dirs)), "two runs have one name",
                         "rename a run directory, or give each once")
    return names


def _earlier(report_dir: Path, about: dict, runs: set[str]) -> dict:
    """Returns the report that is there, {} if there is none; it must be on the same runs."""
    path = report_dir / "metrics.json"
    if not path.exists():
        return {}
    earlier = {"screentone": False, "points": [],
               **read_json(path, dict, UsageError, "name another --out")}
    if set(earlier.get("generators", ())) != runs or any(
            earlier.get(name) != value for name, value in about.items()):
        raise SettingsMismatch(report_dir, "is a report on other runs, another dataset or input",
                               "name another --out")
    return earlier


def _name(candidate: Candidate) -> str:
    """Returns the name of a run ("" for a baseline), and what it is told."""
    return ", ".join(filter(None, (candidate.run or "", candidate.told)))


def _grid(chosen: list[Candidate], examples: Examples) -> dict[str, list[np.ndarray]]:
    """Colours evenly spaced pictures by each run, and puts them between their input and truth."""
    pictures = examples.pick(figures.evenly(len(examples), SHOWN)).values()
    condition, truth = (np.stack(each) for each in zip(*pictures, strict=True))
    runs = {_name(each): each.colorize(condition, truth) for each in chosen
            if each.run is not None}
    return {"input": list(condition[..., 0]), **{name: list(each) for name, each in runs.items()},
            "truth": list(truth)}


def _draw_curves(run_dir: Path, name: str, report_dir: Path) -> None:
    losses = tensorboard.logged_losses(run_directory.of(run_dir))
    if not losses:
        raise RunError(run_dir / "tensorboard", "holds no losses", "train again")
    for loss, curves in losses.items():
        title = f"{name}: {tensorboard.TITLES[loss]}"
        figures.loss_curves(report_dir / f"{name}_{loss}.png", title, *curves)
