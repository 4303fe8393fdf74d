"""Claims about the table of all benchmarks: what it reads, and what it marks."""

import importlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Imports a benchmark by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_a_row_is_marked_if_it_is_worse_by_more_than_a_tenth_and_not_else(load):
    rows, bench = load("rows"), load("bench")
    for unit, ratio, last, marked in (
            ("frames/s", 0.44, 0.5, True), ("frames/s", 0.46, 0.5, False),
            ("frames/s", 0.6, 0.5, False), ("s", 1.7, 1.5, True), ("s", 1.6, 1.5, False)):
        now, before = (rows.row("page", unit, [10 * each], [10]) for each in (ratio, last))
        line, = bench.lines_of("colorizer", [now], [before])
        assert ("**worse" in line) == marked, line
        assert f"| {last:g} |" in line
    memory, more, slower = (rows.row("memory", unit, [value]) for unit, value in (
        ("GB", 1), ("GB", 1.2), ("pages/s", 0.1)))
    assert "**worse: 0.83**" in bench.lines_of("builder", [more], [memory])[0]
    alone = bench.lines_of("builder", [slower], [rows.row("memory", "pages/s", [1])])[0]
    assert "**" not in alone and bench.lines_of("builder", [more], [])[0].endswith("|  |  |")


def test_rows_of_a_benchmark_are_read_and_kept_as_they_were_printed(load, monkeypatch, tmp_path,
                                                                    capsys):
    regions, rows, bench = load("regions"), load("rows"), load("bench")
    file, kept = tmp_path / "rows.json", tmp_path / "last.jsonl"
    page = np.kron(np.eye(8), np.full((20, 20), 255)).astype(np.uint8)
    monkeypatch.setattr(regions.manga, "draw", lambda number: SimpleNamespace(printed=page))
    monkeypatch.setattr(regions.cv2, "setNumThreads", lambda threads: None)
    monkeypatch.setattr(sys, "argv", ["regions.py", "--turns", "2", "--short", "--rows", str(file)])
    regions.main()
    read = rows.read(file)
    assert [len(each.values) for each in read] == [2, 2]
    assert "\n".join(map(str, read)) in capsys.readouterr().out
    bench.keep(kept, "today, commit 1", {"regions": read})
    assert bench.read_last(kept) == ("today, commit 1", {"regions": read})
    assert bench.read_last(tmp_path / "none") == ("none", {})


def test_a_benchmark_that_fails_gives_one_line_and_is_no_reason_to_stop(load, tmp_path, capsys):
    bench = load("bench")
    log = tmp_path / "log"
    assert not bench.run("builder", ["-c", "print('error: film: is none'); exit(1)"], log)
    assert bench.run("regions", ["-c", ""], log)
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(f"builder: \\d+ s, failed: error: film: is none; see {log}", first)
    assert re.fullmatch(r"regions: \d+ s", second)
