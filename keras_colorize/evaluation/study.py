"""Section 5 of the paper as one command: runs to tables, tests, plots, pictures and a web page."""

import functools
import json
from pathlib import Path

import numpy as np

from keras_colorize.data.dataset import Dataset
from keras_colorize.data.sources import find
from keras_colorize.errors import SettingsMismatch, UsageError
from keras_colorize.evaluation import (
    failures,
    findings,
    hint_curve,
    plots,
    ranked,
    tables,
    unseen,
    web_page,
)
from keras_colorize.evaluation.candidates import Candidate, of_run
from keras_colorize.evaluation.evaluate import BATCH, evaluate, names_of
from keras_colorize.evaluation.examples import Examples
from keras_colorize.evaluation.groups import Group, comparisons, grouped, rows
from keras_colorize.files import whole_file, write_json
from keras_colorize.image import figures

__all__ = ["study"]

SCHEMA = 2  # of study.json
SHOWN_UNSEEN = 12
Gallery = list[tuple[str, list[tuple[str, np.ndarray]]]]


def study(run_dirs: list[Path], data_dir: Path, report_dir: Path, split: str = "test",
          unseen_places: list[Path] = (), screentone: bool = False) -> dict:
    """Compares runs as section 5 of the paper does, beside the baselines.

    Into `report_dir` go all that `evaluation.evaluate` writes, `study.json`, `report.html` (which
    needs no other file), and of its parts the tables as `study.md`, plots and pictures as PNG.
    Runs that differ in their seed alone are taken together. The failures of figures 12 to 14 are
    measured where the dataset is of the drawn episode.

    Args:
        unseen_places: videos, archives and folders of other series, for figure 15.
        screentone: whether gray input is redrawn as printed manga, but not for the failures.

    Returns:
        What `study.json` says.

    Raises:
        SettingsMismatch: the study there is on other runs, or with other unseen sources.
        ColorizeError: as `evaluation.evaluate`, and where an unseen source cannot be read.
    """
    sources = find(list(unseen_places))[0] if unseen_places else []
    measured = evaluate(run_dirs, data_dir, report_dir, split, screentone)
    made_of = {"schema": SCHEMA, "generators": measured["generators"],
               "unseen": {source.name: source.fingerprint() for source in sources}}
    made = _made_before(report_dir, made_of)
    if made:
        print(f"{report_dir}: was studied already, on these networks")
        return made
    names = {name: run_dir for run_dir, name in names_of(run_dirs).items()}
    found = grouped(names, tables.read_pictures(report_dir / "pictures.csv"))
    conditions = list(dict.fromkeys(group.input for group in found))
    result = {"made_of": made_of, "split": split, "screentone": screentone,
              "trained_elsewhere": measured["trained_elsewhere"], "rows": rows(found),
              "comparisons": comparisons(found), "hints": {}, "unseen": None,
              "curves": _curves(found, report_dir)}
    galleries: dict[str, Gallery] = {"unseen": []}
    runs = {group.label: [of_run(name, names[name]) for name in group.seeds.values()]
            for group in found if group.seeds}
    inputs = [Examples(Dataset(data_dir, condition, BATCH), split, screentone)
              for condition in conditions]
    others = unseen.gather(sources, inputs[0].data)
    for condition, examples in zip(conditions, inputs, strict=True):
        here = [group for group in found if group.input == condition]
        mine = {group.label: runs[group.label] for group in here if group.seeds}
        _study_input(result, galleries, examples, here, mine, report_dir)
        if others:
            _study_unseen(result, galleries, examples.data, others, mine)
    result["failures"] = _failures(examples, runs)
    result["data"] = _described(examples)
    if result["failures"]:
        plots.sizes(report_dir / "failures_size.png", result["failures"])
    with whole_file(report_dir / "study.md") as temporary:
        temporary.write_text(findings.markdown(result), encoding="utf-8")
    web_page.write(report_dir / "report.html", f"Study of {len(names)} runs on {data_dir.name}",
               findings.parts(result, galleries, report_dir))
    write_json(report_dir / "study.json", result)
    return result


def _made_before(report_dir: Path, made_of: dict) -> dict | None:
    path = report_dir / "study.json"
    if not path.exists():
        return None
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        before = made["made_of"]
        another = before["unseen"] != made_of["unseen"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(path, "is no study of ours, or damaged", "name another --out") from error
    if another:
        raise SettingsMismatch(report_dir, "is a study with other unseen sources",
                               "name another --out")
    return made if before == made_of and (report_dir / "report.html").is_file() else None


def _curves(found: list[Group], report_dir: Path) -> list[str]:
    """The loss curves of the first run of each group."""
    first = [group.seeds[min(group.seeds)] for group in found if group.seeds]
    return [path.name for name in first for path in sorted(report_dir.glob(f"{name}_*loss.png"))
            if path.name.removeprefix(f"{name}_") in ("loss.png", "d_loss.png", "g_loss.png")]


def _study_input(result: dict, galleries: dict[str, Gallery], examples: Examples,
                 here: list[Group], runs: dict[str, list[Candidate]], report_dir: Path) -> None:
    """The parts that are each input's own: hints and ranked pictures."""
    condition = examples.condition
    result["hints"][condition] = hint_curve.curve(examples, here)
    hint_curve.plot(report_dir / f"hints_{condition}.png", condition, result["hints"][condition])
    picked = ranked.chosen(here)
    shown = examples.chosen([number for _, number in picked])
    galleries[condition] = [
        (f"{word}: {here[0].where[number].source}, {here[0].where[number].frame}",
         [("input", shown[number][0][..., 0]),
          *((label, each[0].colorize(*(part[None] for part in shown[number]))[0])
            for label, each in runs.items()), ("truth", shown[number][1])])
        for word, number in picked]
    columns = {name: [dict(named)[name] for _, named in galleries[condition]]
               for name, _ in galleries[condition][0][1]}
    figures.picture_grid(report_dir / f"ranked_{condition}.png", columns)


def _failures(examples: Examples, runs: dict[str, list[Candidate]]) -> dict:
    """The failures of each group of runs, by label, where the dataset is of the drawn episode."""
    if not failures.is_drawn(examples):
        return {}
    return failures.measure(examples, {
        label: [(each.input, functools.partial(each.colorize, truth=None)) for each in candidates]
        for label, candidates in runs.items()})


def _study_unseen(result: dict, galleries: dict[str, Gallery], data: Dataset,
                  examples: list[dict], runs: dict[str, list[Candidate]]) -> None:
    """What the first run of each group makes of other series, as `unseen.gather` gives them."""
    trained_on = unseen.palette(data)
    found = result["unseen"] or {"pictures": len(examples), "models": {},
                                 "sources": list(result["made_of"]["unseen"])}
    shown = figures.evenly(len(examples), SHOWN_UNSEEN)
    galleries["unseen"] = galleries["unseen"] or [
        (examples[number]["name"],
         [("gray", examples[number]["gray"]),
          *([("its own colours", examples[number]["color"])] if examples[number]["colored"]
            else [])]) for number in shown]
    for label, candidates in runs.items():
        pictures = unseen.colored_by(candidates[0].colorize, data.condition, examples)
        found["models"][label] = unseen.judge(pictures, examples, trained_on)
        for (_, named), number in zip(galleries["unseen"], shown, strict=True):
            named.append((label, pictures[number]))
    result["unseen"] = found


def _described(examples: Examples) -> dict:
    data, where = examples.data, examples.places()
    values = data.manifest.values
    return {"name": data.manifest.directory.name, "size": list(data.size), "digest": data.digest,
            "split_by": values["split_by"], "pictures": len(where),
            "shots": len({place[:2] for place in where}),
            "leak": values.get("leak", {}).get("share")}
