"""The card of an exported model, by the template `model_card.md`.

It says what the model learned from, how good it is, how to call it and what it does not do.
"""

import csv
import json
from functools import partial
from pathlib import Path
from typing import NotRequired, TypedDict

import jinja2

from keras_colorize.errors import UsageError, one_line
from keras_colorize.files import read_json
from keras_colorize.training import checkpoints, run_directory

LEVELS = 127.5  # of 0..255 in one of [-1, 1], in which training measures


def text(run_dir: Path, card: dict, name: str, parameters: int) -> str:
    """Writes the card in Markdown.

    Args:
        card: the content of `keras_colorize.json`.
        name: of the exported folder.
        parameters: how many the generator has.
    """
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True,
                                     keep_trailing_newline=True, autoescape=False)
    environment.filters["one_line"] = one_line
    environment.filters["quoted"] = partial(json.dumps, ensure_ascii=False)
    template = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
    config, size = run_directory.read_config(run_dir), card["dataset"].get("size")
    return environment.from_string(template).render(
        card=card, name=name, parameters=parameters, model=config.model,
        ema=config.optimizer.ema, size="x".join(map(str, size)) if size else "unknown size",
        versions=run_directory.describe(run_dir).get("versions", {}),
        history=_history(run_dir), table=_table(card["metrics"]))


class _Report(TypedDict):
    """The parts of `metrics.json` that the card needs."""

    split: str
    generators: dict[str, str]
    rows: list[dict]
    screentone: NotRequired[bool]
    trained_elsewhere: NotRequired[list[str]]


def measured(report_dir: Path, digest: str) -> list[dict]:
    """Reads the rows of a report on a generator, and on the baselines of its input.

    It raises UsageError where this is no report, or on other generators.
    """
    report = read_json(report_dir / "metrics.json", _Report, UsageError,
                       "give --report a folder that evaluate wrote")
    runs = [run for run, sha256 in report["generators"].items() if sha256 == digest]
    if not runs:
        raise UsageError(report_dir, "is not on this generator, as it is now",
                         "evaluate the run again, or leave --report out")
    elsewhere = not set(runs).isdisjoint(report.get("trained_elsewhere", ()))
    made_of = {"split": report["split"], "screentone": report.get("screentone", False),
               "elsewhere": elsewhere}
    inputs = {row["input"] for row in report["rows"] if row["run"] in runs}
    return [{**made_of, **row} for row in report["rows"]
            if row["run"] in runs or (row["run"] is None and row["input"] in inputs)]


def _history(run_dir: Path) -> str:
    """Says how long it was trained, and its error on pictures that it had not seen."""
    try:
        run = run_directory.of(run_dir)
        with open(run / "history.csv", newline="", encoding="utf-8") as file:
            epochs = list(csv.DictReader(file))
        last = epochs[-1 if run == run_dir else checkpoints.best(run)["epoch"] - 1]
        error = LEVELS * float(last["validation/epoch/l1"])
    except (OSError, ValueError, IndexError, KeyError, TypeError):
        return "of which no history is left"  # killed before it was written, say
    return f"{last['epoch']} epochs; L1 on the validation split {error:.2f} of 255 levels"


def _table(rows: list[dict]) -> str:
    if not rows:
        return ""
    from keras_colorize.evaluation import tables  # colouring needs the rest of this package alone

    return tables.markdown(rows)
