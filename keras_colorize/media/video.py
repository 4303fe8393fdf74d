"""Videos and animated pictures, read frame by frame; interlaced frames are made whole."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from PIL import ImageSequence

from keras_colorize.errors import SourceError
from keras_colorize.image.pixels import narrowed
from keras_colorize.media import color_spaces, planes
from keras_colorize.media.pictures import is_animated, on_white, open_picture, rgb_of
from keras_colorize.media.turns import Turn
from keras_colorize.media.wholeness import Wholeness, declared_seconds

VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mov", ".mpg", ".mpeg", ".ts",
                            ".m2ts", ".mts", ".vob", ".wmv", ".flv", ".ogv", ".3gp"))
_WITH_ALPHA = {"vp9": "libvpx-vp9", "vp8": "libvpx"}  # FFmpeg's own decoders overlook it
SET_BACK = 1.0  # seconds; less is disorder of the file, not another clock
SET_FORWARD = 36000.0  # as FFmpeg shows clocks of 33 bits that were set back


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame: its number from 0, its time in seconds, and its picture on demand.

    The time is that from the first frame, whatever clock the file has.
    """

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

        Where it is not `exact`, only a few pixels count, at a third of the cost.
        """
        is_lying = self._turn.quarters % 2
        step = -1 if is_lying else 1  # along height and width, or width and height
        down, across = (self.decoded.height, self.decoded.width)[::step]
        size = max(2, round(width * down / across)), width
        return self._shown(self.reformatters[exact], *size[::step], "bgr24",
                           "AREA" if exact else "FAST_BILINEAR")

    @cached_property
    def _turn(self) -> Turn:
        return Turn.of(self.decoded)

    def _shown(self, reformatter: VideoReformatter, height: int, width: int, form: str = "rgb24",
               interpolation: str = "BILINEAR") -> np.ndarray:
        """Scales and converts the stored picture, then turns it upright."""
        stored = self.decoded
        matrix = None if stored.format.is_rgb else planes.matrix_of(stored)
        transparent = any(component.is_alpha for component in stored.format.components)
        pixels = reformatter.reformat(stored, width, height, "rgba" if transparent else form,
                                      src_colorspace=matrix, interpolation=interpolation,
                                      threads=1).to_ndarray()
        if transparent:
            pixels = on_white(pixels)[..., ::-1 if form == "bgr24" else 1]
        return self._turn.upright(pixels)


def read_video(path: Path, threads: int = 0) -> Iterator[VideoFrame]:
    """Decodes every frame of the video stream that a player shows, in order, one at a time.

    An animated GIF or WebP is a video too. For 0 `threads` the library chooses how many decode.

    Raises:
        SourceError: it is no video, holds no frame, is damaged, or is cut short: it lacks frames
            that the index of its picture stream lists, or ends before the declared length.
    """
    if is_animated(path):
        yield from _animation(path)
        return
    number, clock = 0, Clock()
    try:
        with open_video(path) as container:
            stream = _shown_stream(container, path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
            aspect = float(stream.sample_aspect_ratio or 1)
            whole, wholeness = Deinterlacer(stream), Wholeness(path, container, stream)
            reformatters = VideoReformatter(), VideoReformatter()
            step = float(1 / (stream.average_rate or 25))
            untimed = deque() if container.format.name == "avi" else None
            for packet in container.demux(wholeness.streams):
                wholeness.see(packet)
                if untimed is not None and packet.stream is stream and packet.dts is not None:
                    untimed.append(packet.dts * packet.time_base)
                for frame in whole.frames(packet) if packet.stream is stream else ():
                    if untimed:  # AVI has times for packets alone, in the order of decoding
                        frame.pts = round(untimed.popleft() / frame.time_base)
                    yield VideoFrame(number, clock.seconds(frame.time, step), frame, aspect,
                                     reformatters)
                    number += 1
            lack = wholeness.lack()
    except av.FFmpegError as error:
        raise SourceError(path, f"cannot be decoded ({error.strerror})",
                          "is it a whole video? copy or download it again") from error
    if number == 0:
        raise SourceError(path, "holds no frame", "is it a whole video? copy it again")
    if lack:
        raise SourceError(path, f"is cut short: {lack}",
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


def frame_count(path: Path) -> int:
    """Reads the number of frames that a video declares, or that follows from duration and rate.

    It is 0 where the video declares neither or is unreadable.
    """
    try:
        if is_animated(path):
            with open_picture(path, path) as image:
                return image.n_frames
        with open_video(path) as container:
            stream = _shown_stream(container, path)
            return stream.frames or round(declared_seconds(container, stream)
                                          * (stream.average_rate or 0))
    except (av.FFmpegError, SourceError):
        return 0


def peek(path: Path, count: int = 16, width: int | None = None) -> list[np.ndarray]:
    """Reads a few pictures from all over a video, as `VideoFrame.picture` gives them.

    With a `width` wider ones are scaled down to it.

    They are the key frames before `count` evenly spread places, each once. A short video has few
    of them, and some videos cannot be sought: of those, frames from the beginning on are taken.
    A bad file gives what can be read, at worst nothing; the real reading reports it.
    """
    pictures: list[np.ndarray] = []
    with suppress(av.FFmpegError, SourceError):
        if not is_animated(path):
            pictures = [_shown(frame, width) for frame, in excerpts(path, count, 1)]
        if len(pictures) < count / 4:
            frames = frame_count(path)
            step = min(count, max(1, frames // count))
            shown = islice(read_video(path), 0, count * step if frames else 0, step)
            pictures = [_shown(frame, width) for frame in shown]
    return pictures


def _shown(frame: VideoFrame, width: int | None) -> np.ndarray:
    return frame.picture() if width is None else narrowed(frame.picture(), width)


def excerpts(path: Path, count: int, length: int) -> Iterator[list[VideoFrame]]:
    """Reads up to `length` frames on from the key frames before evenly spread places, each once.

    There are `count` such places. It raises as PyAV does, and SourceError as `read_video`.
    """
    seen = set()
    with open_video(path) as container:
        stream = _shown_stream(container, path)
        aspect, start = float(stream.sample_aspect_ratio or 1), container.start_time or 0
        for place in range(count if container.duration else 0):
            container.seek(start + container.duration * (2 * place + 1) // (2 * count))
            decoder = Decoder(stream)
            decoded = (frame for packet in container.demux(stream)
                       for frame in decoder.frames(packet))
            frames = [VideoFrame(number, 0.0, frame, aspect)
                      for number, frame in enumerate(islice(decoded, length))]
            if frames and frames[0].decoded.pts not in seen:
                seen.add(frames[0].decoded.pts)
                yield frames


def is_video(path: Path) -> bool:
    """Whether a file is a video by its suffix, or an animated GIF, WebP or AVIF."""
    return path.suffix.lower() in VIDEO_SUFFIXES or is_animated(path)


class Clock:
    """Counts seconds from the first frame of a video, also where its clock is set back."""

    def __init__(self):
        self._start, self._last = None, None

    def seconds(self, time: float | None, step: float) -> float:
        """Returns the time of the next frame, which follows after `step` where it has no `time`."""
        after = 0.0 if self._last is None else self._last + step
        if time is None:
            self._last = after
        else:
            if self._start is None or not \
                    self._last - SET_BACK <= time - self._start <= self._last + SET_FORWARD:
                self._start = time - after
            self._last = time - self._start
        return self._last


class Decoder:
    """Decodes the packets of a stream, with the transparency that WebM keeps beside them.

    It raises SourceError where the colours are of high dynamic range or a wide gamut.
    """

    def __init__(self, stream: av.VideoStream):
        self.stream, self._context = stream, None
        self._path = Path(stream.container.name)

    def frames(self, packet: av.Packet) -> list[av.VideoFrame]:
        """Gives the frames that a packet completes; the empty last packet gives all the rest."""
        if self._context is None:
            name = _WITH_ALPHA.get(self.stream.codec_context.codec.name)
            has_alpha = name in av.codecs_available and \
                packet.has_sidedata("matroska_block_additional")
            self._context = self.stream.codec_context
            if has_alpha:
                self._context = av.CodecContext.create(name, "r")
                self._context.thread_count = self.stream.codec_context.thread_count
        if packet.has_sidedata("encryption_info"):
            raise SourceError(self._path, "is encrypted", "give a copy without protection")
        return [color_spaces.check(frame, self._path) for frame in self._context.decode(packet)]


class Deinterlacer:
    """Decodes packets; from the first interlaced frame on, all frames pass through bwdif."""

    def __init__(self, stream: av.VideoStream):
        self.decoder, self.graph, self.size = Decoder(stream), None, None

    def frames(self, packet: av.Packet) -> Iterator[av.VideoFrame]:
        """Gives the frames that a packet completes; the empty last packet gives all the rest."""
        for frame in self.decoder.frames(packet):
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
        self.graph.threads = self.decoder.stream.codec_context.thread_count
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
