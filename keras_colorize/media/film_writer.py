"""Films out: their encoder and container, with all else that a film holds.

A coloured film is encoded in pieces, which are then joined. A film in colour is copied as it is.
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from operator import itemgetter
from pathlib import Path

import av

from keras_colorize.errors import SourceError, UsageError
from keras_colorize.files import whole_file
from keras_colorize.media.film_streams import (
    IN_MATROSKA,
    copied_packets,
    copied_stream,
    in_words,
    muxer_options,
    take_over,
)
from keras_colorize.media.pictures import is_animated
from keras_colorize.media.planes import Layout
from keras_colorize.media.video import open_video, read_video

CODECS = {".webm": "libvpx-vp9"}  # of containers that do not take H.264
CONTAINERS = frozenset((".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".ts", ".m2ts", ".flv",
                        ".3gp"))
"""Of coloured films. Films of other containers become Matroska, which holds whatever they hold."""
ANIMATION_RATE = 10  # frames a second of an animated picture
CAPTIONED = frozenset(("libx264", "libx265"))  # encoders that write the captions of frames
QUALITY = {"libx264": 18, "libx265": 19, "libvpx-vp9": 22, "libsvtav1": 22}
REHEARSED = 200  # packets
_OPTIONS = {"libx264": {"preset": "superfast", "bf": "0"},  # 0.4 of the time of *veryfast*
            "libx265": {"preset": "fast", "x265-params": "log-level=error", "a53cc": "1"},
            "libvpx-vp9": {"b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
            "libsvtav1": {"preset": "8"}}
_MOST_RATE = 240_000  # kbit a second: the bound that H.264 in AVI has to declare
_MOST_BITS = 6  # a pixel, half of what frames have that are not compressed
_OFF = 0.1  # frames by which a time, rounded by its container, may lie off those of a steady rate


def codec_for(target: Path, codec: str | None) -> str:
    """Chooses the encoder of a film: the one asked for, or else one that its container takes.

    It raises UsageError where this FFmpeg has no such encoder of video.
    """
    chosen = codec or CODECS.get(target.suffix.lower(), "libx264")
    try:
        found = av.Codec(chosen, "w")
    except ValueError as error:
        raise UsageError(chosen, "is no encoder that is known here", "check --codec") from error
    if found.type != "video":
        raise UsageError(chosen, "is no encoder of video", "check --codec")
    return found.name


def container_for(source: Path, target: Path, is_named: bool) -> Path:
    """Chooses the file that a film becomes: `target`, or Matroska where that cannot hold it.

    One that the user named (`is_named`) is never changed: if it cannot, SourceError is raised.
    """
    suffix = target.suffix.lower()
    if suffix not in CONTAINERS:
        reason = f"is in a container ({suffix}) that holds neither H.264 nor VP9"
    elif suffix == ".avi" and not is_steady(source):
        reason = "is in a container (.avi) that cannot hold the varying times of the film's frames"
    else:
        return target
    if is_named:
        raise SourceError(target, reason, IN_MATROSKA)
    return target.with_suffix(".mkv")


def is_steady(source: Path) -> bool:
    """Whether all frames lie whole frames of the rate apart; true of a film that cannot be read."""
    try:
        rate, times = ANIMATION_RATE, sorted(_times(source))
        if not is_animated(source):
            with open_video(source) as container:
                rate = rate_of(container.streams.best("video"))
    except (av.FFmpegError, SourceError):
        return True
    places = [(time - times[0]) * float(rate) for time in times]
    return all(abs(place - round(place)) < _OFF for place in places)


def rate_of(stream: av.VideoStream) -> Fraction:
    """Returns the frames a second of a stream, 25 where it does not say."""
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def _times(source: Path) -> Iterator[float]:
    """Gives the times of a film's frames in seconds, as far as it says, without decoding it."""
    if is_animated(source):
        yield from (frame.time for frame in read_video(source))
        return
    with open_video(source) as container:
        stream = container.streams.best("video")
        for packet in container.demux(stream) if stream else ():
            if packet.pts is not None:
                yield float(packet.pts * packet.time_base)


@dataclass(frozen=True)
class Encoding:
    """How a film is encoded."""

    target: Path
    """The film, whose container decides some of the encoder's options."""
    codec: str
    crf: int | None
    """The constant quality; None for that of `QUALITY`."""
    layout: Layout
    example: av.VideoFrame
    """A decoded frame, whose colour tags the film takes on."""
    rate: Fraction
    """The average frames a second."""
    time_base: Fraction
    """The unit of the presentation times, in seconds."""
    aspect: Fraction
    """How much wider than high a pixel is shown."""

    @property
    def options(self) -> dict[str, str]:
        """The options of the encoder."""
        options, suffix = dict(_OPTIONS.get(self.codec, {})), self.target.suffix.lower()
        if self.crf is not None or self.codec in QUALITY:
            options["crf"] = str(QUALITY.get(self.codec) if self.crf is None else self.crf)
        if suffix == ".avi":
            options["bf"] = "0"  # AVI has no place for the times of frames out of order
            if self.codec == "libx264":  # so that H.264 itself says when a frame is shown
                most = min(_MOST_RATE, round(_MOST_BITS * self.layout.width * self.layout.height
                                             * self.rate / 1000))
                options["x264-params"] = f"nal-hrd=vbr:vbv-maxrate={most}:vbv-bufsize={most}"
        if suffix in (".ts", ".m2ts") and self.codec == "libx264":
            options["x264-params"] = "repeat-headers=1"  # nor a transport stream for headers
        return options


class Encoder:
    """Encodes one piece of a film, frame by frame, into a file that keeps exact times."""

    def __init__(self, path: Path, encoding: Encoding):
        self._container = av.open(str(path), "w", format="nut",
                                  options={"avoid_negative_ts": "disabled"})
        self._stream = self._container.add_stream(encoding.codec, rate=encoding.rate,
                                                  options=encoding.options)
        context, layout, example = self._stream.codec_context, encoding.layout, encoding.example
        context.width, context.height = layout.width, layout.height
        context.pix_fmt = layout.pixel_format
        context.time_base = self.time_base = encoding.time_base
        context.sample_aspect_ratio = encoding.aspect
        context.color_range = 2 if layout.full_range else example.color_range
        context.colorspace = layout.matrix if example.format.is_rgb else example.colorspace
        context.color_primaries, context.color_trc = example.color_primaries, example.color_trc

    def encode(self, frame: av.VideoFrame, pts: int) -> None:
        """Encodes the next frame, to be shown at `pts`."""
        frame.pts, frame.time_base = pts, self.time_base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Ends the piece."""
        for packet in self._stream.encode():
            if packet.dts is not None:  # x265 leaves it undefined in a film of one or two frames
                packet.dts = min(packet.dts, packet.pts)
            self._container.mux_one(packet)
        self._container.close()


def join(pieces: list[Path], source: Path, target: Path, rotation: int, frames: int) -> list[str]:
    """Writes a film of encoded pieces, and copies the sound and all else of its source.

    Its `frames` are turned by `rotation` degrees to be shown.

    Returns:
        What of the source is left out, in words.

    Raises:
        SourceError: the container of `target` cannot hold what the source holds, or not every
            frame is found in it.
    """
    missing = Counter()
    with whole_file(target) as temporary:
        with _joined(pieces, source, target, temporary, rotation, missing) as (new, packets):
            for packet in packets:
                new.mux_one(packet)
        check_frames(temporary, target, frames)
    return in_words(missing)


def rehearse(piece: Path, source: Path, target: Path, rotation: int) -> None:
    """Joins a piece of one frame with the first packets of all else, and keeps nothing of it.

    It raises SourceError where the container of `target` cannot hold what the source holds.
    """
    place = piece.with_name(f"rehearsed{target.suffix}")
    with _joined([piece], source, target, place, rotation, Counter()) as (new, packets):
        for packet in islice(packets, REHEARSED):
            new.mux_one(packet)
        with suppress(av.FFmpegError):  # some cannot end a stream of which they have seen nothing
            new.close()


def remux(source: Path, target: Path) -> list[str]:
    """Writes a film into another container, packet by packet; returns and raises as `join`."""
    missing = Counter()
    with whole_file(target) as temporary:
        with _refusing(target), open_video(source) as old, \
                av.open(str(temporary), "w", options=muxer_options(old, target)) as new:
            shown = old.streams.best("video")
            film = copied_stream(new, shown, target)
            streams = {shown.index: film, **take_over(new, film, old, target, missing)}
            frames = 0
            for packet in copied_packets(old, streams, missing):
                frames += packet.stream is film
                new.mux_one(packet)
        check_frames(temporary, target, frames)
    return in_words(missing)


def check_frames(written: Path, target: Path, frames: int) -> None:
    """Raises SourceError where the film `written` does not hold as many frames as it was given."""
    with _refusing(target), open_video(written) as container:
        stream = container.streams.best("video")
        found = sum(packet.size > 0 for packet in container.demux(stream)) if stream else 0
    if found != frames:
        raise SourceError(target, f"holds {found} of the film's {frames} frames",
                          "try another --codec, or name a --out that ends in .mkv")


@contextmanager
def _joined(pieces: list[Path], source: Path, target: Path, place: Path, rotation: int,
            missing: Counter) -> Iterator[tuple[av.container.OutputContainer, Iterator[av.Packet]]]:
    """Opens a container at `place`, and gives it with the packets that are to be muxed into it."""
    times = [packet.pts for packet in _packets(pieces)]
    with _refusing(target), av.open(str(pieces[0])) as first, \
            nullcontext() if is_animated(source) else open_video(source) as old, \
            av.open(str(place), "w", options=muxer_options(old, target)) as new:
        film = new.add_stream_from_template(first.streams.video[0], opaque=True)
        film.time_base = first.streams.video[0].time_base
        rate = first.streams.video[0].average_rate  # None of a single frame
        grid = None
        if rate and target.suffix.lower() == ".avi":  # which has frames of one length alone
            origin = old.start_time or 0 if old and old.streams.audio else 0
            grid = 1 / Fraction(rate), Fraction(origin, av.time_base)
            film.time_base = grid[0]
        if rotation:
            film.set_display_rotation(rotation)
        streams = {} if old is None else take_over(new, film, old, target, missing)
        others = copied_packets(old, streams, missing) if streams else iter(())
        yield new, _in_order(_timed(pieces, times, grid), film, others)


def _packets(pieces: list[Path]) -> Iterator[av.Packet]:
    for piece in pieces:
        with av.open(str(piece)) as container:
            yield from (packet for packet in container.demux(video=0) if packet.size)


def _timed(pieces: list[Path], times: list[int], grid: tuple[Fraction, Fraction] | None,
           ) -> Iterator[av.Packet]:
    """Gives the packets of all pieces with decoding times that rise from the first to the last.

    AVI counts frames from the start of its sound. For it, `grid` is the length of a frame and the
    time at which the film starts, in seconds.
    """
    shown = sorted(times)
    rank = {pts: number for number, pts in enumerate(shown)}
    delay = max((number - rank[pts] for number, pts in enumerate(times)), default=0)
    step = min((later - sooner for sooner, later in pairwise(shown)), default=1)
    early = [shown[0] - (delay - number) * step for number in range(delay)]
    for number, packet in enumerate(_packets(pieces)):
        packet.dts = (early + shown)[number] if number < delay else shown[number - delay]
        after = rank[packet.pts] + 1
        if after < len(shown):
            packet.duration = shown[after] - packet.pts
        if grid:
            unit, origin = grid
            share = packet.time_base / unit
            late = shown[0] * share - origin / unit
            start = round(late) if late >= 1 else 0  # a gap for less would be seen
            packet.pts, packet.dts = (start + round((each - shown[0]) * share)
                                      for each in (packet.pts, packet.dts))
            packet.duration, packet.time_base = 1, unit
        yield packet


def _in_order(frames: Iterator[av.Packet], film: av.VideoStream, others: Iterator[av.Packet],
              ) -> Iterator[av.Packet]:
    """Gives the packets of the new film and those that are copied, by the time of decoding."""
    def timed(packets, stream=None):
        latest = float("-inf")
        for packet in packets:
            latest = max(latest, float(packet.dts * packet.time_base))
            if stream is not None:
                packet.stream = stream
            yield latest, packet

    merged = heapq.merge(timed(frames, film), timed(others), key=itemgetter(0))
    return (packet for _, packet in merged)


@contextmanager
def _refusing(target: Path) -> Iterator[None]:
    """Raises a SourceError of `target` in place of what FFmpeg raises while a film is written."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(target, f"cannot hold the film or its sound ({reason})",
                          IN_MATROSKA) from error
