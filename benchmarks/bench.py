"""All benchmarks of speed and memory in their short form, as one table: `make bench`.

    .venv/bin/python benchmarks/bench.py [NAME ...] [--film FILE]

What they need is drawn first: a film of the demo's cartoon, and a dataset of it. They run one after
the other, each in a process of its own, and nothing else should run beside them. The table goes to
the screen and to `build/bench/FILM/table.md`, with the figures of the last one beside it: the last
on this machine, else those of `benchmarks/last.jsonl`. Ratios are compared, and memory. A row that
is worse than the last by more than a tenth is marked. It is no failure; a benchmark that ends with
an error is one, and the others go on.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from provenance import provenance
from rows import Row, figure, read

HERE = Path(__file__).parent
KEPT = HERE / "last.jsonl"
BUILD = HERE.parent / "build" / "bench"
LONGEST = 600  # seconds: what takes longer hangs
NAMES = ("builder", "input_pipeline", "training", "scribbles", "regions", "runtimes", "colorizer",
         "cluster", "serving")
FALL = 0.1  # of a figure; a larger one is marked
HEADER = ("| benchmark | what | unit | median | least..most | ratio | least..most | goal | last | |"
          "\n|---|---|---|---:|---:|---:|---:|---:|---:|---|")


def run(name: str, command: list[object], log: Path) -> bool:
    """Runs a command whose output goes to a file; prints one line, and returns if all went well."""
    print(f"{name}: ", end="", flush=True)
    begun = time.monotonic()
    with log.open("wb") as output, subprocess.Popen(
            [sys.executable, *map(str, command)], stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True) as process:
        try:
            code = process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            code = f"still running after {LONGEST} s"
        finally:  # with all that it has started
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    print(f"{time.monotonic() - begun:.0f} s" + (
        f", failed: {code if isinstance(code, str) else last_line(log)}; see {log}" if code
        else ""), flush=True)
    return not code


def last_line(log: Path) -> str:
    """Reads what a command said last."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def prepare(names: list[str], folder: Path, film: Path) -> dict[str, list[Path]]:
    """Draws the film and builds the dataset where they are needed and not there yet.

    Returns the arguments of the benchmarks that need one of them.
    """
    data = folder / "dataset"
    arguments = {"builder": [film], "colorizer": [film], "cluster": [film], "training": [data]}
    command = ["-m", "keras_colorize.cli"]
    if arguments.keys() & names and not film.exists():
        run("the film", [*command, "draw-episode", film], folder / "film.log")
    if "training" in names:
        run("the dataset", [*command, "build-tfrecords", film, "--every", 6, "--size", "90x160",
                            "--out", data], folder / "dataset.log")
    return arguments


def measure(names: list[str], folder: Path, film: Path) -> dict[str, list[Row]]:
    """Runs benchmarks and reads the rows of each that went well."""
    arguments, measured = prepare(names, folder, film), {}
    for name in names:
        rows = folder / f"{name}.json"
        rows.unlink(missing_ok=True)
        if run(name, [HERE / f"{name}.py", *arguments.get(name, []), "--short", "--rows", rows],
               folder / f"{name}.log"):
            measured[name] = read(rows)
    return measured


def lines_of(name: str, rows: list[Row], last: list[Row]) -> list[str]:
    """Writes the rows of a benchmark, each beside the last of its name."""
    before, lines = {each.name: each for each in last}, []
    for row in rows:
        other = before.get(row.name)
        share = row.share_of(other) if other else None
        lines.append("| " + " | ".join([
            name, *row.cells, "" if share is None else figure(other.compared),
            f"**worse: {share:.2f}**" if share is not None and share < 1 - FALL else ""]) + " |")
    return lines


def read_last(path: Path) -> tuple[str, dict[str, list[Row]]]:
    """Reads what the last table was measured with, and its rows by benchmark."""
    if not path.exists():
        return "none", {}
    made, *rows = map(json.loads, path.read_text().splitlines())
    last = {}
    for name, values in rows:
        last.setdefault(name, []).append(Row(**values))
    return made, last


def keep(path: Path, made: str, rows: dict[str, list[Row]]) -> None:
    """Writes rows as those of the last table."""
    lines = [made, *([name, asdict(row)] for name, each in rows.items() for row in each)]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")


def has_card() -> bool:
    """Returns whether there is an NVIDIA card."""
    return bool(shutil.which("nvidia-smi")) and subprocess.run(
        ["nvidia-smi", "-L"], capture_output=True).stdout.startswith(b"GPU")


def main() -> int:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}, gpu "
                        "(all; gpu where there is a card)")
    parser.add_argument("--film", type=Path, help="in place of the cartoon")
    options = parser.parse_args()
    if unknown := set(options.names) - {*NAMES, "gpu"}:
        parser.error(f"{', '.join(unknown)}: is no benchmark; give some of {', '.join(NAMES)}, gpu")
    if options.film and not options.film.is_file():
        parser.error(f"--film {options.film}: is no file; name a film, or leave it out")
    film = options.film or BUILD / "episode" / "episode.mp4"
    folder = BUILD / film.stem
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "last.jsonl"
    last_made, last = read_last(kept if kept.exists() else KEPT)
    made = provenance().strip() + f", {film.name}, load before it {os.getloadavg()[0]:.2f}"
    begun = time.monotonic()
    names = options.names or [*NAMES, *(["gpu"] if has_card() else [])]
    measured = measure(names, folder, film)
    lines = [line for name, rows in measured.items()
             for line in lines_of(name, rows, last.get(name, []))]
    table = "\n".join([f"{made}\n\nThe last: {last_made}\n\n{HEADER}", *lines])
    (folder / "table.md").write_text(table + "\n")
    keep(kept, made, last | measured)
    print(f"\n{table}\n\n{sum('**worse' in line for line in lines)} of {len(lines)} rows are worse "
          f"than the last by more than a tenth; {time.monotonic() - begun:.0f} s in all; "
          f"{folder / 'table.md'}")
    if failed := [name for name in names if name not in measured]:
        print(f"error: {', '.join(failed)}: failed; see the lines above", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; run it again, it begins anew")
