import shutil
import subprocess
import zipfile
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_colorize import cli, colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import hints
from keras_colorize.errors import SourceError
from keras_colorize.image import line_lock, pixels


@pytest.fixture
def page(tmp_path):
    """Two gray discs on a light ground, each outlined in black; and a stroke of red on one."""
    picture = np.full((240, 360), 190, np.uint8)
    strokes = np.zeros((240, 360, 4), np.uint8)
    for left in (100, 260):
        cv2.circle(picture, (left, 120), 60, 130, -1, cv2.LINE_AA)
        cv2.circle(picture, (left, 120), 60, 0, 5, cv2.LINE_AA)
    cv2.line(strokes, (90, 110), (110, 130), (220, 40, 40, 255), 4)
    media.write_picture(tmp_path / "page.png", picture)
    Image.fromarray(strokes).save(tmp_path / "strokes.png")
    return tmp_path / "page.png"


def redness(picture):
    """How much redder than its luminance each pixel is."""
    return pixels.chroma(picture)[..., 0]


def test_a_stroke_colours_its_surface_and_no_other(models, page, tmp_path):
    colorize.colorize(models, [page], tmp_path / "plain")
    colorize.colorize(models, [page], tmp_path / "hinted",
                       colorize.Settings(hints=tmp_path / "strokes.png"))
    plain, hinted = (media.read_picture(tmp_path / name / "page.png")
                     for name in ("plain", "hinted"))
    inside = np.zeros((240, 360), np.uint8)
    cv2.circle(inside, (100, 120), 54, 1, -1)
    assert (redness(hinted)[inside > 0] > 50).mean() > 0.98
    outside = np.ones((240, 360), np.uint8)
    cv2.circle(outside, (100, 120), 68, 0, -1)
    assert np.abs(hinted.astype(int) - plain)[outside > 0].mean() < 3
    before = media.read_picture(page)[..., 0]
    assert line_lock.largest_change(before, hinted) <= 1


def test_a_stroke_corrects_what_is_painted_from_lines_around_it(runs, tmp_path):
    edge = colorize.Model.load(runs["convnet_edge"])
    paper = np.full((128, 192), 255, np.uint8)
    cv2.line(paper, (96, 0), (96, 127), 0, 3)
    strokes = np.zeros((128, 192, 4), np.uint8)
    strokes[56:72, 20:36] = (240, 30, 30, 255)
    media.write_picture(tmp_path / "page.png", paper)
    Image.fromarray(strokes).save(tmp_path / "strokes.png")
    plain, told = (colorize.colorize(
        colorize.Models(edge, edge), [tmp_path / "page.png"], tmp_path / name,
        colorize.Settings(lock="none", treat_as="line_art", hints=given)) and
        media.read_picture(tmp_path / name / "page.png").astype(int)
        for name, given in (("plain", None), ("told", tmp_path / "strokes.png")))
    change = (told - plain)[:, 100:].mean(axis=(0, 1))  # beyond the line, which a surface ends at
    assert np.abs(told[64, 28] - (240, 30, 30)).max() < 6
    wanted = (240, 30, 30) - plain[64, 28]
    assert change @ wanted > 0.02 * (wanted @ wanted)


def test_hints_colour_white_paper_under_ink(models, tmp_path):
    paper = np.full((200, 200), 255, np.uint8)
    cv2.rectangle(paper, (40, 40), (160, 160), 0, 4)
    strokes = np.zeros((200, 200, 4), np.uint8)
    strokes[90:110, 60:140] = (40, 90, 230, 255)
    media.write_picture(tmp_path / "page.png", paper)
    Image.fromarray(strokes).save(tmp_path / "page_hints.png")
    colorize.colorize(models, [tmp_path / "page.png"], tmp_path / "out",
                       colorize.Settings(lock="ink", hints=tmp_path / "page_hints.png"))
    colored = media.read_picture(tmp_path / "out" / "page.png")
    np.testing.assert_allclose(colored[60, 60].astype(int), (40, 90, 230), atol=6)
    assert (colored[paper == 0] == 0).all()


def test_a_folder_of_hints_is_for_the_pages_of_its_names(models, page, tmp_path):
    (tmp_path / "hints").mkdir()
    (tmp_path / "strokes.png").rename(tmp_path / "hints" / "page.png")
    media.write_picture(tmp_path / "other.png", media.read_picture(page))
    colorize.colorize(models, [page, tmp_path / "other.png"], tmp_path / "out",
                       colorize.Settings(hints=tmp_path / "hints"))
    hinted, plain = (media.read_picture(tmp_path / "out" / f"{name}.png")
                     for name in ("page", "other"))
    assert redness(hinted)[120, 100] > 50 > redness(plain)[120, 100]


def test_hints_that_belong_to_no_page_are_told(runs, page, tmp_path, error_of, capfd):
    model = runs["gan_gray"]
    given, other, book = (tmp_path / name for name in ("hints", "other.png", "book.cbz"))
    given.mkdir()
    (tmp_path / "strokes.png").rename(given / "page.png")
    (given / "._page.png").touch()
    other.write_bytes(page.read_bytes())
    with zipfile.ZipFile(book, "w") as archive:
        archive.write(page, "one/page.png")
        archive.write(page, 100 * "頁" + ".png")
    for place, name in ((other, "other.png"), (book, "one/page.png")):
        out = tmp_path / f"out{place.suffix}"
        code, error = error_of("colorize", model, place, "--hints", given, "--out", out)
        assert code == 2
        assert error == (f"error: {given}: holds no hints of these pages; name them as the pages, "
                         f"such as {given / name}")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "book.cbz", "hints", "other.png", "page.png"]
    (given / "pgae.png").write_bytes((given / "page.png").read_bytes())
    line = f"{given}: not used, since no page is named so: pgae.png\n"
    assert cli.main(["colorize", str(model), str(page), str(other), "--hints", str(given)]) == 0
    assert line in capfd.readouterr().out
    book.write_bytes(book.read_bytes()[:-40])  # what is wrong with it is what is said
    code, error = error_of("colorize", model, book, "--hints", given)
    assert code == 1 and "is damaged or cut short" in error


def test_hints_without_transparency_are_refused(page, tmp_path):
    media.write_picture(tmp_path / "opaque.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(SourceError, match="has no transparency"):
        hints.read(tmp_path / "opaque.png")
    assert cli.main(["colorize", "none", str(page), "--out", str(tmp_path / "out"), "--hints",
                     str(tmp_path / "nowhere.png")]) == 2


def composed(path):
    """The picture that an OpenRaster file's layers make, by the rules of its two modes."""
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.read("mimetype") == b"image/openraster"
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        stack = ElementTree.fromstring(archive.read("stack.xml"))
        layers = [(layer.get("composite-op"), np.asarray(Image.open(archive.open(
            layer.get("src"))).convert("RGB"))) for layer in stack.iter("layer")]
        merged = np.asarray(Image.open(archive.open("mergedimage.png")).convert("RGB"))
        assert (int(stack.get("h")), int(stack.get("w"))) == merged.shape[:2]
        assert max(Image.open(archive.open("Thumbnails/thumbnail.png")).size) <= 256
    (mode, top), (_, bottom) = layers
    if mode == "svg:multiply":
        return np.rint(top.astype(float) * bottom / 255), merged
    assert mode == "svg:color"
    return line_lock.join(pixels.gray(bottom), pixels.chroma(top)), merged


@pytest.mark.parametrize("lock", ["luminance", "ink"])
def test_the_layers_together_are_the_coloured_page(lock, models, tmp_path):
    picture = pixels.gray(episode.draw_frame(0))[:200, :300]
    media.write_picture(tmp_path / "page.png", np.ascontiguousarray(picture))
    colorize.colorize(models, [tmp_path / "page.png"], tmp_path / "out",
                       colorize.Settings(layers=True, lock=lock))
    together, merged = composed(tmp_path / "out" / "page.ora")
    colored = media.read_picture(tmp_path / "out" / "page.png")
    np.testing.assert_array_equal(merged, colored)
    assert np.abs(together.astype(int) - colored).mean() < 2.5


@pytest.mark.skipif(not (shutil.which("krita") and shutil.which("xvfb-run")),
                    reason="needs Krita, and xvfb-run to start it without a screen")
@pytest.mark.parametrize(("lock", "wanted", "most"), [
    ("luminance", [("color", "color"), ("ink", "normal")], 0.05),
    ("ink", [("ink", "multiply"), ("color", "normal")], 0.5)])
def test_krita_shows_the_layers_as_the_coloured_page(lock, wanted, most, models, tmp_path):
    """Its own picture of the layers: that which the file holds beside them is painted over."""
    picture = np.ascontiguousarray(pixels.gray(episode.draw_frame(0))[:200, :300])
    media.write_picture(tmp_path / "page.png", picture)
    colorize.colorize(models, [tmp_path / "page.png"], tmp_path / "out",
                       colorize.Settings(layers=True, lock=lock))
    with zipfile.ZipFile(tmp_path / "out" / "page.ora") as old, \
            zipfile.ZipFile(tmp_path / "layers.ora", "w") as new:
        for entry in old.infolist():
            merged = entry.filename == "mergedimage.png"
            new.writestr(entry.filename, media.encode_picture(np.zeros_like(picture)) if merged
                         else old.read(entry))
    for name in ("krita.png", "krita.kra"):
        subprocess.run(["xvfb-run", "-a", "krita", "--export", "--export-filename",
                        tmp_path / name, tmp_path / "layers.ora"], check=True, timeout=300)
    with zipfile.ZipFile(tmp_path / "krita.kra") as archive:
        found = [element.attrib for element in ElementTree.fromstring(
            archive.read("maindoc.xml")).iter() if element.tag.endswith("}layer")]
    assert [(layer["name"], layer["compositeop"]) for layer in found] == wanted
    shown, colored = (media.read_picture(path).astype(int) for path in
                      (tmp_path / "krita.png", tmp_path / "out" / "page.png"))
    assert np.abs(shown - colored).mean() < most and np.ptp(colored, axis=2).max() > 5
