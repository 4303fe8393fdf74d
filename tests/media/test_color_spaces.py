import av
import media_files
import pytest

from keras_colorize import media
from keras_colorize.errors import SourceError


@pytest.mark.parametrize("transfer, primaries, matrix, name", [
    (16, 9, 9, r"HDR \(PQ\)"), (18, 9, 9, r"HDR \(HLG\)"), (14, 9, 9, "BT.2020"),
    (2, 2, 9, "BT.2020"), (2, 12, 1, "Display P3"), (2, 2, 14, "ICtCp")])
def test_wide_colours_are_refused_by_name(transfer, primaries, matrix, name, tmp_path):
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = matrix, primaries, transfer
        for picture in media_files.scenes(3, (48, 64)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match=f"is in {name}, which is not read; convert it to BT.709"):
        next(media.read_video(tmp_path / "in.mkv"))
