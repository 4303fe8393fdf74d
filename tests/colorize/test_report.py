"""Claims about the page that shows what became of every page and film."""

import base64
import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image
from web_pages import WebPage

from keras_colorize.cartoon import episode
from keras_colorize.colorize import report
from keras_colorize.image import pixels

HOSTILE = "<b>&\"'"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a report on a book with every kind of record, its names full of markup."""
    color = episode.draw_frame(100)
    gray = np.dstack([pixels.gray(color)] * 3)
    lossless = {"lossless": True, "rule": "luminance", "model": HOSTILE}
    records = {
        f"{HOSTILE}.cbz/10.png": {"kind": "line_art", "scores": {"line_art": 0.93}, **lossless,
                                  "luminance_change": 0.43, "notes": [HOSTILE],
                                  "thumbnails": report.thumbnails(gray, color)},
        f"{HOSTILE}.cbz/9.png": {"kind": "gray", "scores": {}, **lossless,
                                 "luminance_change": 4.4,
                                 "thumbnails": report.thumbnails(gray[:, :99], color[:, :99])},
        "bad.png": {"error": f"{HOSTILE}: cannot be read as a picture"},
        "film.mkv": {"kind": "film", "model": "gan"}}
    folder = tmp_path_factory.mktemp("job")
    report.write(folder, f"out/{HOSTILE}", {"model": "digest"}, records)
    return folder


def test_the_page_is_whole_in_itself_and_no_name_becomes_markup(folder):
    page = WebPage((folder / "report.html").read_text())
    page.check_whole()
    assert len(page.pictures) == 4 and "b" not in page.tags
    assert page.text.count("&lt;b&gt;&amp;") >= 7


def test_pages_stand_in_reading_order_and_what_needs_a_look_is_marked(folder):
    text = (folder / "report.html").read_text()
    pages = json.loads((folder / "report.json").read_text())["pages"]
    assert [page["page"].rpartition("/")[2] for page in pages] == \
        ["9.png", "10.png", "bad.png", "film.mkv"]
    assert 0 < text.index("9.png</td>") < text.index("10.png</td>") < text.index("bad.png</td>")
    assert text.count('class="bad"') == 2 and "1 failed, 1 flagged, 1 film" in text
    assert "4.40 of 255" in text and "line art 0.93" in text


def test_a_browser_shows_the_page_on_a_phone(folder, tmp_path):
    WebPage((folder / "report.html").read_text()).check_in_browser(tmp_path)


def test_the_thumbnails_of_a_page_are_few_bytes():
    """So that the report on 1,500 pages is some 15 MB at most, and not larger than their book."""
    fine = np.random.default_rng(0).integers(0, 256, (1400, 990, 3), np.uint8)
    fine = cv2.GaussianBlur(fine, (0, 0), 2) * 3  # of detail as a drawn page has
    for picture in (fine, fine[..., 0].copy(), fine.astype(np.uint16) * 257):
        shown = report.thumbnails(picture, picture)
        assert all(len(each) < 5000 for each in shown)
        with Image.open(io.BytesIO(base64.b64decode(shown[0]))) as image:
            assert image.format == "JPEG" and image.height == 160
