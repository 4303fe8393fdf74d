"""The study of section 5 of the paper: runs to tables, tests, plots, pictures and a web page."""

from pathlib import Path

import numpy as np

from keras_colorize.data.dataset import Dataset
from keras_colorize.data.sources import find
from keras_colorize.errors import SettingsMismatch, UsageError
from keras_colorize.evaluation import failures, hint_curve, statistics, tables, unseen
from keras_colorize.evaluation.evaluate import BATCH, evaluate, names_of
from keras_colorize.evaluation.measure import TITLES, Candidate, Examples, of_run
from keras_colorize.evaluation.statistics import Group
from keras_colorize.files import read_json, whole_file, write_json
from keras_colorize.image import figures
from keras_colorize.media import web_page

SCHEMA = 2  # of study.json
SHOWN_UNSEEN = 12
COMPARISONS = {"models": "On the same input", "inputs": "Gray against edge input",
               "baselines": "Against what any model must beat"}
Gallery = list[tuple[str, list[tuple[str, np.ndarray]]]]
"""Titles, with pictures and the name of each."""


def study(run_dirs: list[Path], data_dir: Path, report_dir: Path, split: str = "test",
          unseen_places: list[Path] = (), screentone: bool = False) -> dict:
    """Compares runs as section 5 of the paper does, beside the baselines.

    Into `report_dir` go all that `evaluate` writes, `study.json`, `report.html` (which needs no
    other file), and of its parts the tables as `study.md`, plots and pictures as PNG. Runs that
    differ in their seed alone are taken together. The failures of figures 12 to 14 are measured
    where the dataset is of the drawn episode.

    Args:
        unseen_places: videos, archives and folders of other series, for figure 15.
        screentone: whether gray input is redrawn as printed manga, but not for the failures.

    Returns:
        What `study.json` says.

    Raises:
        SettingsMismatch: the study there is on other runs, or with other unseen sources.
        ColorizeError: as `evaluate`, and where an unseen source cannot be read.
    """
    sources = find(list(unseen_places))[0] if unseen_places else []
    measured = evaluate(run_dirs, data_dir, report_dir, split, screentone)
    made_of = {"schema": SCHEMA, "generators": measured["generators"],
               "unseen": {source.name: source.fingerprint() for source in sources}}
    earlier = _earlier(report_dir, made_of)
    if earlier:
        print(f"{report_dir}: was studied already, on these networks")
        return earlier
    names = {name: run_dir for run_dir, name in names_of(run_dirs).items()}
    groups = statistics.group_runs(names, tables.read_pictures(report_dir / "pictures.csv"))
    conditions = list(dict.fromkeys(group.input for group in groups))
    result = {"made_of": made_of, "split": split, "screentone": screentone,
              "trained_elsewhere": measured["trained_elsewhere"], "rows": rows(groups),
              "comparisons": statistics.compare(groups), "hints": {}, "unseen": None,
              "curves": _curves(groups, report_dir)}
    galleries: dict[str, Gallery] = {"unseen": []}
    runs = {group.label: [of_run(name, names[name]) for name in group.seeds.values()]
            for group in groups if group.seeds}
    inputs = [Examples(Dataset(data_dir, condition, BATCH), split, screentone)
              for condition in conditions]
    others = unseen.gather(sources, inputs[0].data)
    for condition, examples in zip(conditions, inputs, strict=True):
        here = [group for group in groups if group.input == condition]
        mine = {group.label: runs[group.label] for group in here if group.seeds}
        curve = result["hints"][condition] = hint_curve.curve(examples, here)
        hint_curve.plot(report_dir / f"hints_{condition}.png", condition, curve)
        galleries[condition] = _draw_ranked(examples, here, mine, report_dir)
        if others:
            _study_unseen(result, galleries["unseen"], examples.data, others, mine)
    drawn = failures.is_drawn(examples)
    result["failures"] = failures.measure(examples, runs) if drawn else {}
    result["data"] = _description(examples)
    if drawn:
        failures.plot_sizes(report_dir / "failures_size.png", result["failures"])
    with whole_file(report_dir / "study.md") as temporary:
        temporary.write_text(tables.study_markdown(result), encoding="utf-8")
    _write_page(f"Study of {len(names)} runs on {data_dir.name}", result, galleries, report_dir)
    write_json(report_dir / "study.json", result)
    return result


def _earlier(report_dir: Path, made_of: dict) -> dict | None:
    """Returns the study that is there, if it is whole and of the same networks."""
    path = report_dir / "study.json"
    if not path.exists():
        return None
    earlier = read_json(path, dict, UsageError, "name another --out")
    before = earlier.get("made_of", {})
    if before.get("unseen") != made_of["unseen"]:
        raise SettingsMismatch(report_dir, "is a study with other unseen sources",
                               "name another --out")
    return earlier if before == made_of and (report_dir / "report.html").is_file() else None


def rows(groups: list[Group]) -> list[dict]:
    """Returns the groups as rows of `metrics.json`, with their `seeds`, intervals over shots."""
    returned = {group.input: group.values["l1"] for group in groups if group.model == "input"}
    return [tables.row(Candidate(group.label if group.seeds else None, group.model, group.input,
                                 None), group.values, group.where, returned[group.input])
            | {"seeds": sorted(group.seeds)} for group in groups]


def _curves(groups: list[Group], report_dir: Path) -> list[str]:
    """Lists the files of the loss curves of the first run of each group."""
    first = [group.seeds[min(group.seeds)] for group in groups if group.seeds]
    return [path.name for name in first for path in sorted(report_dir.glob(f"{name}_*loss.png"))
            if path.name.removeprefix(f"{name}_") in ("loss.png", "d_loss.png", "g_loss.png")]


def rank(groups: list[Group]) -> list[tuple[str, int]]:
    """Picks two best, two median and two worst pictures, each of another shot.

    Of groups on one input, the trained ones count. Returns words and the number of each picture.
    """
    trained = [group for group in groups if group.seeds]
    errors = np.mean([group.values["l1"] for group in trained], axis=0)
    order, where = np.argsort(errors, kind="stable").tolist(), trained[0].where
    middle = len(order) // 2
    walks = {"best": order, "median": order[middle:] + order[:middle][::-1],
             "worst": order[::-1]}
    picked: list[tuple[str, int]] = []
    shots: set[tuple] = set()
    for word, walk in walks.items():
        for again in ("", ", another shot"):
            fresh = [number for number in walk if where[number][:2] not in shots]
            if fresh:
                shots.add(where[fresh[0]][:2])
                picked.append((f"{word}{again}", fresh[0]))
    return picked


def _draw_ranked(examples: Examples, groups: list[Group], runs: dict[str, list[Candidate]],
                 report_dir: Path) -> Gallery:
    """Colours the ranked pictures by the first run of each group, and draws them in rows."""
    picked, where = rank(groups), groups[0].where
    pictures = examples.pick([number for _, number in picked])
    gallery = [
        (f"{word}: {where[number].source}, {where[number].frame}",
         [("input", pictures[number][0][..., 0]),
          *((label, each[0].colorize(*(part[None] for part in pictures[number]))[0])
            for label, each in runs.items()), ("truth", pictures[number][1])])
        for word, number in picked]
    figures.picture_grid(report_dir / f"ranked_{examples.data.condition}.png",
                         {name: [dict(named)[name] for _, named in gallery]
                          for name, _ in gallery[0][1]})
    return gallery


def _study_unseen(result: dict, gallery: Gallery, data: Dataset, examples: list[dict],
                  runs: dict[str, list[Candidate]]) -> None:
    """Adds what the first run of each group makes of pictures that `unseen.gather` read."""
    trained_on = unseen.palette(data)
    result["unseen"] = result["unseen"] or {"pictures": len(examples), "models": {},
                                            "sources": list(result["made_of"]["unseen"])}
    numbers = figures.evenly(len(examples), SHOWN_UNSEEN)
    if not gallery:
        for each in (examples[number] for number in numbers):
            own = [("its own colours", each["color"])] if each["colored"] else []
            gallery.append((each["name"], [("gray", each["gray"]), *own]))
    for label, candidates in runs.items():
        pictures = [candidates[0].colorize(each[data.condition][None, ..., None],
                                           each["color"][None])[0] for each in examples]
        result["unseen"]["models"][label] = unseen.judge(pictures, examples, trained_on)
        for (_, named), number in zip(gallery, numbers, strict=True):
            named.append((label, pictures[number]))


def _description(examples: Examples) -> dict:
    data, where = examples.data, examples.places()
    values = data.manifest.values
    return {"name": data.manifest.directory.name, "size": list(data.size), "digest": data.digest,
            "split_by": values["split_by"], "pictures": len(where),
            "shots": len({place[:2] for place in where}),
            "leak": values.get("leak", {}).get("share")}


def _write_page(title: str, result: dict, galleries: dict[str, Gallery], report_dir: Path) -> None:
    """Writes `report.html`: its words stand in the template, and its tables are made here."""
    most = max(each["pictures"] for each in result["rows"])
    models: dict[str, list[tuple[str, dict]]] = {}
    for each in result["rows"]:
        models.setdefault(each["input"], []).append((_title(each, most), each))
    comparisons = {words: [tables.comparison(each) for each in result["comparisons"]
                           if _kind(each) == kind] for kind, words in COMPARISONS.items()}
    web_page.write(
        report_dir / "report.html", Path(__file__).with_name("study.html"), title=title,
        result=result, galleries=galleries, folder=report_dir, rows=models,
        tables=[[(name, *tables.COLUMNS[name]) for name in names] for names in tables.TABLES],
        figure=tables.cell, strangers=tables.strangers, test=statistics.TEST,
        comparisons=comparisons, comparison_header=tables.COMPARISON,
        caption=failures.CAPTION,
        brightness=[(f"{each:g}", f"{each:.0%}", ".1f") for each in failures.BRIGHTNESS])


def _title(row: dict, most: int) -> str:
    """Returns the name of a row's model, with its seeds and pictures where they need saying."""
    seeds = f"\n{len(row['seeds'])} seeds" if len(row["seeds"]) > 1 else ""
    fewer = f"\non {row['pictures']} pictures" if row["pictures"] < most else ""
    return (row["run"] or TITLES[row["model"]]) + seeds + fewer


def _kind(comparison: dict) -> str:
    if comparison["models"][1] in statistics.BASELINES:
        return "baselines"
    one, other = comparison["inputs"]
    return "models" if one == other else "inputs"
