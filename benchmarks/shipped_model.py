"""The model that ships: `python benchmarks/shipped_model.py SOURCE... --work DIR`.

It builds two datasets from the sources (for us a comic, picture books and a film under CC BY),
trains `cpu/guided_gray` and `cpu/manga` on them, measures both on sources that were held out, and
writes `shipped_model/`: two run directories, the one for printed pages within the other, with the
weights alone, in float16. A second call keeps all that is there and goes on from it.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from provenance import provenance

from keras_colorize.config import SHIPPED_MODEL
from keras_colorize.files import sha256_of

MOST = 8_000_000  # bytes of all
SHOWN = {"input": "without colour", "mean_colour": "each gray level in its mean colour"}
CARD = Path(__file__).with_name("shipped_model.md")


@dataclass(frozen=True)
class Part:
    """One of the two networks."""

    name: str
    config: str
    size: str
    place: str
    """Within the model's folder."""
    first_hints: bool
    """Whether it learns from hints, from the middle of its training on."""
    changes: tuple[str, ...] = ()
    """Of the configuration."""


PARTS = (Part("gray", "cpu/guided_gray", "90x160", "", True,
              ("model.colourfulness=0",)),  # it knows no series: pale looks better than wrong
         Part("printed", "cpu/manga", "192x192", "printed", False))


def call(*arguments: object) -> None:
    """Prints and runs a command of the package."""
    print("$ keras-colorize", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "keras_colorize.cli", *map(str, arguments)], check=True)


def make(part: Part, options: argparse.Namespace, epochs: int | None) -> tuple[Path, Path]:
    """Builds the dataset of a part, trains and measures; returns the run and the report."""
    data, run, report = (options.work / kind / part.name for kind in ("data", "runs", "reports"))
    held_out = ("--test", *options.test) if options.test else ()
    call("build-tfrecords", *options.sources, "--every", options.every, "--size", part.size,
         "--split-by", "source", *held_out, "--out", data)
    changed = [*part.changes, *([] if epochs is None else [f"train.epochs={epochs}"])]
    if epochs is not None and part.first_hints:
        changed.append(f"augment.first_hints={epochs // 2}")
    call("train", part.config, "--data", data, "--out", run,
         *(word for each in changed for word in ("--set", each)))
    call("evaluate", run, "--data", data, "--out", report)
    return run, report


def write_half(network: Path, out: Path) -> None:
    """Writes a Keras file again with its weights in float16, as Keras reads it just the same."""
    with zipfile.ZipFile(network) as source, \
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name in source.namelist():
            content = source.read(name)
            moment = zipfile.ZipInfo(name)  # of no date: the same weights are the same bytes
            moment.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(moment, _halved(content) if name.endswith(".h5") else content)


def _halved(file: bytes) -> bytes:
    small = io.BytesIO()
    with h5py.File(io.BytesIO(file)) as whole, h5py.File(small, "w") as half:
        def copy(name: str, part: h5py.Group | h5py.Dataset) -> None:
            if isinstance(part, h5py.Group):
                made = half.require_group(name)
            else:
                values = np.asarray(part)
                made = half.create_dataset(name, data=values.astype(
                    np.float16 if values.dtype == np.float32 else values.dtype))
            for key, value in part.attrs.items():
                made.attrs[key] = value

        whole.visititems(copy)
    return small.getvalue()


def table(report: Path) -> str:
    """Returns the figures of a model, and of the page without colour, in Markdown."""
    lines = ["| | L1 | CIEDE2000 | colourfulness, of the truth's |", "|---|---:|---:|---:|"]
    for row in json.loads((report / "metrics.json").read_text())["rows"]:
        if not {"points", "corrections"} & row.keys() and (row["run"] or row["model"] in SHOWN):
            figures = (f"{row[name]:.2f} [{', '.join(f'{end:.2f}' for end in row[f'{name}_ci'])}]"
                       for name in ("l1", "ciede2000", "colourfulness_ratio"))
            lines.append(f"| {SHOWN.get(row['model'], 'this model')} | {' | '.join(figures)} |")
    return "\n".join(lines)


def write(made: dict[Part, tuple[Path, Path]], options: argparse.Namespace) -> None:
    """Writes the folder that ships, without what only a training needs."""
    out, counts = options.out, []
    for part, (run, _) in made.items():
        place = out / part.place
        place.mkdir(parents=True, exist_ok=True)
        write_half(run / "generator.keras", place / "generator.keras")
        for name in ("config.toml", "run.json", *(["moods.json"] if part.first_hints else [])):
            shutil.copyfile(run / name, place / name)
        dataset = json.loads((run / "run.json").read_text())["dataset"]
        epochs = len((run / "history.csv").read_text().splitlines()) - 1
        learned = (f"{epochs} epochs of {dataset['counts']['train']} pictures from "
                   f"{len(dataset['sources'])} sources")
        counts.append(f"- `{part.config}` at {part.size}: {learned}; generator "
                      + sha256_of(place / "generator.keras")[:16])
    tables = [table(report) for _, report in made.values()]
    given = [f"--every {options.every}", *(["--test", *options.test] if options.test else []),
             *(["--epochs", *map(str, options.epochs)] if options.epochs else []), "--work work"]
    words = " ".join(["python benchmarks/shipped_model.py", *(
        path.name for path in options.sources)]) + " \\\n        " + " ".join(given)
    card = CARD.read_text().format(networks="\n".join(counts),
                                   gray=tables[0], printed=tables[1],
                                   command=words, provenance=provenance().strip())
    (out / "README.md").write_text(card)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {size / 1e6:.2f} MB")
    if size > MOST:
        raise SystemExit(f"error: {out}: is larger than {MOST / 1e6:g} MB; train narrower networks")


def main() -> None:
    """Parses the command line and makes the model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCE")
    parser.add_argument("--test", nargs="+", default=[], metavar="SOURCE", help="held out, by name")
    parser.add_argument("--every", type=int, default=12, help="of the film's frames (%(default)s)")
    parser.add_argument("--epochs", nargs=2, type=int, metavar=("GRAY", "PRINTED"),
                        help="of the two networks (what their configurations say)")
    parser.add_argument("--work", required=True, type=Path, help="for datasets, runs and reports")
    parser.add_argument("--out", type=Path, default=SHIPPED_MODEL)
    options = parser.parse_args()
    made = {part: make(part, options, epochs)
            for part, epochs in zip(PARTS, options.epochs or (None, None), strict=True)}
    write(made, options)


if __name__ == "__main__":
    main()
