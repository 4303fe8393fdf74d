"""Claims about which files are pictures: by their suffix, and where that says nothing by bytes."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_colorize import media
from keras_colorize.errors import SourceError
from keras_colorize.media import picture_kinds

HALF = np.zeros((40, 60), np.uint8)
HALF[:20] = 200
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
UNREAD = {"a.jxl": b"\xff\x0a" + b"\0" * 40, "b.jxl": b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0" * 40,
          "c.heic": HEIC, "d.heif": b"\0\0\0\x18ftypmif1\0\0\0\0heic", "g.png": HEIC,
          "e.psd": b"8BPS\0\1" + b"\0" * 40, "f.tga": b"\0\0\2" + b"\0" * 40,
          "h": b"\xff\x0a" + b"\0" * 40}


def stored(form, picture=HALF, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.avif", "a.jp2", "a.j2k", "a.dib", "a.png",
                                  "page", "page.001", "page.xyz", "a.b.WEBP"])
@pytest.mark.parametrize("form", ["JPEG", "AVIF", "JPEG2000", "PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_a_picture_is_one_by_suffix_or_by_content(name, form, tmp_path):
    (tmp_path / name).write_bytes(stored(form))
    assert media.is_picture(tmp_path / name) and not media.is_video(tmp_path / name)
    shown = media.read_picture(tmp_path / name)
    assert shown.shape == (40, 60, 3)
    assert abs(int(shown[5, 5, 0]) - 200) <= 3 and shown[35, 5, 0] <= 3


@pytest.mark.parametrize("content", [b"", b"BM no bitmap at all", b"poem", b"%PDF-1.4", b"PK\3\4",
                                     b"\0\0\0\x18ftypisom\0\0\0\0isomavc1"])
def test_what_is_none_is_no_picture(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    assert not media.is_picture(tmp_path / "file")


@pytest.mark.parametrize("name", UNREAD)
def test_a_kind_that_is_not_read_is_a_picture_and_named(name, tmp_path):
    (tmp_path / name).write_bytes(UNREAD[name])
    assert media.is_picture(tmp_path / name)
    with pytest.raises(SourceError, match=r"is a .* picture, which is not read; convert it to PNG"):
        media.read_picture(tmp_path / name)


def test_pages_of_a_book_are_found_by_content_too(tmp_path):
    names = ["1.avif", "2.jp2", "3.jfif", "4", "5.dat", "6.heic"]
    with zipfile.ZipFile(tmp_path / "b.cbz", "w") as archive:
        for name, form in zip(names, ("AVIF", "JPEG2000", "JPEG", "PNG", "WEBP"), strict=False):
            archive.writestr(name, stored(form))
        archive.writestr("6.heic", HEIC)
        archive.writestr("ComicInfo.xml", "<ComicInfo/>")
        archive.writestr("__MACOSX/1", stored("PNG"))
    assert media.open_book(tmp_path / "b.cbz").names == names


@pytest.mark.parametrize("options", [{}, {"no_jp2": True}])
def test_a_coloured_jpeg_2000_keeps_its_luminance_and_its_container(options):
    file = stored("JPEG2000", **options)
    picture = media.read_stored_picture(file, "a.jp2")
    again = picture.style.encode(np.dstack([picture.luminance] * 3), None, "a.jp2")
    assert again[:4] == file[:4]
    assert (media.read_stored_picture(again, "a.jp2").luminance == HALF).all()


def test_an_avif_stands_upright_and_a_moving_one_is_a_film(tmp_path):
    turned = Image.Exif()
    turned[0x112] = 6
    file = stored("AVIF", exif=turned)
    assert media.read_stored_picture(file, "a.avif").luminance.shape == (60, 40)
    frames = [Image.fromarray(np.full((32, 32, 3), level, np.uint8)) for level in (0, 200)]
    for name in ("a.avif", "moving"):
        frames[0].save(tmp_path / name, "AVIF", save_all=True, append_images=frames[1:])
        assert media.is_video(tmp_path / name) and not media.is_picture(tmp_path / name)
        assert [round(frame.picture().mean(), -1) for frame in
                media.read_video(tmp_path / name)] == [0, 200]


def test_formats_all_have_a_suffix_that_is_a_pictures():
    assert set(picture_kinds.FORMATS.values()) <= media.PICTURE_SUFFIXES
