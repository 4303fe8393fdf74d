"""Tables of means with their intervals: rows, Markdown, and a CSV file of every picture."""

import csv
from pathlib import Path

import numpy as np

from keras_colorize.data.dataset import Place
from keras_colorize.evaluation import measure
from keras_colorize.evaluation.measure import FIGURES, KEPT, TITLES, Candidate, Measured, Values
from keras_colorize.evaluation.statistics import TEST, Resampling
from keras_colorize.files import whole_file

RATIO = "colourfulness_ratio"
OF_INPUT = "l1_of_input"
LESS_SCRIBBLES = "l1_less_scribbles"
COLUMNS = {"l1": ("L1", ".2f"), OF_INPUT: ("of the input's", ".2f"), "l2": ("L2", ".1f"),
           "psnr": ("PSNR, dB", ".2f"), "ssim": ("SSIM", ".3f"), "chroma_l1": ("chroma L1", ".2f"),
           "ciede2000": ("CIEDE2000", ".2f"), "ciede2000_p95": ("its 95 %", ".1f"),
           "colourfulness": ("colourfulness", ".1f"),
           RATIO: ("colourfulness, of the truth's", ".2f"),
           "histogram_overlap": ("overlap of hues", ".2f"), "grid": ("grid, of the truth's", ".2f"),
           "edge_error": ("error near edges", ".2f"), "edge_bleed": ("edge bleed", ".2f"),
           LESS_SCRIBBLES: ("L1, less that of scribbles", ".2f"),
           "flicker": ("flicker", ".2f")}
TABLES = (("l1", OF_INPUT, "l2"), ("psnr", "ssim", "chroma_l1", "ciede2000", "ciede2000_p95"),
          (RATIO, "histogram_overlap", "grid", "edge_error", "edge_bleed", "flicker"))
COMPARISON = ("one less the other", "difference", "over shots", "over seeds", "lower")


def row(candidate: Candidate, values: Values, where: list[Place], returned: np.ndarray,
        scribbles: np.ndarray | None = None) -> dict:
    """Returns a row of `metrics.json`: means over the pictures, and 95 % intervals over the shots.

    An interval is None with too few shots or pages (see `statistics.Resampling`). Flicker without a
    video is None too.

    Args:
        returned: the L1 of each picture's input as it is, float64 [pictures].
        scribbles: the same of scribbles that were given the same points, NaN where not measured.
    """
    resampling = Resampling([place[:2] for place in where])
    measured = ~np.isnan(values["l1"])
    entry = {"run": candidate.run, "model": candidate.model, "input": candidate.input,
             **({"corrections" if candidate.corrected else "points": candidate.points}
                if candidate.points else {}),
             **({"gain": candidate.gain} if candidate.gain is not None else {}),
             "pictures": int(np.count_nonzero(measured)),
             "shots": len({where[number][:2] for number in np.flatnonzero(measured)})}
    entry |= resampling.means({name: values[name] for name in FIGURES})
    if scribbles is not None:
        entry |= resampling.means({LESS_SCRIBBLES: values["l1"] - scribbles})
    returned = np.where(measured, returned, np.nan)
    for name, own, unit in ((RATIO, values["colourfulness"], values[measure.TRUE_COLOURFULNESS]),
                            (OF_INPUT, values["l1"], returned)):
        entry[name] = float(np.nansum(own) / max(np.nansum(unit), 1e-9))
        entry[f"{name}_ci"] = resampling.interval(own, unit)
    return entry


def heading(report: dict) -> str:
    """Returns a Markdown paragraph on the pictures that a report's tables are about."""
    printed = ", gray input redrawn as printed manga" if report["screentone"] else ""
    elsewhere = report["trained_elsewhere"]
    return f"Split: {report['split']}{printed}." + (
        f" Of the runs, {strangers(elsewhere)}." if elsewhere else "") + "\n\n"


def strangers(runs: list[str]) -> str:
    """Returns a warning about runs that learned from another dataset than they are measured on."""
    return (f"{', '.join(runs)} learned from another dataset: its training pictures may be among "
            "those that are measured here")


def markdown(rows: list[dict]) -> str:
    """Returns table 1 of the paper (mean L1 and L2 per pixel-channel, 0..255), then the rest."""
    tables = []
    told = any(LESS_SCRIBBLES in each for each in rows)
    for names in (*TABLES, *[(LESS_SCRIBBLES,)] * told):
        titles = [COLUMNS[name][0] for name in names]
        lines = ["| input | model | run | " + " | ".join(titles) + " |",
                 "|---|---|---|" + "---:|" * len(names)]
        lines += [_line([each["input"], title(each), each["run"] or "",
                         *(cell(each, name) for name in names)])
                  for each in rows if names != (LESS_SCRIBBLES,) or LESS_SCRIBBLES in each]
        tables.append("\n".join(lines) + "\n")
    shots, pictures = (max(each[name] for each in rows) for name in ("shots", "pictures"))
    note = f"In brackets: 95 % intervals, resampled over {shots} shots or pages.\n"
    fewer = {title(each): each["pictures"] for each in rows if each["pictures"] < pictures}
    if fewer:
        note += (f"Of the {pictures} pictures, fewer are measured of: "
                 + "; ".join(f"{name} ({count})" for name, count in fewer.items()) + ".\n")
    return "\n".join([*tables, note])


def title(row: dict) -> str:
    """Returns the name of a row's model as a table shows it."""
    if "gain" in row:
        return f"{TITLES['convnet']}, chroma x {row['gain']:.2f}"
    for name in ("points", "corrections"):
        if name in row:
            return f"{TITLES[row['model']].split(',')[0]}, {measure.told(row[name], name)}"
    return TITLES[row["model"]]


def study_markdown(result: dict) -> str:
    """Returns the tables of a study and its comparisons, `result` being what `study.json` holds."""
    lines = [_line(COMPARISON), "|---|---:|---:|---:|---|",
             *(_line(comparison(each)) for each in result["comparisons"])]
    return (heading(result) + markdown(result["rows"]) + "\n" + "\n".join(lines)
            + f"\n\n{TEST}\n")


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(each.replace("\n", " ") for each in cells) + " |"


def cell(entry: dict, name: str, form: str = "") -> str:
    """Returns a figure, with its interval on a line of its own, or "-".

    Numbers are written as `form` says, or as `COLUMNS`.
    """
    if entry.get(name) is None:
        return "-"
    form = form or COLUMNS[name][1]
    return f"{entry[name]:{form}}" + _ends(entry.get(f"{name}_ci"), form)


def comparison(each: dict) -> list[str]:
    """Returns a comparison of two groups as the cells of `COMPARISON`."""
    title, form = COLUMNS[each["figure"]]
    cells = [f"{title}\n{each['one']}\nless {each['other']}", f"{each['difference']:{form}}"]
    for over in ("shots", "seeds"):
        p = each[over]["p"]
        chance = "-" if p is None else "p < 0.001" if p < 0.001 else f"p {p:.3f}"
        cells.append(f"{chance}\nn {each[over]['n']}" + _ends(each[over]["interval"], form))
    return [*cells, each["lower"] or "undecided"]


def _ends(interval: list[float] | None, form: str) -> str:
    return f"\n[{interval[0]:{form}}, {interval[1]:{form}}]" if interval else ""


def write_pictures(path: Path, measured: Measured) -> None:
    """Writes every figure of every picture, a line each, numbered as the split is read."""
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(("input", "model", "run", "number", "source", "shot", "frame", *KEPT))
        for key, (values, where) in measured.items():
            for number in np.flatnonzero(~np.isnan(values["l1"])).tolist():
                lines.writerow((*key, number, *where[number][:3],
                                *(f"{values[name][number]:.6g}" for name in KEPT)))


def read_pictures(path: Path) -> Measured:
    """Reads what `write_pictures` wrote; a picture that was not measured is of no place."""
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    total, measured = 1 + max(int(line["number"]) for line in lines), {}
    for line in lines:
        key, number = (line["input"], line["model"], line["run"]), int(line["number"])
        if key not in measured:
            measured[key] = ({name: np.full(total, np.nan) for name in KEPT},
                             [Place("", 0, 0, 0.0)] * total)
        values, where = measured[key]
        where[number] = Place(line["source"], int(line["shot"]), int(line["frame"]), 0.0)
        for name, figures in values.items():
            figures[number] = float(line[name])
    return measured
