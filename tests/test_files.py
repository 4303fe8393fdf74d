import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from keras_colorize.errors import RunError, SourceError, UsageError
from keras_colorize.files import locked, read_json, reading, whole_file, whole_folder, write_json


@dataclass
class Start:
    from_step: int
    time: str = ""


def test_json_is_read_into_a_type_that_drops_what_it_does_not_know(tmp_path):
    write_json(tmp_path / "start.json", {"from_step": 3, "time": "noon", "host": "here"})
    assert read_json(tmp_path / "start.json", Start, RunError, "train again") == Start(3, "noon")
    assert read_json(tmp_path / "start.json", dict, RunError, "train again")["host"] == "here"


def test_what_write_json_writes_is_read_again_even_nan_and_names_of_bytes(tmp_path):
    value = {"psnr": float("inf"), "name": "caf\udce9.png"}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json", dict, RunError, "train again") == value


@pytest.mark.parametrize("content", ["", "[]", "{", '{"from_step": "3"}', '{"time": ""}', "\xff"])
def test_json_that_is_damaged_or_missing_is_one_error_that_names_the_file(content, tmp_path):
    path = tmp_path / "start.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(RunError, match=r"start\.json: is damaged \(.+\); train again$"):
        read_json(path, Start, RunError, "train again")
    path.unlink()
    with pytest.raises(RunError, match=r"start\.json: is missing; train again$"):
        read_json(path, Start, RunError, "train again")


def test_a_file_that_cannot_be_read_is_an_error_that_says_why(tmp_path):
    with pytest.raises(SourceError, match=r"cannot be read \(Is a directory\); check it$"), \
            reading(tmp_path):
        tmp_path.read_bytes()


HOLDER = """
import sys, time
from pathlib import Path
from keras_colorize.files import locked
with locked(Path(sys.argv[1]), sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_names_its_holder_and_falls_when_that_is_killed(tmp_path):
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    for _ in range(2):  # a process that is refused leaves the name of the holder
        with pytest.raises(UsageError, match=f"by process {holder.pid} on .*; wait for it"), \
                locked(path, path):
            pytest.fail("two processes hold the lock")
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with locked(path, path):
        assert path.read_text().startswith(f"{os.getpid()} on ")
    with locked(path, path):
        pass


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "." + "x" * 254, "x." + "y" * 253,
                                  "\u8868" * 84 + ".7z"])
def test_a_name_as_long_as_the_disk_takes_is_written(name, tmp_path):
    with whole_file(tmp_path / name) as temporary:
        temporary.write_text("whole")
        assert len(os.fsencode(temporary.name)) < 50
    assert (tmp_path / name).read_text() == "whole"
    (tmp_path / name).unlink()
    with whole_folder(tmp_path / name) as temporary:
        (temporary / "a").touch()
    assert [path.name for path in tmp_path.iterdir()] == [name]
