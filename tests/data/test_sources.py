import os

import numpy as np
import pytest
from media_files import scene

from keras_colorize import media
from keras_colorize.data import sources
from keras_colorize.errors import SourceError, UsageError


@pytest.fixture
def series(tmp_path):
    """A folder of two seasons with a video and a picture each."""
    for season in ("s1", "s2"):
        (tmp_path / "series" / season).mkdir(parents=True)
        (tmp_path / "series" / season / "film.mp4").write_text("not read")
        media.write_picture(tmp_path / "series" / season / "cover.png", scene())
    return tmp_path / "series"


def names_in(*places, skip_bad=False):
    """The names of the sources that are found, and of what was left out."""
    found, failed = sources.find(list(places), skip_bad)
    return [source.name for source in found], failed


def test_linked_folders_are_gone_into_once(series, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "extra.mp4").touch()
    (series / "s3").symlink_to(tmp_path / "elsewhere")
    (series / "s2" / "round").symlink_to(series)
    names, _ = names_in(series)
    assert names == ["s1", "s1/film.mp4", "s2", "s2/film.mp4", "s3/extra.mp4"]


def test_what_is_given_twice_is_refused_whatever_it_is_called(series, tmp_path):
    (tmp_path / "link.mp4").symlink_to(series / "s1" / "film.mp4")
    for other in (series, series / "s1", series / "s1" / "film.mp4", tmp_path / "link.mp4"):
        with pytest.raises(UsageError, match="is given twice, as s1"):
            sources.find([series, other])


def test_two_sources_of_one_name_are_refused(series):
    with pytest.raises(UsageError, match=r"film\.mp4: is the name of 2 sources; rename one"):
        sources.find([series / "s1", series / "s2"])


def test_pipes_are_passed_over(series):
    os.mkfifo(series / "s1" / "pipe.mp4")
    os.mkfifo(series / "s1" / "pipe.gif")
    (series / "s1" / "link.mp4").symlink_to("pipe.mp4")
    assert names_in(series / "s1")[0] == ["film.mp4", "s1"]
    with pytest.raises(SourceError, match=r"pipe\.mp4: is neither a file nor a folder"):
        sources.find([series / "s1" / "pipe.mp4"])


def test_a_link_to_itself_is_no_place_and_within_a_folder_a_bad_source(tmp_path):
    (tmp_path / "film.mp4").symlink_to("film.mp4")
    with pytest.raises(SourceError, match=r"film\.mp4: is neither a file nor a folder"):
        sources.find([tmp_path / "film.mp4"])
    assert names_in(tmp_path)[0] == ["film.mp4"]


@pytest.mark.parametrize("name", [b"caf\xe9.mp4", b"caf\xe9.png", b"caf\xe9/film.mp4"])
def test_a_name_that_is_not_utf8_is_told_or_left_out(name, series):
    path = os.path.join(os.fsencode(series), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        open(path, "wb").close()
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(SourceError, match=r"caf\\udce9.*: has a name that is not UTF-8; rename it"):
        sources.find([series])
    names, failed = names_in(series, skip_bad=True)
    assert len(names) == 4 and len(failed) == 1
    assert "has a name that is not UTF-8" in str(failed).encode().decode()


def test_a_folder_that_cannot_be_read_is_told_or_left_out(series, monkeypatch):
    (series / "s2").chmod(0)
    if os.access(series / "s2", os.R_OK):  # as this user may read all
        scandir = os.scandir

        def refusing(path):
            if str(path).endswith("s2"):
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceError, match=r"s2: cannot be read \(Permission denied\); check its"):
        sources.find([series])
    names, failed = names_in(series, skip_bad=True)
    assert names == ["s1", "s1/film.mp4"] and list(failed) == ["s2"]
    assert names_in(series / "s2", skip_bad=True) == ([], {"s2": failed["s2"]})
    (series / "s2").chmod(0o755)


def test_every_picture_is_taken_and_all_else_is_named(series):
    folder = series / "s1"
    cover = (folder / "cover.png").read_bytes()
    for name in ("page", "page.001", "b.jfif"):
        (folder / name).write_bytes(cover)
    (folder / "c.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (folder / "notes.txt").write_text("hello")
    (folder / "disc.VOB").write_text("not read")
    (folder / "old.rar").write_bytes(b"Rar!")
    found, failed = sources.find([folder], skip_bad=True)
    assert [source.name for source in found] == ["disc.VOB", "film.mp4", "s1"]
    assert [path.name for path in found[2].pictures] == ["b.jfif", "c.heic", "cover.png", "page",
                                                         "page.001"]
    assert list(failed) == ["old.rar"] and "is a RAR archive" in failed["old.rar"]
    assert sources.passed_over([folder]) == ["notes.txt"]
    assert sources.left_out(["notes.txt"]) == \
        "1 file is no picture, comic or film, and left out: notes.txt"


@pytest.mark.parametrize(("shape", "kept", "skipped"), [
    ((1600, 20), 0, {"narrow strip": 1}), ((20, 1600), 0, {"narrow strip": 1}),
    ((9000, 79), 0, {"narrow strip": 1}), ((44, 800), 0, {"narrow strip": 1}),
    ((20, 30), 1, {}), ((44, 79), 1, {}), ((1401, 992), 5, {}),
    ((9000, 160), 100, {"windows beyond 100 of a page": 99})])
def test_no_ornament_and_no_page_makes_up_a_dataset(shape, kept, skipped, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    media.write_picture(tmp_path / "1.png", picture)
    counts = sources.Counts()
    found = list(sources.FolderSource("folder", tmp_path, (tmp_path / "1.png",)).samples(
        sources.Sampling(), counts))
    assert len(found) == counts.kept == kept and counts.skipped == skipped
    if kept == 100:
        assert (found[0].picture[0] == picture[0]).all()
        assert (found[-1].picture[-1] == picture[-1]).all()
