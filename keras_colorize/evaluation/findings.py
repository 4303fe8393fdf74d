"""What the study found, as the parts of a page."""

from pathlib import Path

import numpy as np

from keras_colorize.evaluation import failures, statistics, tables, web_page
from keras_colorize.evaluation.measure import TITLES

PAIRS = {"models": "On the same input", "inputs": "Gray against edge input",
         "baselines": "Against what any model must beat"}
RULE = ("Ranked by the mean L1 of all runs on the input: the best, the median and the worst "
        "picture, and after each the next in rank of another shot. None was picked by hand.")
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
    return tables.heading(result) + tables.markdown(result["rows"]) + "\n" + "\n".join(lines) + \
        f"\n\n{statistics.TEST}\n"


def _introduction(result: dict) -> list[str]:
    data = result["data"]
    height, width = data["size"]
    leak = "" if data["leak"] is None else \
        f" {data['leak']:.1%} of the test pictures have a near-duplicate in training."
    printed = " Gray input is redrawn as printed manga." if result["screentone"] else ""
    runs = "Runs: " + ", ".join(sorted(result["made_of"]["generators"])) + "."
    elsewhere = result["trained_elsewhere"]
    warning = [web_page.paragraph(f"{tables.strangers(elsewhere)}.")] if elsewhere else []
    return [web_page.paragraph(runs), *warning, web_page.paragraph(
        f"Measured on the {result['split']} pictures of {data['name']} ({height}x{width}, digest "
        f"{data['digest'][:12]}, split by {data['split_by']}): {data['pictures']} of "
        f"{data['shots']} shots or pages.{leak}{printed} Distances are on 0..255, lower is "
        "better; figures in brackets are 95 % intervals, resampled over shots or pages.")]


def _table(rows: list[dict]) -> list[str]:
    found = [web_page.heading("Table 1: distances, beside what any model must beat")]
    most = max(each["pictures"] for each in rows)
    for condition in dict.fromkeys(each["input"] for each in rows):
        here = [each for each in rows if each["input"] == condition]
        found.append(web_page.heading(f"{condition} input", 3))
        for names in tables.TABLES:
            header = ["model", *(tables.COLUMNS[name][0] for name in names)]
            found.append(web_page.table(header, (
                [_named(each, most), *(tables.cell(each, name).replace(" [", "\n[")
                                       for name in names)] for each in here)))
    return [*found,
            web_page.paragraph("Runs that differ in their seed alone stand in one row.", True)]


def _named(row: dict, most: int) -> str:
    name = row["run"] or TITLES[row["model"]]
    seeds = f"\n{len(row['seeds'])} seeds" if len(row["seeds"]) > 1 else ""
    return name + seeds + (f"\non {row['pictures']} pictures" if row["pictures"] < most else "")


def _comparisons(comparisons: list[dict]) -> list[str]:
    if not comparisons:
        return []
    found = [web_page.heading("Is one model better than another?"),
             web_page.paragraph(statistics.TEST)]
    for pair, title in PAIRS.items():
        rows = [comparison(each) for each in comparisons if _pair(each) == pair]
        if rows:
            found += [web_page.heading(title, 3), web_page.table(COMPARISON, rows)]
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


def _pair(each: dict) -> str:
    if each["models"][1] in statistics.BASELINES:
        return "baselines"
    return "models" if each["inputs"][0] == each["inputs"][1] else "inputs"


def _hints(hints: dict, report_dir: Path) -> list[str]:
    found = [web_page.heading("How many hints equal a model?"), web_page.paragraph(
        "Scribble propagation (Levin, Lischinski and Weiss 2004), given the true colour of so many "
        "random pixels of each picture, on the same pictures as the models.")]
    for condition, curve in hints.items():
        found.append(web_page.drawing(report_dir / f"hints_{condition}.png",
                                  f"L1 against hints, {condition} input, {curve['pictures']} "
                                  "pictures; a square marks where hints equal a model."))
    return found


def _curves(names: list[str], report_dir: Path) -> list[str]:
    return [web_page.heading("Loss curves (figures 7 to 9)"),
            *(web_page.drawing(report_dir / name, name.removesuffix(".png"), True)
              for name in names)]


def _pictures(galleries: dict) -> list[str]:
    found = [web_page.heading("Pictures (figures 10 and 11)"), web_page.paragraph(RULE)]
    for condition in ("gray", "edge"):
        if condition in galleries:
            found += [web_page.heading(f"{condition} input", 3),
                      *(web_page.pictures(named, title) for title, named in galleries[condition])]
    return found


def _failures(found: dict | None, report_dir: Path) -> list[str]:
    title = web_page.heading("The paper's failures (figures 12 to 14)")
    if not found:
        return [title, web_page.paragraph(
            "Not measured here: that needs masks, which only the drawn episode has. Study runs on "
            "a dataset of it (keras-colorize draw-episode).")]
    parts = [title, web_page.paragraph("Measured on frames of the split, drawn anew: as they are, "
                                   f"with a caption ({failures.CAPTION!r}), and darkened.")]
    sections = (("Exchange of hair colour (figure 12)", _hair),
                ("Large objects (figure 13)", _size), ("Captions (figure 14)", _caption),
                ("Black frames", _black))
    for words, section in sections:
        parts += [web_page.heading(words, 3), *section(found, report_dir)]
    return parts


def _hair(found: dict, report_dir: Path) -> list[str]:
    names = {"own": "own", "other": "other's", "neither": "neither"}
    return _seen(found, "hair", names, ".1%", "Two characters differ in the colour of their hair "
                 "alone. The share of their hair's pixels in the own colour, in the other's, in "
                 "neither:")


def _size(found: dict, report_dir: Path) -> list[str]:
    sizes = {label: each["size"] for label, each in found.items() if each["size"]}
    if not sizes:
        return [web_page.paragraph("Too few characters are seen.")]
    first = next(iter(sizes.values()))
    header = [f"up to {share:.0%} ({seen})" for share, seen
              in zip(first["upto"], first["seen"], strict=True)]
    rows = [[label, *("-" if error is None else f"{error:.1f}" for error in each["chroma_l1"]),
             *(_with_interval(each, name, "+.2f") for name in ("correlation",
                                                               "correlation_within"))]
            for label, each in sizes.items()]
    return [web_page.paragraph("Chroma L1 on each character seen, by its share of the frame (and "
                           "how many were seen), and Spearman's rank correlation of the two: over "
                           "all, and of what either is above the character's own mean."),
            web_page.table(["model", *header, "correlation", "within characters"], rows),
            web_page.drawing(report_dir / "failures_size.png", "Chroma L1 against size.")]


def _caption(found: dict, report_dir: Path) -> list[str]:
    names = {"beside_without": "beside it, without", "beside_with": "with", "beside_more": "more",
             "elsewhere_without": "elsewhere, without", "elsewhere_with": "with",
             "elsewhere_more": "more", "letters_with": "on the letters"}
    return _seen(found, "caption", names, ".1f",
                 "L1 of the same pixels without and with a caption:")


def _black(found: dict, report_dir: Path) -> list[str]:
    names = {f"{each:g}": f"{each:.0%}" for each in failures.BRIGHTNESS}
    return _seen(found, "black", names, ".1f", "L1 of the same frames at so much of their "
                 "brightness (0 %: black, where leaving the input is no error):")


def _seen(found: dict, key: str, names: dict[str, str], form: str, words: str) -> list[str]:
    rows = [[label, *(_with_interval(each[key], name, form) for name in names),
             str(each[key]["seen"]), str(each[key]["shots"])]
            for label, each in found.items() if each[key]]
    return [web_page.paragraph(words),
            web_page.table(["model", *names.values(), "seen", "shots"], rows)] \
        if rows else [web_page.paragraph("No frame shows it.")]


def _unseen(found: dict | None, gallery: list) -> list[str]:
    if not found:
        return []
    rows = [[label, *(_with_interval(each, name, form) for name, form in (
        ("colourfulness", ".1f"), ("luminance_l1", ".2f"), ("stray", ".1%"),
        ("off_palette", ".1%"), ("l1", ".2f"), ("l1_of_gray", ".2f")))]
        for label, each in found["models"].items()]
    return [web_page.heading("Unseen series (figure 15)"), web_page.paragraph(
        f"{found['pictures']} pictures of {', '.join(found['sources'])}, judged without a truth: "
        "colourfulness; by how much the luminance is not the input's; the share of visible changes "
        "of colour far from every edge; the share of pixels in colours rare in training. Where the "
        "pictures have colours of their own, L1 too, and its share of the gray picture's."),
        web_page.table(["model", "colourfulness", "luminance L1", "stray", "off palette", "L1",
                    "of the gray picture's"], rows),
        *(web_page.pictures(named, title) for title, named in gallery)]


def _with_interval(values: dict, name: str, form: str) -> str:
    if values[name] is None:
        return "-"
    interval = values[f"{name}_ci"]
    ends = f"\n[{interval[0]:{form}}, {interval[1]:{form}}]" if interval else ""
    return f"{values[name]:{form}}{ends}"
