"""Run directories to a report: table 1, loss curves and pictures of the models side by side."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from keras_colorize import baselines, event_log, figures, pixels, run_directory
from keras_colorize.dataset import Dataset
from keras_colorize.errors import RunError, SettingsMismatch, UsageError
from keras_colorize.files import sha256_of, whole_file, write_json
from keras_colorize.metrics import METRICS
from keras_colorize.records import Manifest

BATCH = 16
SHOWN = 6  # pictures in a grid
CURVES = {"loss": "ConvNet loss", "d_loss": "D loss", "g_loss": "G loss"}  # figures 7, 8 and 9
TITLES = {"convnet": "ConvNet", "gan": "GAN", "input": "return the input",
          "mean_colour": "mean colour"}


@dataclass(frozen=True)
class Candidate:
    """Something that colours: a trained run, or a baseline, whose `run` is None."""

    run: str | None
    model: str
    input: str
    colorize: Callable[[np.ndarray], np.ndarray]
    """uint8 conditions [n, h, w, 1] to uint8 pictures [n, h, w, 3]."""

    @property
    def label(self) -> str:
        """How figures name it."""
        return TITLES.get(self.model, self.model) if self.run is None else self.run


def evaluate(run_dirs: list[Path], data_dir: Path, report_dir: Path, split: str = "test") -> dict:
    """Measures runs and baselines on a split and writes the report directory.

    It holds `metrics.json`, `table1.md`, `pictures_INPUT.png` (figures 10 and 11) and for each run
    `RUN_LOSS.png` (figures 7 to 9).

    Args:
        split: "train", "validation", "test" or "all".

    Returns:
        What `metrics.json` says, also where it said so before of the same generators.

    Raises:
        SettingsMismatch: the report there is on other runs, another dataset or split.
        RunError: a run is missing, damaged, or has finished no epoch.
        DatasetError: the dataset is missing or damaged.
        UsageError: two runs have one name.
    """
    names = _names(run_dirs)
    generators = {names[run_dir]: sha256_of(run_dir / "generator.keras") for run_dir in run_dirs
                  if (run_dir / "generator.keras").is_file()}
    made = _made_before(report_dir, Manifest.read(data_dir).digest, split, set(names.values()))
    if made and made["generators"] == generators:
        print(f"{report_dir}: was measured already, on these networks")
        return made
    configs = {run_dir: run_directory.read_config(run_dir) for run_dir in run_dirs}
    rows, grids = [], {}
    for condition in sorted({config.model.input for config in configs.values()}, reverse=True):
        data = Dataset(data_dir, condition, BATCH)
        training = tqdm(data.pictures("train").as_numpy_iterator(), "mean colour", unit="batch",
                        delay=2)
        candidates = [
            Candidate(None, "input", condition, baselines.return_input),
            Candidate(None, "mean_colour", condition,
                      baselines.mean_colour(training, condition)),
            *(Candidate(names[run_dir], config.model.kind, condition,
                        colorizer_of(run_directory.load_generator(run_dir)))
              for run_dir, config in configs.items() if config.model.input == condition)]
        measured, grids[condition] = _measure(candidates, data, split)
        rows += measured
    report = {"dataset": data.digest, "split": split, "generators": generators, "rows": rows}
    for condition, grid in grids.items():
        figures.picture_grid(report_dir / f"pictures_{condition}.png", grid)
    for run_dir in run_dirs:
        _draw_curves(run_dir, names[run_dir], report_dir)
    write_json(report_dir / "metrics.json", report)
    with whole_file(report_dir / "table1.md") as temporary:
        temporary.write_text(table(rows), encoding="utf-8")
    return report


def colorizer_of(generator: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """A function from uint8 conditions [n, h, w, 1] to the generator's uint8 [n, h, w, 3]."""
    def colorize(condition: np.ndarray) -> np.ndarray:
        signed = pixels.to_signed(condition.astype(np.float32))
        return pixels.to_uint8(generator.predict_on_batch(signed))

    return colorize


def table(rows: list[dict]) -> str:
    """Table 1 of the paper as Markdown: the mean L1 and L2 distance per pixel-channel, 0..255."""
    lines = ["| input | model | run | L1 | L2 |", "|---|---|---|---:|---:|"]
    lines += [f"| {row['input']} | {TITLES[row['model']]} | {row['run'] or ''} "
              f"| {row['l1']:.2f} | {row['l2']:.1f} |" for row in rows]
    return "\n".join(lines) + "\n"


def _names(run_dirs: list[Path]) -> dict[Path, str]:
    names = {run_dir: run_dir.resolve().name for run_dir in run_dirs}
    if len(set(names.values())) < len(run_dirs):
        raise UsageError(", ".join(map(str, run_dirs)), "two runs have one name",
                         "rename a run directory, or give each once")
    return names


def _made_before(report_dir: Path, digest: str, split: str, names: set[str]) -> dict | None:
    path = report_dir / "metrics.json"
    if not path.exists():
        return None
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        same = (made["dataset"], made["split"], made["generators"].keys()) == (digest, split, names)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(path, "is no report of ours, or damaged", "name another --out") from error
    if not same:
        raise SettingsMismatch(report_dir, "is a report on other runs, another dataset or split",
                               "name another --out")
    return made


def _measure(candidates: list[Candidate], data: Dataset, split: str,
             ) -> tuple[list[dict], dict[str, list[np.ndarray]]]:
    """The mean metrics of every candidate, and a grid of evenly spaced pictures."""
    splits = data.manifest.counts if split == "all" else [split]
    total = sum(data.manifest.counts[name] for name in splits)
    shown = set(np.linspace(0, total - 1, SHOWN).round().astype(int).tolist())
    values = [{name: [] for name in METRICS} for _ in candidates]
    grid = {label: [] for label in ("input", *(each.label for each in candidates
                                               if each.run is not None), "truth")}
    batches = (batch for name in splits for batch in data.pictures(name).as_numpy_iterator())
    done = 0
    with tqdm(total=total, desc=f"{data.condition} pictures", unit="picture", delay=2) as progress:
        for condition, truth in batches:
            chosen = [index for index in range(len(truth)) if done + index in shown]
            grid["input"] += [condition[index, ..., 0] for index in chosen]
            grid["truth"] += [truth[index] for index in chosen]
            for candidate, gathered in zip(candidates, values, strict=True):
                pictures = candidate.colorize(condition)
                for name, metric in METRICS.items():
                    gathered[name].append(metric(pictures, truth))
                if candidate.run is not None:
                    grid[candidate.label] += [pictures[index] for index in chosen]
            done += len(truth)
            progress.update(len(truth))
    rows = [{"run": each.run, "model": each.model, "input": each.input,
             **{name: float(np.concatenate(parts).mean()) for name, parts in gathered.items()}}
            for each, gathered in zip(candidates, values, strict=True)]
    return rows, grid


def _draw_curves(run_dir: Path, name: str, report_dir: Path) -> None:
    logged = {writer: event_log.read_scalars(run_dir / "tensorboard" / writer)
              for writer in ("train", "validation")}
    for loss, title in CURVES.items():
        if f"batch/{loss}" in logged["train"]:
            per_epoch = {writer: values[f"epoch/{loss}"] for writer, values in logged.items()
                         if f"epoch/{loss}" in values}
            figures.loss_curves(report_dir / f"{name}_{loss}.png", f"{name}: {title}", per_epoch,
                                logged["train"][f"batch/{loss}"])
    if not logged["train"]:
        raise RunError(run_dir / "tensorboard", "holds no losses", "train again")
