"""Claims about what a job may write over, what it refuses first, and what it holds to be done."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_colorize import cli, colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.errors import UsageError
from keras_colorize.image import pixels


def page(number=0):
    """A small gray page."""
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(20 * number))[:75, :110])


@pytest.fixture
def pages(tmp_path):
    """A folder with one gray page."""
    media.write_picture(tmp_path / "pages" / "a.png", page())
    return tmp_path / "pages"


def write_book(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, media.encode_picture(page(number), name[name.rindex("."):]))
    return path


def test_a_file_that_is_none_of_ours_is_not_written_over(models, pages, tmp_path):
    source, mine = write_book(tmp_path / "in.cbz", "1.png"), tmp_path / "mine.cbz"
    mine.write_bytes(b"precious")
    with pytest.raises(UsageError, match=r"mine\.cbz: exists and was not coloured by this"):
        colorize.colorize(models, [source], mine)
    assert mine.read_bytes() == b"precious" and not (tmp_path / "mine.cbz.job").exists()
    colorize.colorize(models, [pages], tmp_path / "out")
    media.write_picture(pages / "b.png", page(1))
    (tmp_path / "out" / "b.png").write_bytes(b"precious")
    with pytest.raises(UsageError, match=r"b\.png: exists and was not coloured by this"):
        colorize.colorize(models, [pages], tmp_path / "out")
    assert (tmp_path / "out" / "b.png").read_bytes() == b"precious"


def test_a_film_that_cannot_be_opened_is_reported_and_the_rest_goes_on(models, pages, tmp_path):
    (pages / "0.mp4").symlink_to(tmp_path / "nowhere.mp4")
    report = colorize.colorize(models, [pages], tmp_path / "out")
    assert len(report.colored) == 1
    assert report.failed == [
        f"{pages / '0.mp4'}: is missing; check it"]


@pytest.mark.parametrize("wrong", [("--codec", "paint"), ("--codec", "aac"), ("--crf", "64"),
                                   ("--crf", "-1"), ("--crf", "good")])
def test_a_mistyped_flag_claims_nothing(wrong, served_model, pages, tmp_path, error_of):
    code, _ = error_of("colorize", served_model, pages, "--out", tmp_path / "out", *wrong)
    assert code == 2 and not (tmp_path / "out").exists()


def test_hints_of_one_page_are_refused_for_several_and_claim_nothing(models, pages, tmp_path):
    strokes = tmp_path / "strokes.png"
    Image.fromarray(np.zeros((75, 110, 4), np.uint8)).save(strokes)
    book = write_book(tmp_path / "in.cbz", "1.png", "2.png")
    media.write_picture(pages / "b.png", page(1))
    for source, out in ((pages, tmp_path / "out"), (book, tmp_path / "out.cbz")):
        with pytest.raises(UsageError, match="is the hints of one page, and there are 2"):
            colorize.colorize(models, [source], out, colorize.Settings(hints=strokes))
    assert not list(tmp_path.glob("out*"))


def test_hints_for_films_alone_are_refused_and_claim_nothing(models, film, tmp_path):
    (tmp_path / "hints").mkdir()
    with pytest.raises(UsageError, match="is a film, and hints are for pages"):
        colorize.colorize(models, [film], tmp_path / "out.mp4",
                           colorize.Settings(hints=tmp_path / "hints"))
    assert not list(tmp_path.glob("out*"))


def test_a_result_that_was_emptied_is_made_again(models, pages, tmp_path):
    write_book(pages / "book.cbz", "1.png")
    out = tmp_path / "out"
    colorize.colorize(models, [pages], out)
    whole = {name: (out / name).read_bytes() for name in ("a.png", "book.cbz")}
    for name in whole:
        (out / name).write_bytes(b"")
    assert colorize.colorize(models, [pages], out).found_done == 0
    assert {name: (out / name).read_bytes() for name in whole} == whole
    assert colorize.colorize(models, [pages], out).found_done == 2


def test_a_failure_of_a_removed_input_is_no_longer_counted(models, pages, tmp_path):
    (pages / "b.png").write_bytes(b"no picture")
    with zipfile.ZipFile(pages / "book.cbz", "w") as archive:
        archive.writestr("1.png", b"no picture")
    assert len(colorize.colorize(models, [pages], tmp_path / "out").failed) == 2
    (pages / "b.png").unlink()
    (pages / "book.cbz").unlink()
    assert not colorize.colorize(models, [pages], tmp_path / "out").failed
    said = json.loads((tmp_path / "out" / "report.json").read_text())
    assert said["counts"]["failed"] == 0 and [each["page"] for each in said["pages"]] == ["a.png"]


def test_a_damaged_entry_stays_as_it_is_and_no_book_is_lost(models, tmp_path):
    source, out = tmp_path / "in.cbz", tmp_path / "out.cbz"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("1.png", media.encode_picture(page()))
        archive.writestr("Thumbs.db", b"hello thumbs" * 5)
    file = bytearray(source.read_bytes())
    file[file.index(b"hello thumbs") + 3] ^= 255
    source.write_bytes(file)
    report = colorize.colorize(models, [source], out)
    assert not report.failed
    line = f"{source / 'Thumbs.db'}: is damaged in its archive, and stays as it is"
    assert line in report.lines(out) and line in (tmp_path / "out.cbz.job/report.html").read_text()
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["1.png", "Thumbs.db"]
        assert np.ptp(media.picture_of(archive.read("1.png"), "1.png"), axis=2).max() > 0
    assert b"hel\x93o thumbshello thumbs" in out.read_bytes()


def test_a_damaged_page_keeps_its_place_and_the_bytes_that_there_are(models, tmp_path):
    source, out = write_book(tmp_path / "in.cbz", "1.png", "2.png", "3.png"), tmp_path / "out.cbz"
    with zipfile.ZipFile(source) as archive:
        stored = archive.read("2.png")
    file = bytearray(source.read_bytes())
    at = file.index(stored)
    file[at + 60] ^= 255
    source.write_bytes(file)
    report = colorize.colorize(models, [source], out)
    assert len(report.failed) == 1 and "2.png: is damaged in its archive" in report.failed[0]
    assert bytes(file[at:at + len(stored)]) in out.read_bytes()
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["1.png", "2.png", "3.png"] and archive.testzip() == "2.png"


def test_pages_that_would_be_one_keep_their_suffix_too(models, tmp_path):
    source, out = write_book(tmp_path / "in.cbz", "c/1.png", "c/1.jpg", "2.png"), tmp_path / "o.cbz"
    colorize.colorize(models, [source], out, colorize.Settings(format="webp", quality=80))
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["c/1.png.webp", "c/1.jpg.webp", "2.webp"]


def test_layers_of_two_pages_do_not_write_over_each_other(models, pages, tmp_path):
    media.write_picture(pages / "a.jpg", page(3))
    media.write_picture(pages / "b.png", page(1))
    out, settings = tmp_path / "out", colorize.Settings(layers=True)
    colorize.colorize(models, [pages], out, settings)
    assert sorted(place.name for place in out.glob("*.ora")) == ["a.jpg.ora", "a.png.ora", "b.ora"]
    before = (out / "b.ora").read_bytes()
    (out / "b.ora").unlink()
    assert colorize.colorize(models, [pages], out, settings).found_done == 2
    assert (out / "b.ora").read_bytes() == before


def test_layers_of_a_book_lie_in_the_jobs_folder(models, tmp_path):
    source, out = write_book(tmp_path / "in.cbz", "c/1.png", "c/1.jpg", "2.png"), tmp_path / "o.cbz"
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "2.ora").write_bytes(b"precious")
    settings = colorize.Settings(layers=True)
    colorize.colorize(models, [source], out, settings)
    assert (tmp_path / "o" / "2.ora").read_bytes() == b"precious"
    layers = tmp_path / "o.cbz.job" / "o.cbz.layers"
    assert sorted(place.relative_to(layers).as_posix() for place in layers.rglob("*.ora")) == [
        "2.ora", "c/1.jpg.ora", "c/1.png.ora"]
    assert colorize.colorize(models, [source], out, settings).found_done == 1
    (layers / "2.ora").unlink()
    colorize.colorize(models, [source], out, settings)
    assert (layers / "2.ora").exists()


def test_one_bad_flag_is_one_line(served_model, pages, tmp_path, capfd):
    assert cli.main(["colorize", str(served_model), str(pages), "--out", str(tmp_path / "out"),
                     "--codec", "paint"]) == 2
    assert "paint: is no encoder that is known here; check --codec" in capfd.readouterr().err
