"""Rows of figures: measured in turns, printed as a table, and written for `bench.py` to compare."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psutil
from provenance import provenance
from tqdm import tqdm

HEADER = ("| what | unit | median | least..most | ratio | least..most | goal | |\n"
          "|---|---|---:|---:|---:|---:|---:|---|")


@dataclass(frozen=True)
class Row:
    """A figure, taken in several turns."""

    name: str
    unit: str
    """More is better of what ends in "/s", and less of all else."""
    values: Sequence[float]
    ratios: Sequence[float] = ()
    """Each value over what it is compared with, measured in the same turn."""
    goal: float | None = None
    """Of the ratio."""
    note: str = ""

    @property
    def compared(self) -> float | None:
        """The figure that tells something on another machine: the ratio, or memory."""
        if self.ratios:
            return statistics.median(self.ratios)
        return statistics.median(self.values) if self.unit in ("GB", "MB") else None

    def share_of(self, last: "Row") -> float | None:
        """Returns how good it is beside the same row of another time: 1 as good, below 1 worse."""
        if self.compared is None or last.compared is None:
            return None
        share = self.compared / last.compared
        return share if self.unit.endswith("/s") else 1 / share

    @property
    def cells(self) -> list[str]:
        """What a table shows of it, but for the note."""
        return [self.name, self.unit, *_middle(self.values), *_middle(self.ratios),
                "" if self.goal is None else figure(self.goal)]

    def __str__(self) -> str:
        return "| " + " | ".join([*self.cells, self.note]) + " |"


def row(name: str, unit: str, values: Sequence[float], beside: Sequence[float] = (),
        goal: float | None = None, note: str = "") -> Row:
    """Makes a row, with ratios to the values of another if they are given, turn by turn."""
    values, beside = list(values), list(beside)
    if beside in ([], values):  # what the others are compared with
        return Row(name, unit, values, (), goal, note)
    ratios = [one / other for one, other in zip(values, beside, strict=True)]
    return Row(name, unit, values, ratios, goal, note)


def rates(count: float, spent: Iterable[float]) -> list[float]:
    """Turns seconds into how many of so many there were in each."""
    return [count / each for each in spent]


def figure(value: float) -> str:
    """Writes a number with three digits, or all that stand before its point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _middle(values: Sequence[float]) -> tuple[str, str]:
    if not values:
        return "", ""
    spread = f"{figure(min(values))}..{figure(max(values))}" if len(values) > 1 else ""
    return figure(statistics.median(values)), spread


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Measures how long a call takes."""
    begun = clock()
    call()
    return clock() - begun


def in_turns(turns: int, *measures: Callable[[], object], warm: int = 0) -> list[list]:
    """Calls functions one after the other, in so many turns, so that other work hits all alike.

    Returns what each gave, in order of the turns. The first `warm` turns more are not counted.
    """
    answers = [[] for _ in measures]
    with tqdm(total=(warm + turns) * len(measures), unit="turn", delay=2, leave=False) as progress:
        for turn in range(warm + turns):
            for measure, each in zip(measures, answers, strict=True):
                answer = measure()
                if turn >= warm:
                    each.append(answer)
                progress.update()
    return answers


def timed_in_turns(turns: int, *calls: Callable[[], object], warm: int = 0,
                   clock: Callable[[], float] = time.perf_counter) -> list[list[float]]:
    """Measures the seconds of functions, one after the other, in so many turns."""
    return in_turns(turns, *(partial(seconds, call, clock) for call in calls), warm=warm)


def peak_memory(*arguments: object) -> float:
    """Measures the most memory, in GB, that a command and its workers hold together."""
    process = psutil.Popen([sys.executable, "-m", "keras_colorize.cli", *map(str, arguments)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        workers = process.children(recursive=True)
        peak = max(peak, sum(_memory(each, bool(workers)) for each in (process, *workers)))
        time.sleep(0.03)
    if process.returncode:
        raise SystemExit(f"error: keras-colorize {arguments[0]}: failed while its memory was "
                         "measured; run it by itself to see why")
    return peak / 1e9


def _memory(process: psutil.Process, shares: bool) -> int:
    """Returns the bytes a process holds; if it shares some, its part of those, which takes longer.
    """
    try:
        held = process.memory_full_info() if shares else process.memory_info()
    except psutil.Error:  # it has just ended
        return 0
    return getattr(held, "pss", held.rss)


def parse(parser: argparse.ArgumentParser, **short: object) -> argparse.Namespace:
    """Reads the options of a benchmark; `short` are those of its short form, if none are given."""
    chosen = ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in short.items())
    parser.add_argument("--short", action="store_true", help=f"the short form, for `make bench`: "
                        f"{chosen}" if short else "changes nothing: it is short already")
    parser.add_argument("--rows", type=Path, metavar="FILE",
                        help="also write the rows, a line of JSON each")
    if parser.parse_args().short:
        parser.set_defaults(**short)
    return parser.parse_args()


class Table:
    """A table that grows on the screen, and in the file that was asked for.

    Args:
        options: as `parse` gives them.
        about: what was measured, in a line of its own.
    """

    def __init__(self, options: argparse.Namespace, about: str = ""):
        self.path, self.rows = options.rows, []
        self.provenance = provenance()
        print("\n".join(filter(None, [self.provenance.rstrip(), about])) + f"\n\n{HEADER}",
              flush=True)

    def add(self, *rows: Row) -> None:
        """Adds rows."""
        self.rows += rows
        print(*rows, sep="\n", flush=True)
        if self.path:
            self.path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in self.rows))


def read(path: Path) -> list[Row]:
    """Reads the rows that a table has written."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]
