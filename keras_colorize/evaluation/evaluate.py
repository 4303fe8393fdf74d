"""Run directories to a report: table 1, loss curves and pictures of the models side by side."""

import json
from pathlib import Path

import numpy as np

from keras_colorize.data.dataset import Dataset, Place
from keras_colorize.data.records import Manifest
from keras_colorize.errors import RunError, SettingsMismatch, UsageError
from keras_colorize.evaluation import measuring, tables
from keras_colorize.evaluation.candidates import Candidate, candidates
from keras_colorize.evaluation.examples import Examples
from keras_colorize.files import sha256_of, whole_file, write_json
from keras_colorize.image import figures
from keras_colorize.training import run_directory, tensorboard

BATCH = 16
SHOWN = 6  # pictures in a grid
SCHEMA = 3  # of metrics.json; a report of another is made anew


def evaluate(run_dirs: list[Path], data_dir: Path, report_dir: Path, split: str = "test",
             screentone: bool = False) -> dict:
    """Measures runs and baselines on a split and writes the report directory.

    It holds `metrics.json`, `table1.md`, `pictures.csv` (the figures of every picture),
    `pictures_INPUT.png` (figures 10 and 11) and for each run `RUN_LOSS.png` (figures 7 to 9).

    Args:
        split: "train", "validation", "test" or "all".
        screentone: whether gray input is redrawn as printed manga, which training may not know.

    Returns:
        What `metrics.json` says, also where it said so before of the same generators.

    Raises:
        SettingsMismatch: the report there is on other runs, another dataset or split.
        RunError: a run is missing, damaged, or has finished no epoch.
        DatasetError: the dataset is missing or damaged.
        UsageError: two runs have one name, or edge input shall be redrawn.
    """
    names = names_of(run_dirs)
    generators = {names[run_dir]: sha256_of(run_dir / "generator.keras") for run_dir in run_dirs
                  if (run_dir / "generator.keras").is_file()}
    made = _made_before(report_dir, (Manifest.read(data_dir).digest, split, screentone,
                                     set(names.values())))
    if made and made["generators"] == generators and made.get("schema") == SCHEMA:
        print(f"{report_dir}: was measured already, on these networks")
        return made
    inputs = {run_dir: run_directory.read_config(run_dir).model.input for run_dir in run_dirs}
    if screentone and "edge" in inputs.values():
        edge = next(run_dir for run_dir in run_dirs if inputs[run_dir] == "edge")
        raise UsageError(edge, "takes edges, which screentone leaves as they are",
                         "name runs on gray input alone")
    measured, grids = [], {}
    for condition in sorted(set(inputs.values()), reverse=True):
        data = Dataset(data_dir, condition, BATCH)
        chosen = candidates(data, {names[run_dir]: run_dir for run_dir in run_dirs
                                   if inputs[run_dir] == condition})
        examples = Examples(data, split, screentone)
        values, where = measuring.measure(chosen, examples), examples.places()
        measured += [(*each, where) for each in zip(chosen, values, strict=True)]
        grids[condition] = _grid(chosen, examples)
    strangers = [names[run_dir] for run_dir in run_dirs
                 if run_directory.describe(run_dir)["dataset_digest"] != data.digest]
    report = {"schema": SCHEMA, "dataset": data.digest, "split": split, "screentone": screentone,
              "generators": generators, "trained_elsewhere": strangers, "rows": _rows(measured)}
    if strangers:
        print(f"{data_dir}: {tables.strangers(strangers)}")
    _write(report, measured, grids, report_dir)
    for run_dir in run_dirs:
        _draw_curves(run_dir, names[run_dir], report_dir)
    write_json(report_dir / "metrics.json", report)
    return report


def names_of(run_dirs: list[Path]) -> dict[Path, str]:
    """The name of each run directory; UsageError where two are one."""
    names = {run_dir: run_directory.name_of(run_dir) for run_dir in run_dirs}
    if len(set(names.values())) < len(run_dirs):
        raise UsageError(", ".join(map(str, run_dirs)), "two runs have one name",
                         "rename a run directory, or give each once")
    return names


def _made_before(report_dir: Path, asked: tuple[str, str, bool, set[str]]) -> dict | None:
    """The report that is there; `asked` are the dataset's digest, split, screentone and runs."""
    path = report_dir / "metrics.json"
    if not path.exists():
        return None
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        same = (made["dataset"], made["split"], made.get("screentone", False),
                set(made["generators"])) == asked
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(path, "is no report of ours, or damaged", "name another --out") from error
    if not same:
        raise SettingsMismatch(report_dir, "is a report on other runs, another dataset or input",
                               "name another --out")
    return made


def _rows(measured: list[tuple[Candidate, measuring.Values, list[Place]]]) -> list[dict]:
    returned = {candidate.input: values["l1"] for candidate, values, _ in measured
                if candidate.model == "input"}
    return [tables.row(candidate, values, where, returned[candidate.input])
            for candidate, values, where in measured]


def _grid(chosen: list[Candidate], examples: Examples) -> dict[str, list[np.ndarray]]:
    """Evenly spaced pictures as each run colours them, between their input and their truth."""
    shown = examples.chosen(figures.evenly(len(examples), SHOWN)).values()
    condition, truth = (np.stack(each) for each in zip(*shown, strict=True))
    runs = {each.label: each.colorize(condition, truth) for each in chosen if each.run is not None}
    return {"input": list(condition[..., 0]), **{name: list(each) for name, each in runs.items()},
            "truth": list(truth)}


def _write(report: dict, measured: list[tuple[Candidate, measuring.Values, list[Place]]],
           grids: dict[str, dict[str, list[np.ndarray]]], report_dir: Path) -> None:
    for condition, grid in grids.items():
        figures.picture_grid(report_dir / f"pictures_{condition}.png", grid)
    with whole_file(report_dir / "table1.md") as temporary:
        temporary.write_text(tables.heading(report) + tables.markdown(report["rows"]),
                             encoding="utf-8")
    tables.write_pictures(report_dir / "pictures.csv", measured)


def _draw_curves(run_dir: Path, name: str, report_dir: Path) -> None:
    losses = tensorboard.logged_losses(run_directory.of(run_dir))
    if not losses:
        raise RunError(run_dir / "tensorboard", "holds no losses", "train again")
    for loss, curves in losses.items():
        title = f"{name}: {tensorboard.TITLES[loss]}"
        figures.loss_curves(report_dir / f"{name}_{loss}.png", title, *curves)
