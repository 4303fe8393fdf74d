"""Claims about the commands that make the tables of docs/results.md."""

import subprocess
import sys
from pathlib import Path

import pytest

from keras_colorize import cli, config
from keras_colorize.config import Config

ROOT = Path(__file__).parents[2]


def commands_of(table):
    """The commands of a table, as lists of arguments, as the script prints them."""
    shown = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "results.py", table, "--list", "--comic", "comic",
         "--film", "film.mp4"], capture_output=True, text=True, check=True, cwd=ROOT)
    return [line.split()[2:] for line in shown.stdout.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize("table", ("unseen", "equal_epochs", "choosing", "film",
                                   "film_frames", "printed", "drawn"))
def test_every_command_of_a_table_is_one_that_a_user_could_type(table):
    trained, measured = {}, []
    for arguments in commands_of(table):
        asked = cli._parser().parse_args(arguments)
        if arguments[0] == "train":
            assert isinstance(config.load(asked.config, asked.set), Config)
            settings = tuple(sorted(asked.set))
            assert trained.setdefault(str(asked.out), (asked.config, settings)) == \
                (asked.config, settings)
        if arguments[0] == "evaluate":
            measured += map(str, asked.runs)
    assert set(measured) <= set(trained)
    assert f"`{table}`" in (ROOT / "docs" / "results.md").read_text()
