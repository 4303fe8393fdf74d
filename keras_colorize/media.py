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
ARCHIVE_SUFFIXES = frozenset((".cbz", ".zip", ".cbr", ".pdf", ".epub"))
PICTURE_SUFFIXES = frozenset([".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"])


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame: its number from 0, its time in seconds, and its picture on demand."""

    number: int
    time: float
    decoded: av.VideoFrame

    pixel_aspect: float = 1.0
    """How much wider than high a pixel is shown."""

    def picture(self) -> np.ndarray:
        """The whole frame as it is shown, uint8 RGB [height, width, 3]."""
        width = max(1, round(self.decoded.width * self.pixel_aspect))
        return self.decoded.reformat(width, self.decoded.height, "rgb24").to_ndarray()

    def thumbnail(self, width: int = 256) -> np.ndarray:
        """A small copy for shot detection, uint8 BGR [about width * h / w, width, 3]."""
        height = max(2, round(width * self.decoded.height / self.decoded.width))
        return self.decoded.reformat(width, height, "bgr24").to_ndarray()


def read_video(path: Path) -> Iterator[VideoFrame]:
    """Decodes every frame of a file's first video stream, in order, one at a time.

    Raises:
        SourceError: not a video, no frame in it, damaged, or cut short: fewer packets than it
            declares, or, where it declares no number, the end long before the declared duration.
    """
    number, packets, seconds = 0, 0, 0.0
    try:
        with _open(path) as container:
            if not container.streams.video:
                raise SourceError(path, "holds no video stream", "give a video or a picture folder")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            aspect = float(stream.sample_aspect_ratio or 1)
            for packet in container.demux(stream):
                packets += packet.size > 0
                for frame in packet.decode():
                    seconds = float(frame.time or 0.0)
                    yield VideoFrame(number, seconds, frame, aspect)
                    number += 1
            declared, duration = stream.frames, (container.duration or 0) / av.time_base
    except av.FFmpegError as error:
        raise SourceError(path, f"cannot be decoded ({error.strerror})",
                          "is it a whole video? copy or download it again") from error
    if number == 0:
        raise SourceError(path, "holds no frame", "is it a whole video? copy it again")
    if packets < declared:
        raise SourceError(path, f"is cut short: {packets} of {declared} declared frames",
                          "copy it again, or convert what is left of it with ffmpeg")
    if not declared and seconds < 0.9 * duration - 2:
        raise SourceError(path, f"is cut short: it ends at {seconds:.0f} of {duration:.0f} seconds",
                          "copy it again, or convert what is left of it with ffmpeg")


def _open(path: Path) -> av.container.InputContainer:
    return av.open(str(path), metadata_errors="replace")  # old titles are not UTF-8


def frame_count(path: Path) -> int:
    """The number of frames that a video declares, 0 where it declares none or is unreadable."""
    try:
        with _open(path) as container:
            return container.streams.video[0].frames
    except (av.FFmpegError, IndexError):
        return 0


def read_picture(path: Path) -> np.ndarray:
    """A picture as uint8 RGB [height, width, 3], turned upright as its EXIF says.

    Raises:
        SourceError: the file cannot be read, is no picture, or is damaged.
    """
    try:
        picture = decode_picture(path.read_bytes())
    except OSError as error:
        raise SourceError(path, f"cannot be read ({error.strerror})", "check it") from error
    if picture is None:
        raise SourceError(path, "cannot be read as a picture", "is it whole? export it as PNG")
    return picture


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Writes uint8 [h, w, 3] RGB or [h, w] gray in the format of the suffix, whole or not at all.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
        SourceError: the format does not take a picture of this size.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(encode_picture(picture, path.suffix))


def encode_picture(picture: np.ndarray, suffix: str = ".png") -> bytes:
    """uint8 [h, w, 3] RGB or [h, w] gray as the bytes of a file of that suffix.

    Raises:
        SourceError: the format does not take a picture of this size.
    """
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    encoded, file = cv2.imencode(suffix, stored)
    if not encoded:
        raise SourceError(f"a picture of {picture.shape[0]}x{picture.shape[1]}",
                          f"is too large for {suffix}", "convert it to PNG first")
    return file.tobytes()


def decode_picture(encoded: bytes) -> np.ndarray | None:
    """The bytes of a picture file as uint8 RGB [h, w, 3]; None where they are no picture."""
    try:
        return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # nothing in it, or more pixels than OpenCV takes
        return None


def is_video(path: Path) -> bool:
    """Whether a file's suffix is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_file_name(path: Path) -> bool:
    """Whether a suffix is that of a video, a picture or an archive of pictures."""
    return is_video(path) or is_picture(path) or path.suffix.lower() in ARCHIVE_SUFFIXES


def is_picture(path: Path) -> bool:
    """Whether a file's suffix is that of a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES
