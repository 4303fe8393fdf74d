"""Claims about PDF: its pages keep the form that they are stored in, where a book can hold it."""

import io

import numpy as np
import pypdfium2 as pdfium
from media_files import scene, write_pdf
from PIL import Image

from keras_colorize import media


def jpeg(picture, quality=80, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, **options)
    return file.getvalue()


def files_of(path):
    return [(name, read()) for name, read in media.open_book(path).pages()]


def test_a_page_that_is_a_jpeg_is_that_very_file_and_others_are_drawn_without_loss(tmp_path):
    color, gray = jpeg(scene(1)), jpeg(scene(2)[..., 1])
    write_pdf(tmp_path / "book.pdf", [color, scene(3), gray, np.uint8(scene(4)[..., 0] > 99) * 255])
    pages = files_of(tmp_path / "book.pdf")
    assert [name for name, _ in pages] == ["page001.jpg", "page002.png", "page003.jpg",
                                           "page004.png"]
    assert pages[0][1] == color and pages[2][1] == gray
    assert np.abs(media.picture_of(pages[1][1], "2").astype(int) - scene(3)).max() <= 1


def changed(path, change):
    """A PDF of one JPEG, after something was done to its page and the picture on it."""
    write_pdf(path, [jpeg(scene(1))])
    document = pdfium.PdfDocument(path)
    page = document[0]
    change(document, page, next(page.get_objects()))
    page.gen_content()
    document.save(path.with_name("changed.pdf"))
    return files_of(path.with_name("changed.pdf"))


def test_a_page_that_is_more_than_its_jpeg_is_drawn(tmp_path):
    def add(document, page, picture):
        more = pdfium.PdfImage.new(document)
        more.set_bitmap(pdfium.PdfBitmap.from_pil(Image.fromarray(np.zeros((8, 8, 3), np.uint8))))
        more.set_matrix(pdfium.PdfMatrix().scale(8, 8))
        page.insert_obj(more)

    def mirror(document, page, picture):
        width, height = page.get_size()
        picture.set_matrix(pdfium.PdfMatrix().scale(-width, height).translate(width, 0))

    def shrink(document, page, picture):
        picture.set_matrix(pdfium.PdfMatrix().scale(4, 3))

    drawings = [("turned", lambda document, page, picture: page.set_rotation(90), ".jpg"),
                ("more", add, ".jpg"), ("mirrored", mirror, ".jpg"), ("small", shrink, ".png"),
                ("cropped", lambda document, page, picture: page.set_cropbox(0, 0, 16, 12), ".jpg")]
    for what, change, suffix in drawings:
        (name, file), = changed(tmp_path / "book.pdf", change)
        assert name == f"page001{suffix}" and file != jpeg(scene(1)), what
        shown = media.picture_of(file, what)
        if what == "turned":
            assert np.abs(np.rot90(shown).astype(int) - scene(1)).mean() < 6
        if what == "mirrored":
            assert np.abs(shown[:, ::-1].astype(int) - scene(1)).mean() < 6


def test_a_jpeg_that_a_viewer_turns_by_its_exif_is_drawn_as_the_pdf_shows_it(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    write_pdf(tmp_path / "book.pdf", [jpeg(scene(1), exif=exif)])
    (_, file), = files_of(tmp_path / "book.pdf")
    assert np.abs(media.picture_of(file, "1").astype(int) - scene(1)).mean() < 6
