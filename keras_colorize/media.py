"""Frames in and out of videos and pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file

VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mov", ".mpg", ".mpeg", ".ts",
                            ".m2ts", ".wmv", ".flv", ".ogv", ".3gp"))
PICTURE_SUFFIXES = frozenset([".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"])


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame: its number from 0, its time in seconds, and its picture on demand."""

    number: int
    time: float
    decoded: av.VideoFrame

    def picture(self) -> np.ndarray:
        """The whole frame, uint8 RGB [height, width, 3]."""
        return self.decoded.to_ndarray(format="rgb24")

    def thumbnail(self, width: int = 256) -> np.ndarray:
        """A small copy for shot detection, uint8 BGR [about width * h / w, width, 3]."""
        height = max(2, round(width * self.decoded.height / self.decoded.width))
        return self.decoded.reformat(width, height, "bgr24").to_ndarray()


def read_video(path: Path) -> Iterator[VideoFrame]:
    """Decodes every frame of a file's first video stream, in order, one at a time.

    Raises:
        SourceError: not a video, no frame in it, damaged, or cut short: fewer frames than declared.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise SourceError(path, "holds no video stream", "give a video or a picture folder")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            number = -1
            for number, frame in enumerate(container.decode(stream)):
                yield VideoFrame(number, float(frame.time or 0.0), frame)
            declared = stream.frames
    except av.FFmpegError as error:
        raise SourceError(path, f"cannot be decoded ({error.strerror})",
                          "is it a whole video? copy or download it again") from error
    if number < 0:
        raise SourceError(path, "holds no frame", "is it a whole video? copy it again")
    if number + 1 < declared:
        raise SourceError(path, f"is cut short: {number + 1} of {declared} declared frames",
                          "copy it again, or convert what is left of it with ffmpeg")


def frame_count(path: Path) -> int:
    """The number of frames that a video declares, 0 where it declares none or is unreadable."""
    try:
        with av.open(str(path)) as container:
            return container.streams.video[0].frames
    except (av.FFmpegError, IndexError):
        return 0


def read_picture(path: Path) -> np.ndarray:
    """A picture as uint8 RGB [height, width, 3], turned upright as its EXIF says.

    Raises:
        SourceError: the file is no picture, or is damaged.
    """
    picture = decode_picture(path.read_bytes())
    if picture is None:
        raise SourceError(path, "cannot be read as a picture", "is it whole? export it as PNG")
    return picture


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Writes uint8 [h, w, 3] RGB or [h, w] gray in the format of the suffix, whole or not at all.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(encode_picture(picture, path.suffix))


def encode_picture(picture: np.ndarray, suffix: str = ".png") -> bytes:
    """uint8 [h, w, 3] RGB or [h, w] gray as the bytes of a file of that suffix."""
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    return cv2.imencode(suffix, stored)[1].tobytes()


def decode_picture(encoded: bytes) -> np.ndarray | None:
    """The bytes of a picture file as uint8 RGB [h, w, 3]; None where they are no picture."""
    if not encoded:
        return None
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)


def is_video(path: Path) -> bool:
    """Whether a file's suffix is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_picture(path: Path) -> bool:
    """Whether a file's suffix is that of a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES
