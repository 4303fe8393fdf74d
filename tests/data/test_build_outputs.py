"""Where a dataset may go, what is found there, and the lines that tell when it cannot be made."""

import io
import os
import shutil
import tarfile
import threading
import warnings
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from conftest import files_of
from media_files import scene
from PIL import Image

from keras_colorize import cli, media
from keras_colorize.cartoon import episode
from keras_colorize.data import build, build_workers
from keras_colorize.data.build_workers import Stage
from keras_colorize.data.sources import FolderSource, Sampling
from keras_colorize.errors import DatasetError, SourceError, UsageError

SETTINGS = build.Settings(Sampling(size=(64, 96)), "frame")


@pytest.fixture
def panels(tmp_path):
    """A folder of ten pictures."""
    for number in range(10):
        media.write_picture(tmp_path / "panels" / f"{number}.png", scene(number))
    return tmp_path / "panels"


@pytest.mark.parametrize("target", ["empty", "absent"])
def test_an_output_that_is_a_link_is_made_where_it_leads(target, panels, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").symlink_to(target)
    build.build([panels], tmp_path / "out", SETTINGS)
    build.build([panels], tmp_path / "plain", SETTINGS)
    assert (tmp_path / "out").is_symlink()
    assert files_of(tmp_path / target) == files_of(tmp_path / "plain")


def test_an_output_that_cannot_be_is_refused_at_once(panels, tmp_path):
    (tmp_path / "out").symlink_to("out")
    for out, line in ((tmp_path / "out", "out: is a link to itself; name another --out"),
                      (tmp_path / os.fsdecode(b"caf\xe9"), r"caf\\udce9: is a name that is not")):
        with pytest.raises(UsageError, match=line):
            build.build([panels], out, SETTINGS)
    assert {path.name for path in tmp_path.iterdir()} == {"panels", "out"}


@pytest.mark.parametrize("inner", [".", "sub"])
def test_an_input_within_the_folder_of_a_build_is_not_removed(inner, panels, tmp_path):
    place = tmp_path / ".out.partial" / inner
    shutil.copytree(panels, place)
    before = files_of(place)
    with pytest.raises(UsageError, match=r"out: is made in .*out\.partial, where the input .* is"):
        build.build([place], tmp_path / "out", SETTINGS)
    assert files_of(place) == before


def test_a_dataset_that_was_damaged_is_not_found_whole(panels, tmp_path):
    out = tmp_path / "out"
    build.build([panels], out, SETTINGS)
    shard = next(out.glob("test-*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=f"{shard.name}: is corrupt.*; remove {out}, then run"):
        build.build([panels], out, SETTINGS)
    shard.unlink()
    with pytest.raises(DatasetError, match=f"{shard.name}: is missing; remove {out}, then run"):
        build.build([panels], out, SETTINGS)


def test_options_that_leave_nothing_are_named(tmp_path):
    media.write_picture(tmp_path / "gray" / "1.png", np.full((64, 96, 3), 90, np.uint8))
    line = r"give no picture \(left out: 1 gray\); run again without --drop-gray"
    with pytest.raises(DatasetError, match=line):
        build.build([tmp_path / "gray"], tmp_path / "out",
                      build.Settings(Sampling(size=(64, 96), drop=("black", "gray"))))


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_source_that_cannot_be_opened_is_told_with_what_to_do(skip_bad, tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "film.mp4").symlink_to("nowhere.mp4")
    line = r"film\.mp4: is missing; check it"
    with pytest.raises(SourceError, match=line):
        build.build([tmp_path / "films"], tmp_path / "out", SETTINGS, skip_bad=skip_bad)


def test_an_early_error_stands_on_a_line_of_its_own(panels, tmp_path, capfd):
    stages = [Stage(FolderSource(name, panels, ()), name, SETTINGS.sampling, tmp_path)
              for name in ("bad", "good")]
    bad, good = Future(), Future()
    bad.set_exception(SourceError("bad", "is no picture", "give one"))
    good.set_running_or_notify_cancel()
    threading.Timer(0.2, good.set_result, ["staged"]).start()
    errors = build._wait_for(dict(zip((bad, good), stages, strict=True)), dict.fromkeys(stages),
                             skip_bad=False)
    assert list(errors) == stages[:1]
    assert capfd.readouterr().err.strip("\r ") == \
        "bad: is no picture; finishing what is under way\n"


def test_a_files_name_breaks_no_line(tmp_path, error_of):
    (tmp_path / "a\nb.mp4").write_text("I am a poem.")
    code, error = error_of("build-tfrecords", tmp_path / "a\nb.mp4", "--out", tmp_path / "out")
    assert code == 1 and r"a\nb.mp4: cannot be decoded" in error


def test_a_folder_left_out_is_told_again_and_fails_again(panels, tmp_path, capfd):
    path = os.fsdecode(os.path.join(os.fsencode(panels), b"caf\xe9.mp4"))
    open(path, "wb").close()
    options = ["build-tfrecords", str(panels), "--out", str(tmp_path / "out"), "--size", "64x96",
               "--split-by", "frame", "--skip-bad"]
    for _ in range(2):
        assert cli.main(options) == 1
        lines = capfd.readouterr().err.splitlines()  # on a slow machine progress too
        error, = (line for line in lines if line.startswith("error: "))
        assert error.endswith(r"caf\udce9.mp4: has a name that is not UTF-8; rename it")


@pytest.fixture
def at_once(monkeypatch):
    """Lets builds work in this process, which takes no time to start."""
    monkeypatch.setattr(build_workers, "processes", ThreadPoolExecutor)


def file_of(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(("options", "ends"), [
    (["--split-by", "source"], "by source leaves the validation set empty"),
    (["--drop-gray"], "give no picture (left out: 1 gray)"),
    (["--test", "book.cbz"], "leaves the"),
])
def test_what_was_left_out_is_named_also_where_the_build_ends_with_an_error(
        options, ends, at_once, tmp_path, capfd):
    folder = tmp_path / "series"
    folder.mkdir()
    with zipfile.ZipFile(folder / "book.cbz", "w") as book:
        book.writestr("1.png", file_of(np.full((64, 96, 3), 200, np.uint8)))
        book.writestr("2.png", b"poem")
    (folder / "torn.mp4").write_bytes(b"poem")
    (folder / "notes.txt").write_bytes(b"poem")
    assert cli.main(["build-tfrecords", str(folder), "--out", str(tmp_path / "out"), "--size",
                     "64x96", "--workers", "1", *options, "--skip-bad"]) == 1
    printed = capfd.readouterr()
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3 and ends in errors[-1]
    assert "torn.mp4: cannot be decoded" in errors[0] and "book.cbz/2.png: cannot be" in errors[1]
    assert "1 file is no picture, comic or film, and left out: notes.txt" in printed.out
    assert not (tmp_path / "out").exists()


def test_what_is_odd_in_a_book_is_noted_as_in_colouring(at_once, tmp_path, capfd):
    pages = [file_of(episode.draw_frame(40 * number)[:64, :96]) for number in range(10)]
    places = [tmp_path / "one.cbz", tmp_path / "tar.cbz", tmp_path / "outside.cbz"]
    with warnings.catch_warnings(), zipfile.ZipFile(places[0], "w") as book:
        warnings.simplefilter("ignore", UserWarning)  # of the second file of one name
        for name, page in zip(("1.png", "1.png", "/2.png", "../3.png", *"456789"), pages,
                              strict=True):
            book.writestr(name, page)
        for _ in range(2):
            book.writestr("ComicInfo.xml", b"<ComicInfo/>")
    with tarfile.open(places[1], "w") as tar:
        tar.addfile(tarfile.TarInfo("1.png"))
    with zipfile.ZipFile(places[2], "w") as book:
        book.writestr("../1.png", pages[0])
    assert cli.main(["build-tfrecords", *map(str, places), "--out", str(tmp_path / "out"), "--size",
                     "64x96", "--workers", "1", "--split-by", "frame", "--skip-bad"]) == 1
    printed = capfd.readouterr()
    for line in ("one.cbz: 9 kept of 10 decoded (1 unreadable left out)",
                 "one.cbz/1~2.png: is the name here of a second file of one name",
                 "one.cbz/2.png: was named from the root of a disk, and no longer is"):
        assert printed.out.count(line) == 1
    assert "ComicInfo" not in printed.out  # nothing but pages is learned from
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    for line in ("one.cbz/__/3.png: is named '../3.png', which points outside of its archive",
                 "tar.cbz: is a tar archive, which is not read; unpack it and zip its pictures",
                 "outside.cbz: holds '../1.png', which points outside"):
        assert sum(line in error for error in errors) == 1, line
