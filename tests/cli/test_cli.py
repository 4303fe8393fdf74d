import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import TINY, command, heed_ctrl_c, wait_for

from keras_colorize import cli, media
from keras_colorize.cli import commands

BIN = Path(cli.__file__).parents[2] / "bin"
COMMANDS = [name for name, *_ in commands.COMMANDS]
OVERRIDES = [part for override in TINY for part in ("--set", override)]


def test_help_answers_in_under_half_a_second():
    def seconds():
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "keras_colorize.cli", "--help"], check=True,
                       capture_output=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.5


def test_help_imports_nothing_heavy():
    code = ("import sys, contextlib\nfrom keras_colorize import cli\n"
            "with contextlib.suppress(SystemExit): cli.main(['--help'])\n"
            "print({'tensorflow', 'keras', 'numpy', 'cv2'} & set(sys.modules))")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_version(name, capsys):
    for flag, text in (("--help", "usage: "), ("--version", "keras-colorize 0.")):
        with pytest.raises(SystemExit) as stop:
            cli.main([name, flag])
        assert stop.value.code == 0 and text in capsys.readouterr().out


@pytest.mark.parametrize("name", ["build_tfrecords", "train", "evaluate", "export", "colorize"])
def test_each_launcher_is_its_command(name):
    answer = subprocess.run([BIN / name, "--help"], capture_output=True, text=True)
    assert answer.stdout.startswith(f"usage: keras-colorize {name.replace('_', '-')}")


@pytest.mark.parametrize(("arguments", "message"), [
    (["build-tfrecords", "x.mp4"], "required: --out"),
    (["build-tfrecords", "x.mp4", "--out", "d", "--size", "180"], "'180' is not HEIGHTxWIDTH"),
    (["build-tfrecords", "x.mp4", "--out", "d", "--size", "32x32"], "at least 64x64"),
    (["build-tfrecords", "x.mp4", "--out", "d", "--size", "4097x64"], "at most 4096x4096"),
    (["build-tfrecords", "x.mp4", "--out", "d", "--every", "0"], "not a whole number from 1 up"),
    (["train", "gan_grey", "--data", "d", "--out", "r"], "gan_grey: is neither a file nor"),
    (["train", "gan_gray", "--data", "d", "--out", "r", "--set", "train.epoch=1"],
     "unknown key 'epoch'; did you mean 'epochs'?"),
    (["colorize", "model", "page.png", "--out", "colored.zip"], "names an archive that is"),
    (["colorize", "model", "page.png", "--out", "d", "--scale", "2"], "not a number above 0"),
    (["colorize", "model", "page.png", "--out", "d", "--quality", "9"], "is of JPEG and WebP"),
    (["colorize", "page.png", "--satuation=2"], "did you mean --saturation?; see keras-colorize"),
    (["colorize", "page.png", "--mod", "3"], "arguments: --mod 3; did you mean --mood?"),
    (["paint"], "invalid choice: 'paint'"),
    (["colorise"], "did you mean colorize?"),
    (["colorize", "page.png", "--minutes", "5"], "arguments: --minutes 5; see keras-colorize"),
    ([], "required: COMMAND"),
])
def test_wrong_use_is_one_line_and_exit_2(arguments, message):
    answer = command(*arguments)
    assert answer.returncode == 2 and answer.stderr.startswith("error: ")
    assert message in answer.stderr and answer.stderr.count("\n") == 1


@pytest.fixture
def places(tmp_path, film):
    """Sources that cannot be read, by name."""
    whole = film.read_bytes()
    (tmp_path / "empty_folder").mkdir()
    (tmp_path / "not_a_video.mp4").write_text("I am a poem.")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "truncated.mp4").write_bytes(whole[:len(whole) // 2])
    (tmp_path / "poem.txt").write_text("I am a poem.")
    return tmp_path


@pytest.mark.parametrize(("name", "message"), [
    ("missing.mp4", "missing.mp4: does not exist; give videos"),
    ("empty_folder", "empty_folder: holds no video and no picture; known suffixes"),
    ("not_a_video.mp4", "not_a_video.mp4: cannot be decoded (Invalid data"),
    ("empty.mp4", "empty.mp4: cannot be decoded"),
    ("truncated.mp4", "truncated.mp4: cannot be decoded"),
    ("poem.txt", "poem.txt: is neither a video nor a comic (by its suffix); give videos"),
])
def test_a_bad_source_is_one_line_and_exit_1_and_leaves_no_dataset(name, message, places, error_of):
    code, error = error_of("build-tfrecords", places / name, "--out", places / "out",
                           "--size", "64x96")
    assert code == 1 and message in error
    assert not (places / "out").exists()


@pytest.mark.parametrize(("suffix", "message"), [
    (".avi", r"is cut short: \d+ of 624 declared frames"),
    (".mkv", r"is cut short: it ends at \d+ of 26 seconds"),
])
def test_a_video_that_decodes_but_ends_early_is_told(suffix, message, tmp_path, error_of):
    whole, cut = tmp_path / f"film{suffix}", tmp_path / f"cut{suffix}"
    _write_mpeg4(whole, 624)
    cut.write_bytes(whole.read_bytes()[:whole.stat().st_size // 2])
    code, error = error_of("build-tfrecords", cut, "--out", tmp_path / "out", "--size", "64x96")
    assert code == 1 and re.search(message, error), error
    assert not (tmp_path / "out").exists()
    assert sum(1 for _ in media.read_video(whole)) == 624


def _write_mpeg4(path: Path, frames: int) -> None:
    """A small film at 24 frames a second in a codec that any container takes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height = 96, 64
        for number in range(frames):
            picture = np.full((64, 96, 3), number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())


def test_a_full_disk_is_one_line_and_leaves_nothing_under_the_final_name(tmp_path):
    arguments = ["draw-episode", str(tmp_path / "episode.mp4")]
    code = ("import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); "
            "from keras_colorize import cli; "
            f"raise SystemExit(cli.main({arguments!r}))")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    errors = [line for line in answer.stderr.splitlines() if "error: " in line]
    assert answer.returncode == 1 and len(errors) == 1, answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.iterdir())


def test_an_unreadable_folder_is_named(tmp_path, error_of):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000)
    if os.access(folder, os.R_OK):
        pytest.skip("this user may read every folder")
    code, error = error_of("build-tfrecords", folder, "--out", tmp_path / "out")
    assert code == 1 and "closed: cannot be read" in error


def test_an_output_with_other_settings_is_exit_2_and_stays(film, data_dir, runs, error_of):
    before = (data_dir / "dataset.json").read_bytes()
    code, error = error_of("build-tfrecords", film, "--out", data_dir, "--size", "64x96",
                           "--every", "30")
    assert code == 2 and "made from other sources or with other settings" in error
    assert (data_dir / "dataset.json").read_bytes() == before
    code, error = error_of("train", "cpu/gan_gray", "--data", data_dir, "--out", runs["gan_gray"])
    assert code == 2 and "is a run with another configuration" in error


def test_an_output_that_is_an_input_is_refused(film, error_of):
    for out in (film, film.parent / "dataset"):
        code, error = error_of("build-tfrecords", film, film.parent, "--out", out)
        assert code == 2 and "is within the input" in error


def test_a_dataset_that_is_none_is_exit_1(tmp_path, runs, error_of):
    for arguments in (["train", "gan_gray", "--out", tmp_path / "run"],
                      ["evaluate", runs["gan_gray"], "--out", tmp_path / "report"]):
        code, error = error_of(*arguments, "--data", tmp_path)
        assert code == 1 and "holds no dataset.json" in error
    assert not list(tmp_path.iterdir())


def test_inspect_shows_a_dataset_and_names_a_corrupt_shard(data_dir, tmp_path, capfd, error_of):
    copy = shutil.copytree(data_dir, tmp_path / "data")
    assert cli.main(["inspect", str(copy)]) == 0
    shown = capfd.readouterr().out
    assert "every record is whole; 64x96, split by shot" in shown and "colourfulness" in shown
    assert media.read_picture(copy / "inspection" / "train.png").shape[1] > 500
    shard = next(copy.glob("test-*"))
    shard.write_bytes(shard.read_bytes()[:-3] + b"xyz")
    code, error = error_of("inspect", copy)
    assert code == 1 and re.search(rf"{shard.name}: is corrupt at byte \d+, where", error)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, film, error_of):
    (tmp_path / "file").touch()
    code, error = error_of("draw-episode", tmp_path / "file" / "episode.mp4")
    assert code == 1 and error.startswith("error: ") and "file" in error


def test_ctrl_c_is_one_line_and_leaves_nothing_under_the_final_name(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_colorize.cli", "draw-episode", str(tmp_path / "episode.mp4")],
        stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_ctrl_c)
    wait_for(lambda: list(tmp_path.iterdir()), process)
    process.send_signal(signal.SIGINT)
    error = process.communicate()[1]
    assert process.returncode == 1
    assert error.splitlines()[-1] == \
        "error: stopped: interrupted; run the same command to continue"
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_the_whole_way_through_bin(film, tmp_path, monkeypatch, capfd):
    def run(name, *arguments):
        if name in ("build_tfrecords", "train"):  # a fresh Python for each would take too long
            return subprocess.run([BIN / name, *map(str, arguments)], capture_output=True,
                                  text=True)
        return command(name, *arguments)

    monkeypatch.chdir(tmp_path)
    steps = (("build_tfrecords", film, "--every", 20, "--size", "64x96", "--out", "data"),
             ("train", "cpu/gan_gray", "--data", "data", "--out", "run", *OVERRIDES),
             ("evaluate", "run", "--data", "data", "--out", "report"),
             ("export", "run", "--out", "model"),
             ("colorize", "model", "data/samples.png", "--out", "colored"))
    for step in steps:
        answer = run(*step)
        assert answer.returncode == 0, answer.stderr
        assert not re.search(r"WARNING|^[IWE]0000", answer.stderr, re.MULTILINE)
    assert (tmp_path / "colored" / "samples.png").is_file()
    for name, *arguments in steps:
        capfd.readouterr()
        assert cli.main([name.replace("_", "-"), *map(str, arguments)]) == 0
        assert "already" in capfd.readouterr().out
