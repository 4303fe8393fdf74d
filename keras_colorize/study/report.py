"""What the study found, as the parts of a page."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_colorize.evaluation import TITLES, tables
from keras_colorize.study import failures, groups, page, ranked

CLAIMS = {"gan_convnet": "GAN against ConvNet", "gray_edge": "gray against edge input",
          "others": "the other pairs"}
COMPARISON = ("one less the other", "difference", "over shots", "over seeds", "lower")


def parts(result: dict, galleries: dict[str, list[tuple[str, list[tuple[str, np.ndarray]]]]],
          report_dir: Path) -> list[str]:
    """The page's parts.

    Args:
        result: what `study.json` holds.
        galleries: under "gray", "edge" and "unseen", titles with named pictures.
        report_dir: where the plots lie.
    """
    return [*_introduction(result), *_table(result["rows"]), *_comparisons(result["comparisons"]),
            *_hints(result["hints"], report_dir), *_curves(result["curves"], report_dir),
            *_pictures(galleries), *_failures(result["failures"], report_dir),
            *_unseen(result["unseen"], galleries.get("unseen", []))]


def markdown(result: dict) -> str:
    """The tables and comparisons as Markdown."""
    lines = ["| " + " | ".join(COMPARISON) + " |", "|---|---:|---:|---:|---|"]
    lines += ["| " + " | ".join(cell.replace("\n", " ") for cell in comparison(each)) + " |"
              for each in result["comparisons"]]
    return tables.markdown(result["rows"]) + "\n" + "\n".join(lines) + f"\n\n{groups.TEST}\n"


def _introduction(result: dict) -> list[str]:
    data = result["data"]
    height, width = data["size"]
    leak = "" if data["leak"] is None else \
        f" {data['leak']:.1%} of the test pictures have a near-duplicate in training."
    printed = " Gray input is redrawn as printed manga." if result["screentone"] else ""
    runs = "Runs: " + ", ".join(sorted(result["made_of"]["generators"])) + "."
    return [page.paragraph(runs), page.paragraph(
        f"Measured on the {result['split']} pictures of {data['name']} ({height}x{width}, digest "
        f"{data['digest'][:12]}, split by {data['split_by']}): {data['pictures']} of "
        f"{data['shots']} shots or pages.{leak}{printed} Distances are on 0..255, lower is "
        "better; figures in brackets are 95 % intervals, resampled over shots or pages.")]


def _table(rows: list[dict]) -> list[str]:
    found = [page.heading("Table 1: distances, beside what any model must beat")]
    most = max(each["pictures"] for each in rows)
    for condition in dict.fromkeys(each["input"] for each in rows):
        here = [each for each in rows if each["input"] == condition]
        found.append(page.heading(f"{condition} input", 3))
        for names in tables.TABLES:
            header = ["model", *(tables.COLUMNS[name][0] for name in names)]
            found.append(page.table(header, (
                [_named(each, most), *(tables.cell(each, name).replace(" [", "\n[")
                                       for name in names)] for each in here)))
    return [*found, page.paragraph("Runs that differ in their seed alone stand in one row.", True)]


def _named(row: dict, most: int) -> str:
    name = row["run"] or TITLES[row["model"]]
    seeds = f"\n{len(row['seeds'])} seeds" if len(row["seeds"]) > 1 else ""
    return name + seeds + (f"\non {row['pictures']} pictures" if row["pictures"] < most else "")


def _comparisons(comparisons: list[dict]) -> list[str]:
    if not comparisons:
        return []
    found = [page.heading("Is one model better than another?"), page.paragraph(groups.TEST)]
    for claim, title in CLAIMS.items():
        rows = [comparison(each) for each in comparisons if _claim(each) == claim]
        if rows:
            found += [page.heading(title, 3), page.table(COMPARISON, rows)]
    return found


def comparison(each: dict) -> list[str]:
    """A comparison as the cells of `COMPARISON`, intervals on lines of their own."""
    form = tables.COLUMNS[each["figure"]][1]
    cells = [f"{tables.COLUMNS[each['figure']][0]}\n{each['one']}\nless {each['other']}",
             f"{each['difference']:{form}}"]
    for over in ("shots", "seeds"):
        interval, p = each[over]["interval"], each[over]["p"]
        ends = f"\n[{interval[0]:{form}}, {interval[1]:{form}}]" if interval else ""
        chance = "-" if p is None else "p < 0.001" if p < 0.001 else f"p {p:.3f}"
        cells.append(f"{chance}\nn {each[over]['n']}{ends}")
    return [*cells, each["lower"] or "undecided"]


def _claim(each: dict) -> str:
    if each["models"] == ["gan", "convnet"] and len(set(each["inputs"])) == 1:
        return "gan_convnet"
    return "gray_edge" if each["inputs"] == ["gray", "edge"] else "others"


def _hints(hints: dict, report_dir: Path) -> list[str]:
    found = [page.heading("How many hints equal a model?"), page.paragraph(
        "Scribble propagation (Levin, Lischinski and Weiss 2004), given the true colour of so many "
        "random pixels of each picture, on the same pictures as the models.")]
    for condition, curve in hints.items():
        found.append(page.drawing(report_dir / f"hints_{condition}.png",
                                  f"L1 against hints, {condition} input, {curve['pictures']} "
                                  "pictures; a square marks where hints equal a model."))
    return found


def _curves(names: list[str], report_dir: Path) -> list[str]:
    return [page.heading("Loss curves (figures 7 to 9)"),
            *(page.drawing(report_dir / name, name.removesuffix(".png"), True) for name in names)]


def _pictures(galleries: dict) -> list[str]:
    found = [page.heading("Pictures (figures 10 and 11)"), page.paragraph(ranked.RULE)]
    for condition in ("gray", "edge"):
        if condition in galleries:
            found += [page.heading(f"{condition} input", 3),
                      *(page.pictures(named, title) for title, named in galleries[condition])]
    return found


def _failures(found: dict | None, report_dir: Path) -> list[str]:
    title = page.heading("The paper's failures (figures 12 to 14)")
    if not found:
        return [title, page.paragraph(
            "Not measured here: that needs masks, which only the drawn episode has. Study runs on "
            "a dataset of it (keras-colorize draw-episode).")]
    parts = [title, page.paragraph("Measured on frames of the split, drawn anew: as they are, "
                                   f"with a caption ({failures.CAPTION!r}), and darkened.")]
    sections = (("Exchange of hair colour (figure 12)", _hair),
                ("Large objects (figure 13)", _size), ("Captions (figure 14)", _caption),
                ("Black frames", _black))
    for words, section in sections:
        parts += [page.heading(words, 3), *section(found, report_dir)]
    return parts


def _hair(found: dict, report_dir: Path) -> list[str]:
    rows = []
    for label, runs in found.items():
        seen = [run["hair"] for run in runs.values() if run["hair"]]
        if seen:
            rows.append([label, *(_mean(each[name] for each in seen)
                                  for name in ("own", "other", "neither")),
                         _interval(seen[0]["other_ci"]), str(seen[0]["seen"]),
                         str(seen[0]["shots"])])
    return [page.paragraph("Two characters differ in the colour of their hair alone. The share of "
                           "their hair's pixels in the own colour, in the other's, in neither:"),
            page.table(["model", "own", "other's", "neither", "other's, interval", "hair seen",
                        "shots"], rows)] if rows else [page.paragraph("No frame shows them.")]


def _size(found: dict, report_dir: Path) -> list[str]:
    rows, header = [], []
    for label, runs in found.items():
        sizes = [run["size"] for run in runs.values() if run["size"]]
        if sizes:
            header = [f"up to {share:.0%} ({seen})" for share, seen
                      in zip(sizes[0]["upto"], sizes[0]["seen"], strict=True)]
            classes = zip(*(each["chroma_l1"] for each in sizes), strict=True)
            rows.append([label, *("-" if None in each else f"{np.mean(each):.1f}"
                                  for each in classes),
                         f"{np.mean([each['rank_correlation'] for each in sizes]):+.2f}"])
    if not rows:
        return [page.paragraph("Too few characters are seen.")]
    return [page.paragraph("Chroma L1 on each character seen, by its share of the frame (and how "
                           "many were seen), and Spearman's rank correlation of the two:"),
            page.table(["model", *header, "correlation"], rows),
            page.drawing(report_dir / "failures_size.png", "Chroma L1 against size.")]


def _caption(found: dict, report_dir: Path) -> list[str]:
    names = {"beside_without": "beside it, without", "beside_with": "with",
             "elsewhere_without": "elsewhere, without", "elsewhere_with": "with",
             "letters_with": "on the letters"}
    return _simple(found, "caption", names, "L1 of the same pixels without and with a caption:")


def _black(found: dict, report_dir: Path) -> list[str]:
    names = {f"{each:g}": f"{each:.0%}" for each in failures.BRIGHTNESS}
    return _simple(found, "black", names, "L1 of the same frames at so much of their brightness "
                                          "(0 %: black, where leaving the input is no error):")


def _simple(found: dict, key: str, names: dict[str, str], words: str) -> list[str]:
    rows = [[label, *(_mean((run[key][name] for run in runs.values()), ".1f") for name in names)]
            for label, runs in found.items() if all(run[key] for run in runs.values())]
    return [page.paragraph(words), page.table(["model", *names.values()], rows)] if rows else \
        [page.paragraph("No frame can show it.")]


def _unseen(found: dict | None, gallery: list) -> list[str]:
    if not found:
        return []
    rows = [[label, *("-" if each[name] is None else f"{each[name]:{form}}" for name, form in (
        ("colourfulness", ".1f"), ("luminance_l1", ".2f"), ("stray", ".1%"),
        ("off_palette", ".1%"), ("l1", ".2f"), ("gray_l1", ".2f")))]
        for label, each in found["models"].items()]
    return [page.heading("Unseen series (figure 15)"), page.paragraph(
        f"{found['pictures']} pictures of {', '.join(found['sources'])}, judged without a truth: "
        "colourfulness; by how much the luminance is not the input's; the share of visible changes "
        "of colour far from every edge; the share of pixels in colours rare in training. Where the "
        "pictures have colours of their own, L1 too, beside that of the gray picture."),
        page.table(["model", "colourfulness", "luminance L1", "stray", "off palette", "L1",
                    "gray L1"], rows), *(page.pictures(named, title) for title, named in gallery)]


def _mean(values: Iterable[float], form: str = ".1%") -> str:
    return f"{np.mean(list(values)):{form}}"


def _interval(interval: list[float] | None) -> str:
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "-"
