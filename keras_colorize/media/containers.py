"""Which container and which encoder a film gets, by what they can hold."""

from collections.abc import Iterator
from pathlib import Path

import av

from keras_colorize.errors import SourceError, UsageError
from keras_colorize.media.pictures import is_animated
from keras_colorize.media.video import open_video, read_video

CODECS = {".webm": "libvpx-vp9"}  # of containers that do not take H.264
CONTAINERS = frozenset((".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".ts", ".m2ts", ".flv",
                        ".3gp"))
"""Of coloured films; those of other containers become Matroska, which holds whatever they hold."""
ANIMATION_RATE = 10  # frames a second of an animated picture
_OFF = 0.1  # frames by which a time, rounded by its container, may lie off those of a steady rate


def codec_for(target: Path, codec: str | None) -> str:
    """The encoder of a film: as asked for, else by its container.

    Raises:
        UsageError: it is no encoder of video that this FFmpeg has.
    """
    chosen = codec or CODECS.get(target.suffix.lower(), "libx264")
    try:
        found = av.Codec(chosen, "w")
    except ValueError as error:
        raise UsageError(chosen, "is no encoder that is known here", "check --codec") from error
    if found.type != "video":
        raise UsageError(chosen, "is no encoder of video", "check --codec")
    return found.name


def place_of(source: Path, target: Path, is_named: bool) -> Path:
    """The file that a film becomes: `target`, or Matroska where that cannot hold it.

    Args:
        is_named: whether the user named `target`, which then stays or is refused.

    Raises:
        SourceError: it is refused.
    """
    suffix = target.suffix.lower()
    if suffix not in CONTAINERS:
        reason = f"is in a container ({suffix}) that holds neither H.264 nor VP9"
    elif suffix == ".avi" and not is_steady(source):
        reason = "is in a container (.avi) that cannot hold the varying times of the film's frames"
    else:
        return target
    if is_named:
        raise SourceError(target, reason, "name a --out that ends in .mkv")
    return target.with_suffix(".mkv")


def is_steady(source: Path) -> bool:
    """Whether all frames are a whole number of frames of the film's rate apart.

    True where that cannot be read, which the reading of its frames reports.
    """
    try:
        rate, times = ANIMATION_RATE, sorted(_times(source))
        if not is_animated(source):
            with open_video(source) as container:
                stream = container.streams.best("video")
                rate = stream.average_rate or stream.guessed_rate or 25
    except (av.FFmpegError, SourceError):
        return True
    places = [(time - times[0]) * float(rate) for time in times]
    return all(abs(place - round(place)) < _OFF for place in places)


def _times(source: Path) -> Iterator[float]:
    """When the frames of a film are shown, in seconds, as far as it says, without decoding it."""
    if is_animated(source):
        yield from (frame.time for frame in read_video(source))
        return
    with open_video(source) as container:
        stream = container.streams.best("video")
        for packet in container.demux(stream) if stream else ():
            if packet.pts is not None:
                yield float(packet.pts * packet.time_base)
