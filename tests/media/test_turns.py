import struct

import av
import media_files
import numpy as np
import pytest
from test_media import assert_same_picture

from keras_colorize import media
from keras_colorize.media import turns

MATRICES = {  # a, b, c, d of a display matrix, and what it makes of a picture
    (1, 0, 0, 1): lambda picture: picture,
    (-1, 0, 0, 1): lambda picture: picture[:, ::-1],
    (1, 0, 0, -1): lambda picture: picture[::-1],
    (-1, 0, 0, -1): lambda picture: picture[::-1, ::-1],
    (0, 1, 1, 0): lambda picture: picture.swapaxes(0, 1),
    (0, -1, 1, 0): lambda picture: picture.swapaxes(0, 1)[::-1],
    (0, 1, -1, 0): lambda picture: picture.swapaxes(0, 1)[:, ::-1],
    (0, -1, -1, 0): lambda picture: picture.swapaxes(0, 1)[::-1, ::-1],
}


def write_turned(path, matrix):
    pictures = media_files.write_vfr_mp4(path)
    file = bytearray(path.read_bytes())
    at = file.index(b"tkhd") + 44  # of a version 0 box
    a, b, c, d = (value << 16 for value in matrix)
    file[at:at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(file)
    return pictures


@pytest.mark.parametrize("matrix", MATRICES)
def test_every_display_matrix_is_followed(matrix, tmp_path):
    path = tmp_path / "turned.mp4"
    expected = [MATRICES[matrix](picture) for picture in write_turned(path, matrix)]
    for frame, picture in zip(media.read_video(path), expected, strict=True):
        assert_same_picture(frame.picture(), picture)
        assert frame.thumbnail(48).shape == (48 * picture.shape[0] // picture.shape[1], 48, 3)


@pytest.mark.parametrize("matrix", MATRICES)
def test_mirroring_and_then_turning_is_what_the_whole_matrix_does(matrix, tmp_path):
    write_turned(tmp_path / "turned.mp4", matrix)
    with av.open(str(tmp_path / "turned.mp4")) as container:
        turn = turns.Turn.of(next(container.decode(video=0)))
    stored = media_files.scene()
    assert np.array_equal(np.rot90(turn.mirrored(stored), turn.quarters), turn.upright(stored))
    assert np.array_equal(turn.upright(stored), MATRICES[matrix](stored))
