"""Claims about EPUB: its pictures in the order in which it shows them, and what it must not be."""

import zipfile

import numpy as np
import pytest
from media_files import scene, write_epub

from keras_colorize import media
from keras_colorize.errors import SourceError


def test_pages_come_in_the_order_of_the_book_each_once(tmp_path):
    book = media.open_book(write_epub(tmp_path / "book.epub"))
    assert book.names == ["page001.png", "page002.png", "page003.png"]
    assert [name for name, _ in book.pages()] == book.names
    for number, (_, picture) in enumerate(book.pictures()):
        np.testing.assert_array_equal(picture, scene(number))


def test_what_it_lacks_and_what_is_left_out_is_said(tmp_path):
    path = write_epub(tmp_path / "book.epub")
    assert media.open_book(path).notes == [
        f"{path}/OEBPS/text/gone.png: is shown, and is no file of the book",
        f"{path}/text of 1 of 4 parts: is left out, as no picture is with it"]


def test_links_may_be_odd_and_lead_anywhere(tmp_path):
    many = "".join(f'<img src="{number}.png"/>' for number in range(30))
    path = write_epub(tmp_path / "book.epub", page10=(
        '<img src="http://[x/a.jpg"/><img src="data:image/png;base64,' + "A" * 5000 + '"/>'
        '<img src=""/><img src="http://host/a.png"/><img/><img src="../pictures/b.png"/>' + many))
    book = media.open_book(path)
    assert len(book.names) == 3 and len(book.notes) == 12
    assert all(len(line) < 300 for line in book.notes)
    assert f"{path}/http://host/a.png: is shown" in book.notes[2]
    assert book.notes[-2] == f"{path}/24 more: are no files of the book"


def test_it_becomes_a_cbz_of_its_pages_the_colored_ones_replaced(tmp_path):
    book, colored = media.open_book(write_epub(tmp_path / "book.epub")), tmp_path / "colored"
    colored.write_bytes(b"in colour")
    assert book.write(tmp_path / "book.cbz", {"page002.png": ("page002.jpg", colored)}) == []
    with zipfile.ZipFile(tmp_path / "book.cbz") as made:
        assert made.namelist() == ["page001.png", "page002.jpg", "page003.png"]
        assert made.read("page002.jpg") == b"in colour"
        assert made.read("page003.png") == media.encode_picture(scene(2))


@pytest.mark.parametrize(("changes", "line"), [
    ({"container": None}, "book.epub: lacks 'META-INF/container.xml', which an EPUB has; get it"),
    ({"container": "<rootfile/>"}, "book.epub: lacks '', which an EPUB has; get it again"),
    ({"book.opf": None}, "book.epub: lacks 'OEBPS/book.opf', which an EPUB has; get it again"),
    ({"book.opf": "<spine/>"}, "book.epub: shows no picture; give a book whose pages are pictures"),
    ({"page10": " " * (9 * 2**20)}, "book.epub: holds more than 8 MiB of text; do not trust"),
    ({"page10": "<![foo[ x ]]>"}, "page10.xhtml: is damaged; get the book again"),
    ({"book.opf": "<item href='a'/><itemref/>"}, "book.epub: shows no picture; give a book whose"),
])
def test_what_is_no_epub_of_pictures_is_refused(changes, line, tmp_path):
    with pytest.raises(SourceError) as caught:
        media.open_book(write_epub(tmp_path / "book.epub", **changes))
    assert line in str(caught.value)


@pytest.mark.parametrize("locked", ["OEBPS/pictures/a%C3%A9.png", "OEBPS/text/page10.xhtml"])
def test_what_is_copy_protected_is_refused(locked, tmp_path):
    path = write_epub(tmp_path / "book.epub")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("META-INF/encryption.xml", '<enc:EncryptedData><enc:CipherReference '
                         f'URI="{locked}"/></enc:EncryptedData>')
    with pytest.raises(SourceError, match="is copy-protected; give it without that"):
        media.open_book(path)


def test_fonts_may_be_encrypted(tmp_path):
    path = write_epub(tmp_path / "book.epub")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("META-INF/encryption.xml",
                         '<e:CipherReference URI="OEBPS/fonts/letters.otf"/>')
    assert len(media.open_book(path).names) == 3
