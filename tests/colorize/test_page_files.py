"""Claims about the files of single pages: nothing of them is lost without a word."""

import json
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.image import line_lock, pixels


def page(number=0):
    """A small gray page."""
    return np.ascontiguousarray(pixels.gray(episode.draw_frame(20 * number))[:75, :110])


@pytest.fixture
def color(models, tmp_path):
    """A function that colours a file and returns the report of the call, and that of the page."""
    def run(path, **settings):
        report = colorize.colorize(models, [path], tmp_path / "out",
                                    colorize.Settings(**settings))
        said = json.loads((tmp_path / "out" / "report.json").read_text())["pages"]
        return report, next(each for each in said if each["page"].startswith(f"{path.stem}."))

    return run


def strokes(size=(75, 110)):
    """Hints for a small page: a stroke of red."""
    drawn = np.zeros((*size, 4), np.uint8)
    drawn[30:40, 30:60] = (220, 30, 30, 255)
    return Image.fromarray(drawn)


def test_hints_are_for_the_page_of_their_folder_alone(models, tmp_path):
    for name in ("a/001", "b/001"):
        media.write_picture(tmp_path / "pages" / f"{name}.png", page())
    (tmp_path / "hints" / "a").mkdir(parents=True)
    strokes().save(tmp_path / "hints" / "a" / "001.png")
    settings = colorize.Settings(hints=tmp_path / "hints")
    colorize.colorize(models, [tmp_path / "pages"], tmp_path / "out", settings)
    with zipfile.ZipFile(tmp_path / "book.cbz", "w") as archive:
        for name in ("a/001.jpg", "b/001.jpg"):
            archive.writestr(name, media.encode_picture(page(), ".jpg"))
    colorize.colorize(models, [tmp_path / "book.cbz"], tmp_path / "out.cbz", settings)
    for folder, hinted in (("out", "a/001.png"), ("out.cbz.job", "out.cbz/a/001.jpg")):
        pages = json.loads((tmp_path / folder / "report.json").read_text())["pages"]
        assert [each["page"] for each in pages if each.get("hints")] == [hinted]


def test_hints_for_a_page_in_colour_are_said_to_be_unused(color, tmp_path):
    Image.fromarray(episode.draw_frame(0)).save(tmp_path / "a.png")
    strokes((360, 640)).save(tmp_path / "strokes.png")
    _, said = color(tmp_path / "a.png", hints=tmp_path / "strokes.png")
    assert said["notes"] == ["in colour, so its hints were not used; --treat-as gray colours it "
                             "anew"]


@pytest.mark.parametrize("name", ["pages.tif", "moving.png"])
def test_a_file_of_several_pictures_is_refused_with_what_to_do(name, color, tmp_path):
    first, *others = (Image.fromarray(page(number)) for number in range(3))
    first.save(tmp_path / name, save_all=True, append_images=others)
    report, _ = color(tmp_path / name)
    assert report.failed == [f"{tmp_path / name}: holds 3 pictures, and one is coloured of each "
                             "file; save them as files of their own, or zip those as CBZ"]


def test_a_thumbnail_beside_a_page_is_no_second_picture(color, tmp_path):
    small = Image.fromarray(page()[::4, ::4])
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(page()).save(tmp_path / "a.tif", save_all=True, append_images=[small])
    report, _ = color(tmp_path / "a.tif")
    assert not report.failed and len(report.colored) == 1


def test_what_a_gif_loses_is_flagged(color, tmp_path):
    Image.fromarray(pixels.gray(episode.draw_frame(0))).save(tmp_path / "a.gif")
    report, said = color(tmp_path / "a.gif")
    assert said["luminance_change"] > 2 and said["flagged"] and report.flagged == ["a.gif"]
    assert any("--format png keeps it" in note for note in said["notes"])


def test_black_ink_on_transparency_becomes_ink_on_white_in_a_jpeg(color, tmp_path):
    alpha = np.zeros((64, 96), np.uint8)
    alpha[20:30] = 255
    Image.fromarray(np.dstack([np.zeros_like(alpha), alpha]), "LA").save(tmp_path / "a.png")
    _, said = color(tmp_path / "a.png", format="jpeg", lock="luminance")
    written = media.read_picture(tmp_path / "out" / "a.jpg")
    assert np.abs(pixels.gray(written).astype(int) - (255 - alpha)).mean() < 3
    assert said["luminance_change"] == pytest.approx(
        line_lock.largest_change(255 - alpha, written), abs=0.01)


@pytest.mark.parametrize("form", ["png", "webp", "jpeg"])
def test_a_colour_page_keeps_transparency_and_depth_where_the_format_can(form, color, tmp_path):
    picture = np.dstack([episode.draw_frame(0)[:100, :160], np.full((100, 160), 90, np.uint8)])
    deep = picture.astype(np.uint16) * 257 + 5
    deep[:, :, 3] = 90 * 257
    cv2.imwrite(str(tmp_path / "a.tif"), deep[..., [2, 1, 0, 3]])
    report, said = color(tmp_path / "a.tif", format=form)
    target = tmp_path / "out" / f"a{media.FORMATS[form.upper()]}"
    assert said["converted"] == form.upper()
    assert f"{tmp_path}: 1 in colour, written anew in the chosen format" in report.lines(tmp_path)
    if form == "png":
        written = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(written, deep[..., [2, 1, 0, 3]])
    elif form == "webp":
        with Image.open(target) as image:
            assert (np.asarray(image)[..., 3] == 90).all()
    else:
        shown = media.read_picture(tmp_path / "a.tif").astype(int)
        assert np.abs(media.read_picture(target) - shown).mean() < 3


def test_a_colour_page_in_another_format_stands_upright(color, tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(episode.draw_frame(0)[:100, :160]).save(tmp_path / "a.jpg", exif=exif)
    color(tmp_path / "a.jpg", format="png")
    np.testing.assert_array_equal(media.read_picture(tmp_path / "out" / "a.png"),
                                  media.read_picture(tmp_path / "a.jpg"))


def test_a_lossless_webp_with_a_profile_stays_lossless(color, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(np.dstack([page()] * 3)).save(tmp_path / "a.webp", lossless=True,
                                                  icc_profile=profile)
    _, said = color(tmp_path / "a.webp")
    assert said["lossless"] and said["luminance_change"] <= 1
    with Image.open(tmp_path / "out" / "a.webp") as image:
        assert image.info["icc_profile"] == profile
