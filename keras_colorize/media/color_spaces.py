"""Colours of high dynamic range or a wide gamut, which are refused by name, not read washed out."""

from pathlib import Path

import av

from keras_colorize.errors import SourceError

_TRANSFERS = {16: "HDR (PQ)", 18: "HDR (HLG)"}
_PRIMARIES = {9: "BT.2020", 11: "DCI P3", 12: "Display P3"}
_MATRICES = {9: "BT.2020", 10: "BT.2020 of constant luminance", 14: "ICtCp"}


def check(frame: av.VideoFrame, path: Path) -> av.VideoFrame:
    """Returns a frame whose colours are those of BT.709, BT.601 and the like.

    Raises:
        SourceError: they are others.
    """
    name = (_TRANSFERS.get(frame.color_trc) or _PRIMARIES.get(frame.color_primaries)
            or _MATRICES.get(frame.colorspace))
    if name:
        raise SourceError(path, f"is in {name}, which is not read",
                          "convert it to BT.709 with ffmpeg (zscale and tonemap)")
    return frame
