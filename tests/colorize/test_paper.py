"""Claims about old paper, double spreads and PDF: what stays of a page as it came."""

import io
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from media_files import write_pdf
from PIL import Image

from keras_colorize import colorize, media
from keras_colorize.cartoon import episode
from keras_colorize.colorize import page as one_page
from keras_colorize.errors import UsageError
from keras_colorize.image import pixels

PAPER = (250, 236, 201)
SEEN = []


def painter():
    """A model that gives every pixel another colour, and notes the sizes that it is shown."""
    def network(pixels):
        SEEN.append(tuple(pixels.shape[1:3]))
        noise = tf.random.stateless_uniform(pixels.shape[:3], (1, 2))[..., None] * 120 - 60
        level = tf.cast(pixels, tf.float32)
        return {"pixels": tf.cast(tf.clip_by_value(
            tf.concat([level + noise, level, level - noise], 3), 0, 255), tf.uint8)}

    return colorize.Models(colorize.Model("painter", "", "gray", "spline", (90, 160), network,
                                          None))


def yellowed(dtype=np.uint8):
    gray = np.full((330, 230), 255, np.uint8)
    gray[20:310, 20:210] = pixels.gray(episode.draw_frame(60))[:290, :190]
    tinted = gray[..., None] / 255 * np.float32(PAPER)
    return np.rint(tinted * (np.iinfo(dtype).max / 255)).astype(dtype)


def colored(picture, **settings):
    file = media.Style("PNG").encode(picture, None, "it")
    file, record = one_page.colored_file(file, "it", painter(), colorize.Settings(**settings),
                                         None, None)
    return media.stored_colors(file, "it"), record


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_old_paper_stays_as_it_is_or_becomes_white_and_has_no_blotches(dtype):
    page, most = yellowed(dtype), np.iinfo(dtype).max
    kept, record = colored(page)
    assert record["paper"] == "keep" and record["luminance_change"] <= 1
    assert np.abs(kept[:18].astype(int) - page[:18]).max() <= most // 255
    assert np.abs(kept[50:280, 50:180].astype(int) - page[50:280, 50:180]).mean() > 5 * most / 255
    white, record = colored(page, paper="white")
    assert record["paper"] == "white" and record["luminance_change"] <= 1
    assert white[:18].min() >= most * 253 // 255


@pytest.mark.parametrize("lock", ["ink", "none"])
def test_under_other_rules_colours_lie_on_the_paper_too(lock):
    page, (picture, _) = yellowed(), colored(yellowed(), lock=lock)
    white, _ = colored(page, lock=lock, paper="white")
    assert np.abs(picture - white / 255 * PAPER).max() <= 2


def test_a_stamp_on_old_paper_keeps_its_hue_and_gray_pages_are_as_before():
    page = yellowed()
    page[300:306, 200:206] = (190, 30, 40)
    for paper in ("keep", "white"):
        red, _, blue = colored(page, paper=paper)[0][303, 203]
        assert red > 150 and blue < 60
    gray = pixels.gray(page)
    assert (colored(gray)[0] == colored(gray, paper="white")[0]).all()


def test_a_double_spread_is_seen_page_by_page():
    one = pixels.gray(yellowed())
    for page, width in ((one, 160), (np.hstack([one, one]), 320), (one[:170], 160)):
        SEEN.clear()
        colored(page)
        assert abs(SEEN[0][1] - width) <= 1, SEEN


def test_a_book_in_pdf_is_coloured_in_the_compression_of_its_pages(tmp_path):
    def jpeg(picture):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=50)
        return file.getvalue()

    gray = pixels.gray(episode.draw_frame(60))
    write_pdf(tmp_path / "book.pdf", [jpeg(gray), gray])
    assert not colorize.colorize(painter(), [tmp_path / "book.pdf"], tmp_path / "out").failed
    with zipfile.ZipFile(tmp_path / "out" / "book.cbz") as book:
        assert book.namelist() == ["page001.jpg", "page002.png"]
        assert book.getinfo("page001.jpg").file_size < 4 * len(jpeg(gray))
        shown = media.picture_of(book.read("page001.jpg"), "1")
    assert np.ptp(shown, axis=2).max() > 20
    assert np.abs(pixels.gray(shown).astype(int) - gray).mean() < 4


def test_paper_is_of_pages_alone(tmp_path):
    (tmp_path / "film.mp4").touch()
    with pytest.raises(UsageError, match="is a film, and --paper is for pages"):
        colorize.colorize(painter(), [tmp_path / "film.mp4"], tmp_path / "out",
                          colorize.Settings(paper="white"))
