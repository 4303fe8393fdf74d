"""Claims about EPUB: its pictures in the order in which it shows them, and what it must not be."""

import zipfile

import numpy as np
import pytest
from media_files import scene

from keras_colorize import media
from keras_colorize.errors import SourceError

PACKAGE = """<?xml version="1.0"?><!DOCTYPE package [<!ENTITY a "a">]>
<opf:package xmlns:opf="http://www.idpf.org/2007/opf"><opf:manifest>
<opf:item id="ten" href="text/page10.xhtml" media-type="application/xhtml+xml"/>
<opf:item id="two" href="text/page%202.xhtml" media-type="application/xhtml+xml"/>
<opf:item id="cover" href="pictures/z.png" media-type="image/png"/>
<opf:item id="end" href="text/end.xhtml" media-type="application/xhtml+xml"/>
</opf:manifest><opf:spine><opf:itemref idref="cover"/><opf:itemref idref="ten"/>
<opf:itemref idref="two"/><opf:itemref idref="end"/><opf:itemref idref="ten"/>
</opf:spine></opf:package>"""
BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/>'
                              "</rootfiles></container>",
    "OEBPS/book.opf": PACKAGE,
    "OEBPS/text/page10.xhtml": '<html><style/><p>&nbsp;<img src="../pictures/b.png"/></html>',
    "OEBPS/text/page 2.xhtml": '<html><svg xmlns:xlink="http://www.w3.org/1999/xlink"><image '
                               'xlink:href="../pictures/a%C3%A9.png#whole"/></svg>'
                               '<img src="../pictures/b.png"><img src="gone.png"></html>',
    "OEBPS/text/end.xhtml": "<html><p>The end.</p></html>",
    "OEBPS/pictures/never shown.png": None,
}
SHOWN = ("z", "b", "aé")
"""The pictures in the order in which the book shows them."""


def write_epub(path, **changes):
    """An EPUB; `changes` replace what its documents hold, by a part of their names."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in BOOK.items():
            text = next((new for part, new in changes.items() if part in name), text)
            if text is not None:
                archive.writestr(name, text)
        for number, name in enumerate(SHOWN):
            picture = media.encode_picture(scene(number))
            archive.writestr(f"OEBPS/pictures/{name}.png", picture)
    return path


def test_pages_come_in_the_order_of_the_book_each_once(tmp_path):
    book = media.open_book(write_epub(tmp_path / "book.epub"))
    assert book.names == ["page001.png", "page002.png", "page003.png"]
    assert [name for name, _ in book.pages()] == book.names
    for number, (_, picture) in enumerate(book.pictures()):
        np.testing.assert_array_equal(picture, scene(number))


def test_what_it_lacks_and_what_is_left_out_is_said(tmp_path):
    path = write_epub(tmp_path / "book.epub")
    assert media.open_book(path).notes == [
        f"{path}/OEBPS/text/gone.png: is shown, and is not in the book",
        f"{path}: shows text without a picture, which is left out: 1 of 4 parts"]


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
    ({"page10": " " * (17 * 2**20)}, "page10.xhtml: unpacks to 17 MiB of text; do not trust it"),
])
def test_what_is_no_epub_of_pictures_is_refused(changes, line, tmp_path):
    with pytest.raises(SourceError) as caught:
        media.open_book(write_epub(tmp_path / "book.epub", **changes))
    assert line in str(caught.value)


def test_what_is_copy_protected_is_refused(tmp_path):
    path = write_epub(tmp_path / "book.epub")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("META-INF/encryption.xml", '<enc:EncryptedData><enc:CipherReference '
                         'URI="OEBPS/pictures/a%C3%A9.png"/></enc:EncryptedData>')
    with pytest.raises(SourceError, match="is copy-protected; give it without that"):
        media.open_book(path)


def test_fonts_may_be_encrypted(tmp_path):
    path = write_epub(tmp_path / "book.epub")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("META-INF/encryption.xml",
                         '<e:CipherReference URI="OEBPS/fonts/letters.otf"/>')
    assert len(media.open_book(path).names) == 3
