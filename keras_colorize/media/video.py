"""Videos and animated pictures, read frame by frame; interlaced frames are made whole."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Colorspace, VideoReformatter
from PIL import ImageSequence

from keras_colorize.errors import SourceError
from keras_colorize.media.comics import ARCHIVE_SUFFIXES
from keras_colorize.media.picture_kinds import PICTURE_SUFFIXES
from keras_colorize.media.pictures import (
    is_animated,
    on_white,
    open_picture,
    rgb_of,
)

VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mov", ".mpg", ".mpeg", ".ts",
                            ".m2ts", ".mts", ".vob", ".wmv", ".flv", ".ogv", ".3gp"))
_MATRICES = (1, 4, 5, 6, 7, 9)  # the tags (AVCOL_SPC) of a YUV frame that FFmpeg converts by


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame: its number from 0, its time in seconds, and its picture on demand."""

    number: int
    time: float
    decoded: av.VideoFrame

    pixel_aspect: float = 1.0
    """How much wider than high a stored pixel is shown."""
    reformatters: tuple[VideoReformatter, VideoReformatter] = field(
        default_factory=lambda: (VideoReformatter(), VideoReformatter()), repr=False)
    """Make the thumbnails, rough and exact; those of one frame serve a whole video, faster."""

    def picture(self) -> np.ndarray:
        """Converts the whole frame as it is shown, uint8 RGB [height, width, 3].

        It is upright, its pixels are square, and transparency is laid on white. YUV is converted by
        the matrix and range of its tags; without tags by BT.709 in high definition, else BT.601.
        """
        width = max(1, round(self.decoded.width * self.pixel_aspect))
        return self._shown(VideoReformatter(), self.decoded.height, width)

    def thumbnail(self, width: int = 256, exact: bool = True) -> np.ndarray:
        """Converts a small copy, uint8 BGR [about width * h / w, width, 3].

        Args:
            exact: whether every pixel counts. If not, a few do, at a third of the cost.
        """
        stored = self.decoded
        if self._quarters() % 2:
            size = width, max(2, round(width * stored.width / stored.height))
        else:
            size = max(2, round(width * stored.height / stored.width)), width
        reformatter = self.reformatters[exact]
        return self._shown(reformatter, *size, "bgr24", "AREA" if exact else "FAST_BILINEAR")

    def _quarters(self) -> int:
        """Counts the quarter turns, counterclockwise, that bring the stored picture upright."""
        return round(self.decoded.rotation / 90) % 4

    def _shown(self, reformatter: VideoReformatter, height: int, width: int, form: str = "rgb24",
               interpolation: str = "BILINEAR") -> np.ndarray:
        """Scales and converts the stored picture, then turns it upright."""
        stored = self.decoded
        matrix = None
        if stored.colorspace not in _MATRICES and not stored.format.is_rgb:
            high = stored.width >= 1280 or stored.height > 576  # as players do
            matrix = Colorspace.ITU709 if high else Colorspace.ITU601
        transparent = any(component.is_alpha for component in stored.format.components)
        pixels = reformatter.reformat(stored, width, height, "rgba" if transparent else form,
                                      src_colorspace=matrix, interpolation=interpolation,
                                      threads=1).to_ndarray()
        if transparent:
            pixels = on_white(pixels)[..., ::-1 if form == "bgr24" else 1]
        return np.ascontiguousarray(np.rot90(pixels, self._quarters()))


def read_video(path: Path, threads: int = 0) -> Iterator[VideoFrame]:
    """Decodes every frame of the video stream that a player shows, in order, one at a time.

    An animated GIF or WebP is a video too.

    Args:
        threads: how many threads decode; 0 is the library's choice.

    Raises:
        SourceError: it is no video, holds no frame, is damaged, or is cut short. It is cut short
            where it holds fewer packets than it declares or, if it declares no number, where it
            ends long before the declared duration.
    """
    if is_animated(path):
        yield from _animation(path)
        return
    number, packets, seconds = 0, 0, 0.0
    try:
        with open_video(path) as container:
            stream = _shown_stream(container, path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
            aspect = float(stream.sample_aspect_ratio or 1)
            whole = Deinterlacer(threads)
            reformatters = VideoReformatter(), VideoReformatter()
            for packet in container.demux(stream):
                packets += packet.size > 0
                if container.format.name == "avi" and packet.dts is not None:
                    packets = max(packets, packet.dts + 1)  # it declares dropped frames too
                for frame in whole.frames(packet):
                    seconds = _seconds(frame, number, stream)
                    yield VideoFrame(number, seconds, frame, aspect, reformatters)
                    number += 1
            declared, duration = stream.frames, _declared_seconds(container, stream)
    except av.FFmpegError as error:
        raise SourceError(path, f"cannot be decoded ({error.strerror})",
                          "is it a whole video? copy or download it again") from error
    if number == 0:
        raise SourceError(path, "holds no frame", "is it a whole video? copy it again")
    cut = f"{packets} of {declared} declared frames" if packets < declared else \
        f"it ends at {seconds:.0f} of {duration:.0f} seconds" \
        if not declared and seconds < 0.9 * duration - 2 else ""
    if cut:
        raise SourceError(path, f"is cut short: {cut}",
                          "copy it again, or convert what is left of it with ffmpeg")


def _animation(path: Path) -> Iterator[VideoFrame]:
    """Gives the frames of a GIF or WebP, of a tenth of a second where they do not say how long."""
    seconds = 0.0
    with open_picture(path, path) as image:
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            frame.load()
            yield VideoFrame(number, seconds, av.VideoFrame.from_ndarray(rgb_of(frame), "rgb24"))
            seconds += (frame.info.get("duration") or 100) / 1000
    if path.suffix.lower() == ".gif" and not path.read_bytes().rstrip(b"\0\r\n").endswith(b";"):
        raise SourceError(path, "is cut short", "copy it again")


def open_video(path: Path) -> av.container.InputContainer:
    """Opens a video by its container."""
    return av.open(str(path), metadata_errors="replace")  # old titles are not UTF-8


def _shown_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """Finds the stream that a player shows, never the cover of an audio file."""
    stream = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:
        raise SourceError(path, "holds no video stream", "give a video or a picture folder")
    return stream


def _seconds(frame: av.VideoFrame, number: int, stream: av.VideoStream) -> float:
    return frame.time if frame.time is not None else float(number / (stream.average_rate or 25))


def _declared_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Reads the length that the stream, or else the file, declares; 0 where neither does."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    try:  # Matroska has it as a tag
        hours, minutes, seconds = map(float, stream.metadata["DURATION"].split(":"))
        return 3600 * hours + 60 * minutes + seconds
    except (KeyError, ValueError):
        return (container.duration or 0) / av.time_base


def frame_count(path: Path) -> int:
    """Reads the number of frames that a video declares, or computes it from duration and rate.

    It is 0 where the video declares neither or is unreadable.
    """
    try:
        if is_animated(path):
            with open_picture(path, path) as image:
                return image.n_frames
        with open_video(path) as container:
            stream = _shown_stream(container, path)
            return stream.frames or round(_declared_seconds(container, stream)
                                          * (stream.average_rate or 0))
    except (av.FFmpegError, SourceError):
        return 0


def peek(path: Path, count: int = 16) -> list[np.ndarray]:
    """Reads a few pictures from all over a video, as `VideoFrame.picture` gives them.

    They are the key frames before `count` evenly spread places, each once. A short video has few
    of them, and some videos cannot be sought: of those, frames from the beginning on are taken.
    A bad file gives what can be read, at worst nothing; the real reading reports it.
    """
    pictures: list[np.ndarray] = []
    with suppress(av.FFmpegError, SourceError):
        if not is_animated(path):
            pictures = _key_pictures(path, count)
        if len(pictures) < count / 4:
            frames = frame_count(path)
            step = min(count, max(1, frames // count))
            shown = islice(read_video(path), 0, count * step if frames else 0, step)
            pictures = [frame.picture() for frame in shown]
    return pictures


def _key_pictures(path: Path, count: int) -> list[np.ndarray]:
    pictures: dict[int, np.ndarray] = {}
    with open_video(path) as container:
        stream = _shown_stream(container, path)
        aspect, start = float(stream.sample_aspect_ratio or 1), container.start_time or 0
        for place in range(count if container.duration else 0):
            container.seek(start + container.duration * (2 * place + 1) // (2 * count))
            frame = next(container.decode(stream), None)
            if frame is not None and frame.pts not in pictures:
                pictures[frame.pts] = VideoFrame(0, 0.0, frame, aspect).picture()
    return list(pictures.values())


def is_video(path: Path) -> bool:
    """Whether a file is a video by its suffix, or an animated GIF, WebP or AVIF."""
    return path.suffix.lower() in VIDEO_SUFFIXES or is_animated(path)


def is_video_name(path: Path) -> bool:
    """Whether a suffix is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_file_name(path: Path) -> bool:
    """Whether a suffix is that of a video, a picture or an archive of pictures."""
    return path.suffix.lower() in VIDEO_SUFFIXES | PICTURE_SUFFIXES | ARCHIVE_SUFFIXES


class Deinterlacer:
    """Decodes packets; from the first interlaced frame on, all frames pass through bwdif."""

    def __init__(self, threads: int):
        self.threads, self.graph, self.size = threads, None, None

    def frames(self, packet: av.Packet) -> Iterator[av.VideoFrame]:
        """Gives the frames that a packet completes; the empty last packet gives all the rest."""
        for frame in packet.decode():
            size = frame.width, frame.height
            if self.size not in (None, size):  # or the filter would stretch it to the former size
                yield from self._rest()
            if self.graph is None and frame.interlaced_frame:
                self._begin(frame)
            self.size = size
            if self.graph is None:
                yield frame
            else:
                self.graph.push(frame)
                yield from self._pulled()
        if packet.size == 0:
            yield from self._rest()

    def _begin(self, frame: av.VideoFrame) -> None:
        self.graph = av.filter.Graph()
        self.graph.threads = self.threads
        self.graph.link_nodes(
            self.graph.add_buffer(width=frame.width, height=frame.height,
                                  format=frame.format, time_base=frame.time_base),
            self.graph.add("bwdif", "mode=send_frame:deint=interlaced"),
            self.graph.add("buffersink")).configure()

    def _rest(self) -> Iterator[av.VideoFrame]:
        if self.graph is not None:
            self.graph.push(None)
            yield from self._pulled()
            self.graph = None

    def _pulled(self) -> Iterator[av.VideoFrame]:
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield self.graph.pull()
