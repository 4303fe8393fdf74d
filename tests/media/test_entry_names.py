"""Claims about the names in comic archives: each page has one, and all go out as they came in."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from media_files import archive_of
from PIL import Image

from keras_colorize import media
from keras_colorize.errors import SourceError

NAMED = {  # raw bytes, whether flagged as UTF-8, and what readers see
    "Shift-JIS": ("第1話/表紙.png".encode("cp932"), False, "第1話/表紙.png"),
    "a backslash as second byte": ("ソ表.png".encode("cp932"), False, "ソ表.png"),
    "CP437": ("café/Ñandú 1.png".encode("cp437"), False, "café/Ñandú 1.png"),
    "UTF-8 without its flag": ("Größe é.png".encode(), False, "Größe é.png"),
    "UTF-8": ("Größe 表.png".encode(), True, "Größe 表.png"),
    "plain, flagged": (b"page.png", True, "page.png"),
    "plain": (b"page.png", False, "page.png"),
    "Windows folders": (b"chapter\\page.png", False, "chapter\\page.png"),
    "GBK": ("中文俔.png".encode("gbk"), False, None),
    "Big5": ("功許.png".encode("big5"), False, None),
}


def picture(level=100):
    file = io.BytesIO()
    Image.fromarray(np.full((20, 30), level, np.uint8)).save(file, "PNG")
    return file.getvalue()


def stored_names(file):
    """The bytes and flags of the names in the directory, and before each file."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        entries = archive.infolist()
    names = []
    for entry in entries:
        flags, length = (struct.unpack_from("<H", file, entry.header_offset + at)[0]
                         for at in (6, 26))
        raw = file[entry.header_offset + 30:][:length]
        listed = entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437")
        assert (raw, flags & 0x800) == (listed, entry.flag_bits & 0x800)
        names.append((raw, bool(flags & 0x800)))
    return names


@pytest.mark.parametrize("kind", NAMED)
def test_a_name_goes_out_as_the_bytes_and_flag_that_came_in(kind, tmp_path):
    raw, is_utf8, seen = NAMED[kind]
    note = raw.removesuffix(b".png") + b".txt"
    source, target = tmp_path / "in.cbz", tmp_path / "out.cbz"
    source.write_bytes(archive_of([(raw, is_utf8, picture()), (note, is_utf8, b"hello")]))
    book = media.open_book(source)
    assert len(book.names) == 1 and book.names[0] == (seen or book.names[0])
    (tmp_path / "new").write_bytes(picture(7))
    name, = book.names
    assert not book.write(target, {name: (name, tmp_path / "new")}) and not book.notes
    assert stored_names(target.read_bytes()) == [(raw, is_utf8), (note, is_utf8)]
    assert [shown[0, 0, 0] for _, shown in media.open_book(target).pictures()] == [7]
    new_name = name.removesuffix(".png") + ".webp"
    book.write(target, {name: (new_name, tmp_path / "new")})
    assert stored_names(target.read_bytes())[0] == (raw.removesuffix(b".png") + b".webp", is_utf8)
    assert media.open_book(target).names == [new_name]


def test_a_field_with_the_name_in_utf8_is_kept_and_read(tmp_path):
    raw, seen = b"page _.png", "page 表.png"
    field = struct.pack("<BI", 1, zlib.crc32(raw)) + seen.encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    source, target = tmp_path / "in.cbz", tmp_path / "out.cbz"
    source.write_bytes(archive_of([(raw, False, picture())], extra))
    book = media.open_book(source)
    assert book.names == [seen]
    book.write(target, {})
    assert stored_names(target.read_bytes()) == [(raw, False)]
    assert media.open_book(target).names == [seen]
    (tmp_path / "new").write_bytes(picture(7))
    book.write(target, {seen: ("page 表.webp", tmp_path / "new")})
    assert media.open_book(target).names == ["page 表.webp"]


def test_pages_of_one_name_are_all_there_with_a_note(tmp_path):
    source, target = tmp_path / "in.cbz", tmp_path / "out.cbz"
    names = [b"1.png", b"1.png", b"2.png", b"1.png"]
    source.write_bytes(archive_of([(name, False, picture(50 * number))
                                   for number, name in enumerate(names)]))
    book = media.open_book(source)
    assert book.names == ["1.png", "1~2.png", "1~3.png", "2.png"]
    assert len(book.notes) == 2 and "1~2.png: is the name here of a second file" in book.notes[0]
    (tmp_path / "new").write_bytes(picture(7))
    book.write(target, {"1~2.png": ("1~2.png", tmp_path / "new")})
    assert [raw for raw, _ in stored_names(target.read_bytes())] == names
    assert [shown[0, 0, 0] for _, shown in media.open_book(target).pictures()] == [0, 7, 150, 100]


@pytest.mark.parametrize("root", [b"/", b"C:\\", b"\\\\", b"d:", b"//"])
def test_a_name_from_a_root_loses_it_with_a_note(root, tmp_path):
    source, target = tmp_path / "in.cbz", tmp_path / "out.cbz"
    source.write_bytes(archive_of([(b"1.png", False, picture(50)),
                                   (root + b"etc/2.png", False, picture(100))]))
    book = media.open_book(source)
    assert sorted(book.names) == ["1.png", "etc/2.png"]
    assert len(book.notes) == 1 and "etc/2.png: was named from the root of a disk" in book.notes[0]
    assert not book.write(target, {})
    assert [raw for raw, _ in stored_names(target.read_bytes())] == [b"1.png", b"etc/2.png"]


@pytest.mark.parametrize("name", [b"../2.png", b"a/../../2.png", b"..\\2.png", b"/../2.png"])
def test_a_name_that_points_outside_is_refused_alone(name, tmp_path):
    source, target = tmp_path / "in.cbz", tmp_path / "out.cbz"
    source.write_bytes(archive_of([(b"1.png", False, picture(50)), (name, False, picture(100))]))
    book = media.open_book(source)
    read = dict(book.pages())
    assert len(read) == 2 and not any(".." in each for each in read)
    hostile = next(each for each in read if each != "1.png")
    with pytest.raises(SourceError, match="points outside of its archive; do not trust it"):
        list(book.pictures())
    damaged = book.write(target, {})
    assert len(damaged) == 1 and f"{hostile}: points outside" in damaged[0]
    assert [raw for raw, _ in stored_names(target.read_bytes())] == [b"1.png"]
    source.write_bytes(archive_of([(name, False, picture(100))]))
    with pytest.raises(SourceError, match="which points outside of it; do not trust it"):
        media.open_book(source)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_archive_is_named_as_one(mode, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "in.cbz", mode) as archive:
        archive.addfile(tarfile.TarInfo("1.png"))
    with pytest.raises(SourceError, match="is a tar archive, which is not read; unpack it and zip"):
        media.open_book(tmp_path / "in.cbz")
