"""Claims about a job's inputs: each file is coloured, or named with the reason why not."""

import io
import json
import os
import zipfile

import manga_pages
import media_files
import numpy as np
import pytest
from PIL import Image

from keras_colorize import cli, colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.errors import SourceError, UsageError
from keras_colorize.image import pixels

MODERN = {"1.avif": "AVIF", "2.jp2": "JPEG2000", "3.jfif": "JPEG", "4.jpe": "JPEG", "5": "PNG"}
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def file_of(form, number=0):
    """A small gray page as a file."""
    file = io.BytesIO()
    page = np.ascontiguousarray(pixels.gray(episode.draw_frame(20 * number))[:75, :110])
    Image.fromarray(page).save(file, form)
    return file.getvalue()


def write_modern(folder):
    folder.mkdir()
    for name, form in MODERN.items():
        (folder / name).write_bytes(file_of(form))
    return folder


def has_color(file):
    return np.ptp(media.picture_of(file, "page"), axis=2).max() > 5


def test_every_picture_is_coloured_and_all_else_is_named(served_model, tmp_path, capfd):
    pages, out = write_modern(tmp_path / "pages"), tmp_path / "out"
    (pages / "6.heic").write_bytes(HEIC)
    (pages / "notes.txt").write_text("hello")
    (pages / "old.rar").write_bytes(b"Rar!")
    with zipfile.ZipFile(pages / "more.zip", "w") as archive:
        archive.writestr("1.png", file_of("PNG"))
    with zipfile.ZipFile(pages / "code.zip", "w") as archive:
        archive.writestr("1.py", "pass")
    assert cli.main(["colorize", str(served_model), str(pages), "--out", str(out)]) == 1
    said = capfd.readouterr()
    assert "6.heic: is a HEIC picture, which is not read; convert it to PNG or JPEG" in said.err
    assert "more.zip: is a ZIP archive, read only as a comic; rename it .cbz" in said.err
    assert "old.rar: is a RAR archive" in said.err
    assert "2 files are no picture, comic or film, and left out: code.zip, notes.txt" in said.out
    for name, form in MODERN.items():
        assert has_color((out / name).read_bytes()), name
        assert Image.open(out / name).format == form
    report = json.loads((out / "report.json").read_text())
    assert report["counts"]["failed"] == 3 and report["passed_over"] == ["code.zip", "notes.txt"]
    assert cli.main(["colorize", str(served_model), str(pages), "--out", str(out)]) == 1


def test_every_page_of_a_modern_book_is_coloured(models, tmp_path):
    with zipfile.ZipFile(tmp_path / "b.cbz", "w") as archive:
        for name, form in MODERN.items():
            archive.writestr(name, file_of(form))
        archive.writestr("6.heic", HEIC)
    report = colorize.colorize(models, [tmp_path / "b.cbz"], tmp_path / "out.cbz")
    assert len(report.failed) == 1 and "6.heic: is a HEIC picture" in report.failed[0]
    with zipfile.ZipFile(tmp_path / "out.cbz") as archive:
        assert archive.namelist() == [*MODERN, "6.heic"] and archive.read("6.heic") == HEIC
        assert all(has_color(archive.read(name)) for name in MODERN)


def test_two_inputs_of_one_output_fail_and_the_rest_goes_on(models, tmp_path):
    pages = write_modern(tmp_path / "pages")
    for name in ("Vol 1.cbz", "Vol 1.pdf", "Vol 1.CBT"):
        (pages / name).write_bytes(b"not read")
    report = colorize.colorize(models, [pages], tmp_path / "out")
    assert len(report.colored) == len(MODERN) and len(report.failed) == 3
    assert all("are both to be" in each for each in report.failed)
    assert not list((tmp_path / "out").glob("Vol*"))


@pytest.mark.parametrize("name", [b"\xff.png", b"caf\xe9/1.png", b"\x83\x5c.cbz", b"\xe9.mp4"])
def test_a_name_that_is_not_utf8_fails_alone(name, models, tmp_path):
    pages = write_modern(tmp_path / "pages")
    place = os.path.join(os.fsencode(pages), name)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "wb") as file:
        file.write(file_of("PNG"))
    report = colorize.colorize(models, [pages], tmp_path / "out")
    assert len(report.colored) == len(MODERN) and len(report.failed) == 1
    assert "has a name that is not UTF-8; rename it" in report.failed[0]
    with pytest.raises(SourceError, match="has a name that is not UTF-8"):
        colorize.colorize(models, [os.fsdecode(place) and type(pages)(os.fsdecode(place))],
                          tmp_path / "alone")
    assert not (tmp_path / "alone").exists()


def test_a_name_that_is_too_long_fails_alone(models, tmp_path):
    pages = write_modern(tmp_path / "pages")
    long = "x" * 251 + ".png"
    (pages / long).write_bytes(file_of("PNG"))
    for name in ("y" * 251 + ".cbz", "z.cbz"):
        with zipfile.ZipFile(pages / name, "w") as archive:
            archive.writestr("1.png", file_of("PNG"))
    report = colorize.colorize(models, [pages], tmp_path / "out")
    assert not report.failed and len(report.colored) == len(MODERN) + 3
    report = colorize.colorize(models, [pages], tmp_path / "webp", colorize.Settings(format="webp"))
    assert len(report.failed) == 1 and f"{long[:-4]}.webp: cannot be written" in report.failed[0]
    assert len(report.colored) == len(MODERN) + 2 and (tmp_path / "webp" / "z.cbz").exists()


@pytest.mark.parametrize(("name", "suffix", "colored"), [
    ("page.png", None, "page_colored.png"), ("page.png", ".webp", "page_colored.webp"),
    ("vol 1.pdf", ".webp", "vol 1_colored.cbz"), ("v1.2.cbz", None, "v1.2_colored.cbz"),
    ("film.mp4", None, "film_colored.mp4"), ("film.ogv", None, "film_colored.mkv"),
    ("pages", None, "pages_colored"), ("odd", None, "odd_colored")])
def test_where_nobody_says_an_output_is_beside_its_input(name, suffix, colored, tmp_path):
    (tmp_path / "pages").mkdir()
    assert colorize.beside(tmp_path / name, suffix) == tmp_path / colored


def test_the_shipped_model_colours_each_kind_of_page_beside_its_input(tmp_path, capfd):
    pages = write_modern(tmp_path / "pages")
    (tmp_path / "page.png").write_bytes(file_of("PNG"))
    sheet, _ = manga_pages.drawn("screentone")
    media.write_picture(tmp_path / "dots.png", sheet.luminance)
    media_files.write_pdf(tmp_path / "volume.pdf", [media.read_picture(tmp_path / "page.png")])
    names = ("page.png", "dots.png", "volume.pdf", "pages")
    before = (tmp_path / "page.png").read_bytes()
    command = ["colorize", *(str(tmp_path / name) for name in names)]
    assert cli.main(command) == 0
    shown = capfd.readouterr().out
    assert "page_colored.png: 1 coloured by shipped_model\n" in shown
    assert "dots_colored.png: 1 coloured by shipped_model/printed" in shown
    assert "pages_colored: 5 coloured by shipped_model" in shown
    assert "this model knows no series" in shown and "keras-colorize learn EPISODES" in shown
    for name in ("page_colored.png", "dots_colored.png"):
        assert has_color((tmp_path / name).read_bytes())
    assert media.open_book(tmp_path / "volume_colored.cbz").names
    assert (tmp_path / "page.png").read_bytes() == before and len(list(pages.iterdir())) == 5
    assert cli.main(command) == 0
    assert capfd.readouterr().out.count("done already") == 4


def test_a_picture_may_become_a_file_of_its_own_format(served_model, tmp_path, error_of):
    models, page = colorize.Models.load(served_model), tmp_path / "page.png"
    page.write_bytes(file_of("PNG"))
    colorize.colorize(models, [page], tmp_path / "one.png")
    assert has_color((tmp_path / "one.png").read_bytes())
    colorize.colorize(models, [page], tmp_path / "two.jpeg", colorize.Settings(format="jpeg"))
    assert has_color((tmp_path / "two.jpeg").read_bytes())
    with pytest.raises(UsageError, match=r"x\.webp: would be of the format \.png; name it so"):
        colorize.colorize(models, [page], tmp_path / "x.webp")
    with pytest.raises(UsageError, match="cannot be made of"):
        colorize.colorize(models, [page], tmp_path / "x.cbz")
    assert cli.main(["colorize", str(served_model), str(page), "--out", f"{tmp_path}/x.webp"]) == 0
    assert (tmp_path / "x.webp").read_bytes()[8:12] == b"WEBP"
    code, error = error_of("colorize", page.with_name("pagge.png"), "--out", tmp_path / "y.png")
    assert code == 1 and f"pagge.png: does not exist; did you mean {page}?" in error
    code, error = error_of("colorize", page, tmp_path, "--hints", page)
    assert code == 2 and "is the hints of one page, and there are 2 inputs" in error


def test_a_model_alone_is_nothing_to_colour(served_model, error_of):
    code, error = error_of("colorize", served_model)
    assert code == 2 and "is a model, and nothing to colour is named" in error


def test_a_model_that_follows_a_page_or_is_misspelt_colours_nothing(served_model, error_of,
                                                                    tmp_path):
    page = tmp_path / "page.png"
    media.write_picture(page, np.full((40, 60), 120, np.uint8))
    code, error = error_of("colorize", page, served_model)
    assert code == 2 and "is a model, and stands among what is to be coloured" in error
    code, error = error_of("colorize", tmp_path / "modle", page)
    assert code == 1 and "modle: does not exist; give pictures" in error
    assert list(tmp_path.iterdir()) == [page]
