import subprocess
import sys
import zipfile

import av
import cv2
import media_files
import numpy as np
import pytest
from media_files import BAD_COMICS, BAD_PICTURES, BAD_VIDEOS, PICTURES, VIDEOS

from keras_colorize import media
from keras_colorize.cartoon import episode
from keras_colorize.errors import SourceError


def assert_same_picture(seen, expected, often=3.0, at_edges=8.0):
    """Alike but for the loss of a codec: in the median, and, edges of chroma included, the mean."""
    assert seen.dtype == np.uint8 and seen.shape == expected.shape
    distance = np.abs(seen.astype(int) - expected)
    assert np.median(distance) <= often and distance.mean() <= at_edges


def assert_refused(reading, line):
    with pytest.raises(SourceError) as error:
        for _ in reading():
            pass
    assert line in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", VIDEOS)
def test_a_strange_video_gives_the_pictures_it_was_made_of(name, tmp_path):
    expected = VIDEOS[name](tmp_path / name)
    assert media.is_video(tmp_path / name) and not media.is_picture(tmp_path / name)
    frames = list(media.read_video(tmp_path / name))
    assert [frame.number for frame in frames] == list(range(len(expected)))
    for frame, picture in zip(frames, expected, strict=True):
        assert_same_picture(frame.picture(), picture)


@pytest.mark.parametrize("name", ["variable_rate.mp4", "vp9.webm", "ten_bit.mkv", "rotated.mp4",
                                  "bt709.mp4", "full_range.mp4", "odd.mkv"])
def test_a_strange_video_reads_as_opencv_reads_it(name, tmp_path):
    VIDEOS[name](tmp_path / name)
    capture = cv2.VideoCapture(str(tmp_path / name))
    for frame in media.read_video(tmp_path / name):
        assert_same_picture(frame.picture(), capture.read()[1][..., ::-1], 2, 4)
    assert not capture.read()[0]


@pytest.mark.parametrize("name", ["rotated.mp4", "alpha.mkv", "odd.mkv", "moving.gif"])
def test_a_thumbnail_is_the_picture_made_small(name, tmp_path):
    expected = VIDEOS[name](tmp_path / name)[0]
    thumbnail = next(media.read_video(tmp_path / name)).thumbnail(24)
    small = cv2.resize(expected, thumbnail.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert thumbnail.shape[1] == 24
    assert_same_picture(thumbnail, small[..., ::-1], at_edges=10)


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_every_turn_of_a_phone_is_undone(clockwise, tmp_path):
    expected = media_files.write_rotated_mp4(tmp_path / "phone.mp4", clockwise)
    assert_same_picture(next(media.read_video(tmp_path / "phone.mp4")).picture(), expected[0])


@pytest.mark.parametrize("tag", [0, 2, 3, 8, 12])
def test_a_tag_that_names_no_matrix_of_use_counts_as_none(tag):
    frame = av.VideoFrame.from_ndarray(media_files.scene(), "rgb24").reformat(format="yuv444p")
    frame.colorspace = tag
    assert_same_picture(media.VideoFrame(0, 0.0, frame).picture(), media_files.scene())


def test_frames_have_the_times_of_a_variable_rate(tmp_path):
    media_files.write_vfr_mp4(tmp_path / "film.mp4")
    times = [frame.time for frame in media.read_video(tmp_path / "film.mp4")]
    np.testing.assert_allclose(times, media_files.TIMES, atol=0.002)


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_an_animations_times_are_its_durations_added_up(name, tmp_path):
    VIDEOS[name](tmp_path / name)
    times = [frame.time for frame in media.read_video(tmp_path / name)]
    np.testing.assert_allclose(times, np.cumsum([0, *media_files.DURATIONS[:-1]]) / 1000)
    assert media.frame_count(tmp_path / name) == len(times)


def test_a_gif_or_webp_of_one_frame_is_a_picture(tmp_path):
    for name, write in (("still.gif", media_files.write_still_gif),
                        ("still.webp", media_files.write_still_webp)):
        expected = write(tmp_path / name)
        assert media.is_picture(tmp_path / name) and not media.is_video(tmp_path / name)
        assert_same_picture(media.read_picture(tmp_path / name), expected[0], 0, 0)


def combing(picture):
    """How much lines differ from their neighbours above and below."""
    lines = picture.astype(int)
    return np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean()


def test_interlaced_frames_lose_their_combs_and_nothing_else(tmp_path):
    path = tmp_path / "film.mp4"
    woven = media_files.write_interlaced_mp4(path)
    frames = list(media.read_video(path))
    assert [frame.time for frame in frames] == \
        pytest.approx([number / 24 for number in range(len(woven))])
    for frame, before in zip(frames, woven, strict=True):
        picture = frame.picture()
        assert combing(picture) < 0.1 * combing(before)
        kept = [np.abs(picture[field::2].astype(int) - before[field::2]).mean()
                for field in (0, 1)]
        assert min(kept) < 3 < max(kept)


def test_colours_are_right_after_deinterlacing_too(tmp_path):
    interlaced = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    media_files._encode(tmp_path / "film.mp4", media_files.scenes(), matrix="ITU709", tag=1,
                        options=interlaced)
    for frame, expected in zip(media.read_video(tmp_path / "film.mp4"), media_files.scenes(),
                               strict=True):
        assert_same_picture(frame.picture(), expected)


def test_interlaced_frames_that_change_their_size_are_not_stretched(tmp_path):
    interlaced = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    expected = media_files.write_resized_ts(tmp_path / "film.ts", (144, 176), (144, 160),
                                            options=interlaced)
    frames = list(media.read_video(tmp_path / "film.ts"))
    assert frames[-1].decoded.width == 160 and len(frames) == len(expected)


def test_progressive_video_pays_nothing_for_deinterlacing(tmp_path, monkeypatch):
    media_files.write_interlaced_mp4(tmp_path / "woven.mp4")
    media_files.write_bt709_mp4(tmp_path / "film.mp4")
    graphs = []
    graph = av.filter.Graph
    monkeypatch.setattr(av.filter, "Graph", lambda: graphs.append(1) or graph())
    assert len(list(media.read_video(tmp_path / "film.mp4"))) == media_files.FRAMES and not graphs
    assert len(list(media.read_video(tmp_path / "woven.mp4"))) == media_files.FRAMES and graphs


def test_the_number_of_threads_changes_no_pixel(tmp_path):
    for name, write in (("film.mp4", media_files.write_vfr_mp4),
                        ("woven.mp4", media_files.write_interlaced_mp4)):
        write(tmp_path / name)
        for one, two in zip(media.read_video(tmp_path / name, 1), media.read_video(tmp_path / name),
                            strict=True):
            np.testing.assert_array_equal(one.picture(), two.picture())


@pytest.mark.parametrize("name", BAD_VIDEOS)
def test_a_bad_video_is_refused_in_one_line(name, tmp_path):
    write, line = BAD_VIDEOS[name]
    write(tmp_path / name)
    assert media.is_video(tmp_path / name)
    assert_refused(lambda: media.read_video(tmp_path / name), line)


@pytest.mark.parametrize("name", PICTURES)
def test_a_strange_picture_gives_the_pixels_it_was_made_of(name, tmp_path):
    expected, = PICTURES[name](tmp_path / name)
    assert media.is_picture(tmp_path / name)
    assert_same_picture(media.read_picture(tmp_path / name), expected, 1, 2)


@pytest.mark.parametrize("name", ["rgb16.png", "rgb16.tiff", "turned.jpg"])
def test_a_strange_picture_reads_as_opencv_reads_it(name, tmp_path):
    PICTURES[name](tmp_path / name)
    expected = cv2.imread(str(tmp_path / name), cv2.IMREAD_COLOR_RGB)
    assert_same_picture(media.read_picture(tmp_path / name), expected, 1, 1)


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_bad_picture_is_refused_in_one_line(name, tmp_path):
    write, line = BAD_PICTURES[name]
    write(tmp_path / name)
    assert media.is_picture(tmp_path / name)
    assert_refused(lambda: media.read_picture(tmp_path / name), line)


def test_the_tallest_strips_are_taken(tmp_path):
    cv2.imwrite(str(tmp_path / "strip.png"), np.full((120_000, 80), 7, np.uint8))
    assert media.read_picture(tmp_path / "strip.png").shape == (120_000, 80, 3)
    assert media.MOST_PIXELS > 800 * 200_000


def test_pillow_prints_no_warnings(tmp_path):
    media_files.write_huge_png(tmp_path / "huge.png")
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((9_500, 9_500), np.uint8))
    (tmp_path / "cut.tif").write_bytes(b"II*\0\x08\0\0\0")
    code = ("import sys, pathlib; from keras_colorize import errors, media\n"
            "for name in sys.argv[1:]:\n"
            "    try: print(media.read_picture(pathlib.Path(name)).shape)\n"
            "    except errors.SourceError: print('refused')")
    answer = subprocess.run([sys.executable, "-c", code, "huge.png", "large.png", "cut.tif"],
                            capture_output=True, text=True, cwd=tmp_path)
    assert answer.stdout.splitlines() == ["refused", "(9500, 9500, 3)", "refused"]
    assert answer.stderr == ""


def test_a_picture_written_as_gif_keeps_its_colours(tmp_path):
    picture = episode.draw_frame(100)
    media.write_picture(tmp_path / "page.gif", picture)
    assert_same_picture(media.read_picture(tmp_path / "page.gif"), picture, 0, 2)


def test_a_comic_gives_its_pages_in_reading_order(tmp_path):
    expected = media_files.write_comic_cbz(tmp_path / "comic.cbz")
    assert media.is_book(tmp_path / "comic.cbz")
    book = media.open_book(tmp_path / "comic.cbz", only_pages=True)
    pages = list(book.pictures())
    assert book.names == [name for name, _ in pages] == list(media_files.PAGES)
    for (_, page), picture in zip(pages, expected, strict=True):
        np.testing.assert_array_equal(page, picture)
    assert [path.name for path in tmp_path.iterdir()] == ["comic.cbz"]
    (tmp_path / "comic.cbz").rename(tmp_path / "comic.cbr")  # as many a CBZ is named
    assert media.open_book(tmp_path / "comic.cbr").names == book.names


def test_a_pdf_gives_its_pages_at_the_resolution_of_their_pictures(tmp_path):
    expected = [media_files.scene(number) for number in range(3)]
    expected[1] = np.ascontiguousarray(expected[1][:51, :37])
    media_files.write_pdf(tmp_path / "comic.pdf", expected)
    assert media.is_book(tmp_path / "comic.pdf")
    pages = list(media.open_book(tmp_path / "comic.pdf").pictures())
    assert [name for name, _ in pages] == ["page001.png", "page002.png", "page003.png"]
    for (_, page), picture in zip(pages, expected, strict=True):
        assert_same_picture(page, picture, 1, 2)


def test_what_is_not_read_does_not_keep_the_pages_from_being_learned(tmp_path, monkeypatch):
    media_files.write_comic_cbz(tmp_path / "comic.cbz")
    with zipfile.ZipFile(tmp_path / "comic.cbz", "a") as archive:
        archive.writestr("trailer.mp4", bytes(2**20 + 1))
    monkeypatch.setattr(media.comics, "LARGEST_ENTRY", 2**20)
    assert len(media.open_book(tmp_path / "comic.cbz", only_pages=True).names) == \
        len(media_files.PAGES)
    with pytest.raises(SourceError, match=r"trailer\.mp4: unpacks to 1 MiB"):
        media.open_book(tmp_path / "comic.cbz")


def test_natural_order_counts_as_readers_do():
    names = ["page 1.png", "Page 2.png", "page 10.png", "part 2/a.png", "part 10/1.png",
             "part 10\\02.png", "part 10/x1y3.png", "part 10/x1y10.png"]
    assert sorted(reversed(names), key=media.natural_order) == names
    digits = [f"{number}.png" for number in ("0", "007", "10", "٣٣", "8" * 5000, "9" * 5000)]
    assert sorted(reversed(digits), key=media.natural_order) == digits, "of any length and script"


@pytest.mark.parametrize("name", BAD_COMICS)
def test_a_bad_comic_is_refused_in_one_line(name, tmp_path):
    write, line = BAD_COMICS[name]
    write(tmp_path / name)
    assert_refused(lambda: media.open_book(tmp_path / name, only_pages=True).pictures(), line)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_large_honest_comic_is_no_bomb(tmp_path, monkeypatch):
    media_files.write_comic_cbz(tmp_path / "comic.cbz")
    monkeypatch.setattr(media.comics, "LARGEST_ARCHIVE", 10)
    assert len(media.open_book(tmp_path / "comic.cbz").names) == len(media_files.PAGES)
