import av
import media_files
import numpy as np
import pytest
from test_media import assert_same_picture

from keras_colorize import media
from keras_colorize.media import planes

SIZE = (64, 96)


def write_alpha_webm(path, codec="libvpx-vp9"):
    """Scenes of which the left half is opaque, then half transparent, then not to be seen."""
    alpha = np.repeat(np.array([255, 255, 128, 0], np.uint8), SIZE[1] // 4)
    alpha = np.broadcast_to(alpha, SIZE)[..., np.newaxis]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options={"crf": "4", "b:v": "4M",
                                                               "auto-alt-ref": "0"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuva420p"
        for picture in media_files.scenes(size=SIZE):
            frame = av.VideoFrame.from_ndarray(np.dstack([picture, alpha]), "rgba")
            container.mux(stream.encode(frame.reformat(format="yuva420p")))
        container.mux(stream.encode())
    return [np.rint(picture * (alpha / 255) + 255 - alpha).astype(np.uint8)
            for picture in media_files.scenes(size=SIZE)]


WRITERS = {
    "vp9.webm": write_alpha_webm, "vp9.mkv": write_alpha_webm,
    "vp8.webm": lambda path: write_alpha_webm(path, "libvpx"),
    "rgb.mkv": media_files.write_alpha_mkv, "yuv.mkv": media_files.write_yuv_alpha_mkv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_transparency_is_laid_on_white(name, tmp_path):
    expected = WRITERS[name](tmp_path / name)
    frames = list(media.read_video(tmp_path / name))
    for frame, picture in zip(frames, expected, strict=True):
        assert_same_picture(frame.picture(), picture, often=5, at_edges=20)
    assert_same_picture(media.peek(tmp_path / name)[0], expected[0], often=5, at_edges=20)


@pytest.mark.parametrize("name", WRITERS)
def test_a_coloured_film_gets_the_luma_that_is_seen(name, tmp_path):
    WRITERS[name](tmp_path / name)
    frame = next(media.read_video(tmp_path / name)).decoded
    layout = planes.layout_of(frame, "libx264")
    codes = planes.luma(frame, layout)
    gray = planes.lightness(codes, layout)
    assert (gray[:, -SIZE[1] // 4 + 2:] >= 253).all()
    assert gray[:SIZE[0] // 2 - 4, :SIZE[1] // 2 - 4].max() < 100
