import numpy as np
import pytest

from keras_colorize import media
from keras_colorize.data.build_workers import Stage
from keras_colorize.data.sources import FolderSource, Sampling, VideoSource
from keras_colorize.errors import SourceError


@pytest.fixture
def stage(tmp_path):
    """A function that stages a folder of one picture at a size."""
    picture = tmp_path / "pictures" / "1.png"
    media.write_picture(picture, np.full((64, 96, 3), 90, np.uint8))
    source = FolderSource("pictures", picture.parent, (picture,))
    return lambda *size: Stage(source, "fingerprint", Sampling(size=size), tmp_path)


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"report"', b'{"examples": [{}]}', b"\xff"])
def test_a_damaged_note_of_a_finished_source_counts_as_none(stage, tmp_path, damage):
    staged = stage(64, 96).perform(1)
    assert stage(64, 96).finished().report == staged.report
    note, = tmp_path.glob("*.json")
    note.write_bytes(damage)
    assert stage(64, 96).finished() is None
    assert stage(64, 96).perform(1).report == staged.report


def test_a_source_that_needs_more_memory_than_there_is_is_told_so(stage):
    with pytest.raises(SourceError, match="pictures: needs more memory than there is; run the"):
        stage(10**7, 10**7).perform(1)


def test_what_a_worker_raises_drags_along_no_error_of_a_library(tmp_path):
    stage = Stage(VideoSource("film.mp4", tmp_path / "film.mp4"), "none", Sampling(), tmp_path)
    with pytest.raises(SourceError, match=r"film\.mp4: cannot be decoded \(No such file") as caught:
        stage.perform(1)
    assert caught.value.__cause__ is caught.value.__context__ is None
