import media_files
import numpy as np
import pytest
from media_files import BAD_VIDEOS, VIDEOS
from test_media import assert_same_picture

from keras_colorize import media


@pytest.fixture
def sweep(tmp_path):
    """A film of 96 frames that grows lighter, with a key frame every eighth."""
    path = tmp_path / "sweep.mkv"
    media_files._encode(path, [np.full((64, 96, 3), 20 + 2 * n, np.uint8) for n in range(96)],
                        options={"g": "8", "keyint_min": "8", "sc_threshold": "0"})
    return path


def test_a_peek_shows_frames_from_all_over_the_film(sweep):
    levels = [picture.mean() for picture in media.peek(sweep, 6)]
    assert len(levels) == 6 and levels[0] < 50 and levels[-1] > 170
    assert levels == sorted(set(levels))


def test_a_peek_shows_no_frame_twice(sweep):
    assert len(media.peek(sweep, 48)) == 12


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_a_peek_without_a_declared_number_of_frames_sees_beyond_the_title(suffix, tmp_path):
    pictures = [np.full((64, 96, 3), 40 + number // 2, np.uint8) for number in range(256)]
    media_files._encode(tmp_path / f"film{suffix}", pictures, options={"g": "1000"})
    assert media.frame_count(tmp_path / f"film{suffix}") == pytest.approx(256, abs=2)
    shown = media.peek(tmp_path / f"film{suffix}")
    assert shown[-1].mean() - shown[0].mean() > 100


@pytest.mark.parametrize("name", ["rotated.mp4", "two_streams.mkv", "moving.gif"])
def test_a_peek_shows_frames_as_they_are_read(name, tmp_path):
    expected = VIDEOS[name](tmp_path / name)
    assert_same_picture(media.peek(tmp_path / name)[0], expected[0])


@pytest.mark.parametrize("name", ["poem.mp4", "empty.mp4", "song.mkv"])
def test_a_peek_at_a_bad_file_shows_nothing_and_leaves_the_error_to_the_reading(name, tmp_path):
    BAD_VIDEOS[name][0](tmp_path / name)
    assert media.peek(tmp_path / name) == [] and media.frame_count(tmp_path / name) == 0
