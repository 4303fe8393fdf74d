import io
import json
import zipfile

import numpy as np
import pytest
from conftest import wait_for
from media_files import BAD_COMICS, write_pdf
from PIL import Image
from warm_process import Command

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.errors import UsageError
from keras_colorize.image import line_lock, pixels

INFO = b"<ComicInfo><Series>Pepper</Series></ComicInfo>"


def page(number, size=(150, 110)):
    """A gray page."""
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(20 * number))[:size[0], :size[1]])


def write_book(path, count=4, bad=()):
    """Pages in two chapters out of order, one of them in colour, and what else comics hold."""
    names = [f"chapter {2 - number % 2}/page{number}.{'jpg' if number == 1 else 'png'}"
             for number in range(count)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"scanned with love"
        archive.writestr(zipfile.ZipInfo("ComicInfo.xml", (2020, 1, 2, 3, 4, 6)), INFO,
                         zipfile.ZIP_DEFLATED)
        for number, name in enumerate(names):
            file = io.BytesIO()
            picture = episode.draw_frame(5) if number == 2 else page(number)
            Image.fromarray(picture).save(file, "JPEG" if number == 1 else "PNG")
            whole = file.getvalue()
            archive.writestr(zipfile.ZipInfo(name, (2021, 5, 6, 7, 8, 10)),
                             b"no picture" if number in bad else whole)
        archive.writestr("credits/notes.txt", "thanks")
    return names


def test_a_cbz_keeps_its_order_names_folders_and_all_else(models, tmp_path):
    source, out = tmp_path / "book.cbz", tmp_path / "colored.cbz"
    names = write_book(source)
    report = colorize.colorize(models, [source], out)
    assert not report.failed and len(report.colored) == 4
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out) as new:
        assert new.namelist() == old.namelist() and new.comment == old.comment
        assert [entry.date_time for entry in new.infolist()] == \
            [entry.date_time for entry in old.infolist()]
        for same in ("ComicInfo.xml", "credits/notes.txt", names[2]):
            assert new.read(same) == old.read(same)
        for number in (0, 3):
            colored = media.picture_of(new.read(names[number]), names[number])
            assert line_lock.largest_change(page(number), colored) <= 1
            assert np.ptp(colored, axis=2).max() > 5
        with Image.open(io.BytesIO(new.read(names[1]))) as jpeg:
            assert jpeg.format == "JPEG" and jpeg.mode == "RGB"
    pages = json.loads((tmp_path / "colored.cbz.job" / "report.json").read_text())["pages"]
    assert [each.get("kind") for each in pages] == ["book", "gray", "gray", "gray", "color"] or \
        sorted(each["kind"] for each in pages) == ["book", "color", "gray", "gray", "gray"]
    assert colorize.colorize(models, [source], out).found_done == 1


def test_a_chosen_format_renames_the_pages(models, tmp_path):
    source, out = tmp_path / "book.cbz", tmp_path / "colored.cbz"
    names = write_book(source)
    colorize.colorize(models, [source], out, colorize.Settings(format="webp", quality=60))
    with zipfile.ZipFile(out) as new:
        assert set(new.namelist()) == {"ComicInfo.xml", "credits/notes.txt",
                                       *(f"{name[:-4]}.webp" for name in names)}
        with Image.open(io.BytesIO(new.read(f"{names[0][:-4]}.webp"))) as page_of:
            assert page_of.format == "WEBP"


def test_a_bad_page_is_a_line_of_the_report_and_stays_as_it_was(models, tmp_path):
    source, out = tmp_path / "book.cbz", tmp_path / "colored.cbz"
    names = write_book(source, bad=(3,))
    report = colorize.colorize(models, [source], out)
    assert len(report.failed) == 1 and "cannot be read as a picture" in report.failed[0]
    with zipfile.ZipFile(out) as new:
        assert new.read(names[3]) == b"no picture" and len(new.namelist()) == 6
    assert "cannot be read" in (tmp_path / "colored.cbz.job" / "report.html").read_text()


def test_a_killed_book_goes_on_and_ends_with_the_same_bytes(models, runs, tmp_path):
    source, out = tmp_path / "book.cbz", tmp_path / "colored.cbz"
    write_book(source, 40)
    colorize.colorize(models, [source], tmp_path / "whole.cbz")
    process = Command("colorize", runs["gan_gray"], source, "--out", out)
    parts, journal = (tmp_path / "colored.cbz.job" / name for name in (".parts", "colorize.jsonl"))
    wait_for(lambda: journal.exists() and journal.read_text().count('"page"') >= 4, process)
    process.kill()
    process.wait()
    assert not out.exists()
    report = colorize.colorize(models, [source], out)
    assert 0 < len(report.colored) <= 36 and len(report.colored) + report.found_done == 40
    assert out.read_bytes() == (tmp_path / "whole.cbz").read_bytes() and not parts.exists()


@pytest.mark.parametrize("name", sorted(set(BAD_COMICS) - {"comic.zip", "bad_page.cbz",
                                                           "damaged.cbz", "escaping.cbz"}))
def test_a_comic_that_is_not_read_is_one_line(name, models, tmp_path):
    write, message = BAD_COMICS[name]
    write(tmp_path / name)
    report = colorize.colorize(models, [tmp_path / name], tmp_path / "out")
    assert len(report.failed) == 1 and message in report.failed[0]
    assert not list((tmp_path / "out").glob("*.cbz"))


def test_a_pdf_becomes_a_cbz_at_its_pictures_own_resolution(models, tmp_path):
    source, out = tmp_path / "book.pdf", tmp_path / "book.cbz"
    pictures = [page(0), page(1, (301, 211)), page(2, (97, 140))]
    write_pdf(source, pictures)
    report = colorize.colorize(models, [source], out)
    assert not report.failed
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["page001.png", "page002.png", "page003.png"]
        for name, picture in zip(archive.namelist(), pictures, strict=True):
            colored = media.picture_of(archive.read(name), name)
            assert colored.shape[:2] == picture.shape
            assert np.abs(pixels.gray(colored).astype(int) - picture).mean() < 2


def test_an_encrypted_pdf_is_one_line(models, tmp_path):
    """Of the standard handler, for whose key a password is wanted that opens nothing here."""
    write_pdf(tmp_path / "open.pdf", [page(0)])
    file = (tmp_path / "open.pdf").read_bytes()
    key = b"A" * 32
    locked = (b"trailer\r\n<</Encrypt <</Filter/Standard/V 1/R 2/P -4/O(%s)/U(%s)>>" %
              (key, key))
    assert file.count(b"trailer\r\n<<") == 1
    (tmp_path / "locked.pdf").write_bytes(file.replace(b"trailer\r\n<<", locked))
    report = colorize.colorize(models, [tmp_path / "locked.pdf"], tmp_path / "out")
    assert report.failed == [f"{tmp_path / 'locked.pdf'}: is encrypted; save it again without a "
                             "password"]


def test_a_comic_and_pictures_go_into_one_folder(models, tmp_path):
    folder = tmp_path / "series"
    (folder / "one").mkdir(parents=True)
    write_book(folder / "one" / "book.cbz")
    write_pdf(folder / "two.pdf", [page(0)])
    media.write_picture(folder / "cover.png", page(3))
    report = colorize.colorize(models, [folder], tmp_path / "out")
    assert not report.failed
    found = sorted(path.relative_to(tmp_path / "out").as_posix()
                   for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == [".lock", "colorize.json", "colorize.jsonl", "cover.png", "one/book.cbz",
                     "report.html", "report.json", "two.cbz"]
    assert colorize.colorize(models, [folder], tmp_path / "out").found_done == 3


def test_a_comic_does_not_become_a_film(models, tmp_path):
    write_book(tmp_path / "book.cbz")
    with pytest.raises(UsageError, match="cannot be made of"):
        colorize.colorize(models, [tmp_path / "book.cbz"], tmp_path / "out.mkv")
