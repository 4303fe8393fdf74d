"""Provenance: the line that says what a benchmark's figures were measured with."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path


def provenance() -> str:
    """Returns the date, commit, processor and versions."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            cwd=Path(__file__).parent).stdout.strip() or "no commit"
    versions = ", ".join(f"{name} {version(name)}" for name in
                         ("tensorflow", "keras", "numpy", "opencv-python-headless", "av"))
    return (f"{datetime.date.today()}, commit {commit}, {_processor()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, {versions}\n")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
                platform.machine())
