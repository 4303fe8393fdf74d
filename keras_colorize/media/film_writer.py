"""Films out: pieces encoded one after the other, and joined with all else that the film held."""

import heapq
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from fractions import Fraction
from itertools import count, islice, pairwise
from pathlib import Path

import av

from keras_colorize.errors import SourceError, UsageError
from keras_colorize.files import whole_file
from keras_colorize.media.pictures import is_animated
from keras_colorize.media.planes import Layout
from keras_colorize.media.video import open_video, read_video

QUALITY = {"libx264": 18, "libx265": 19, "libvpx-vp9": 22, "libsvtav1": 22}
_OPTIONS = {"libx264": {"preset": "superfast", "bf": "0"},  # 0.4 of the time of *veryfast*
            "libx265": {"preset": "fast", "x265-params": "log-level=error"},
            "libvpx-vp9": {"b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
            "libsvtav1": {"preset": "8"}}
REHEARSED = 200  # packets


class Encoder:
    """Encodes one piece of a film, frame by frame, into a file that keeps exact times.

    Args:
        layout: of the frames.
        frame: decoded, whose colour tags the piece takes on.
        rate: the film's average rate.
        time_base: of the presentation times.
        aspect: how much wider than high a pixel is shown.
    """

    def __init__(self, path: Path, target: Path, codec: str, crf: int | None, layout: Layout,
                 frame: av.VideoFrame, rate: Fraction, time_base: Fraction, aspect: Fraction):
        options = dict(_OPTIONS.get(codec, {}))
        if crf is not None or codec in QUALITY:
            options["crf"] = str(QUALITY.get(codec) if crf is None else crf)
        if target.suffix.lower() == ".avi":
            options["bf"] = "0"  # AVI has no place for the times of frames out of order
        if target.suffix.lower() in (".ts", ".m2ts") and codec == "libx264":
            options["x264-params"] = "repeat-headers=1"  # nor a transport stream for headers
        self._container = av.open(str(path), "w", format="nut",
                                  options={"avoid_negative_ts": "disabled"})
        self._stream = self._container.add_stream(codec, rate=rate, options=options)
        context = self._stream.codec_context
        context.width, context.height = layout.width, layout.height
        context.pix_fmt = layout.pixel_format
        context.time_base = self.time_base = time_base
        context.sample_aspect_ratio = aspect
        context.color_range = 2 if layout.full_range else frame.color_range
        context.colorspace = layout.matrix if frame.format.is_rgb else frame.colorspace
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc

    def encode(self, frame: av.VideoFrame, pts: int) -> None:
        """Encodes the next frame, to be shown at `pts`."""
        frame.pts, frame.time_base = pts, self.time_base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Ends the piece."""
        self._container.mux(self._stream.encode())
        self._container.close()


def join(pieces: list[Path], source: Path, target: Path, rotation: int, frames: int) -> list[str]:
    """Writes a film of encoded pieces, with the sound and all else of its source, copied.

    Args:
        rotation: degrees by which its frames are turned to be shown.
        frames: how many there are to be.

    Returns:
        What of the source is left out, in words.

    Raises:
        SourceError: the container of `target` cannot hold what the source holds, or not every
            frame is found in it.
    """
    left = Counter()
    with whole_file(target) as temporary:
        with _joined(pieces, source, target, temporary, rotation, left) as (new, packets):
            for packet in packets:
                new.mux_one(packet)
        check_frames(temporary, target, frames)
    return said(left)


def rehearse(piece: Path, source: Path, target: Path, rotation: int) -> None:
    """Joins a piece of one frame with the first packets of all else, and keeps nothing of it.

    Raises:
        SourceError: the container of `target` cannot hold what the source holds.
    """
    place = piece.with_name(f"rehearsed{target.suffix}")
    with _joined([piece], source, target, place, rotation, Counter()) as (new, packets):
        for packet in islice(packets, REHEARSED):
            new.mux_one(packet)
        with suppress(av.FFmpegError):  # some cannot end a stream of which they have seen nothing
            new.close()


@contextmanager
def _joined(pieces: list[Path], source: Path, target: Path, place: Path, rotation: int,
            left: Counter) -> Iterator[tuple[av.container.OutputContainer, Iterator[av.Packet]]]:
    """A container at `place`, and the packets that are to be muxed into it."""
    times = [packet.pts for packet in _packets(pieces)]
    with told(target), av.open(str(pieces[0])) as first, av.open(str(place), "w") as new, \
            nullcontext() if is_animated(source) else open_video(source) as old:
        film = new.add_stream_from_template(first.streams.video[0])
        film.time_base = first.streams.video[0].time_base
        rate = first.streams.video[0].average_rate  # None of a single frame
        if rate and target.suffix.lower() == ".avi":  # which has frames of one length alone
            film.time_base = 1 / Fraction(rate)
        if rotation:
            film.set_display_rotation(rotation)
        streams = {} if old is None else take_over(new, film, old, target, left)
        yield new, _in_order(_timed(pieces, times), old, streams, film, left)


def _packets(pieces: list[Path]) -> Iterator[av.Packet]:
    for piece in pieces:
        with av.open(str(piece)) as container:
            yield from (packet for packet in container.demux(video=0) if packet.size)


def _timed(pieces: list[Path], times: list[int]) -> Iterator[av.Packet]:
    """The packets of all pieces with decoding times that rise from the first to the last."""
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
        yield packet


def _in_order(frames: Iterator[av.Packet], old: av.container.InputContainer | None,
              streams: dict[int, av.stream.Stream], film: av.VideoStream, left: Counter,
              ) -> Iterator[av.Packet]:
    """The packets of the new film and those that are copied, by the time of decoding."""
    ties = count()

    def ours():
        for packet in frames:
            time = float(packet.dts * packet.time_base)
            packet.stream = film
            yield time, next(ties), packet

    def others():
        latest = float("-inf")
        for packet in copied_packets(old, streams, left) if streams else ():
            latest = max(latest, float(packet.dts * packet.time_base))
            yield latest, next(ties), packet

    return (packet for *_, packet in heapq.merge(ours(), others()))


UNTOLD = 64  # packets without a time, more than any reordering of frames makes
_OWN_TAGS = frozenset(("encoder", "major_brand", "minor_version", "compatible_brands", "duration",
                       "creation_time", "handler_name", "vendor_id"))  # that the muxer writes


def remux(source: Path, target: Path) -> list[str]:
    """Writes a film into another container, packet by packet; returns what is left out, in words.

    Raises:
        SourceError: the container of `target` cannot hold what the source holds.
    """
    left = Counter()
    with whole_file(target) as temporary:
        with told(target), open_video(source) as old, av.open(str(temporary), "w") as new:
            shown = old.streams.best("video")
            film = _copy(new, shown, target)
            streams = {shown.index: film, **take_over(new, film, old, target, left)}
            frames = 0
            for packet in copied_packets(old, streams, left):
                frames += packet.stream is film
                new.mux_one(packet)
        check_frames(temporary, target, frames)
    return said(left)


def said(left: Counter) -> list[str]:
    """What is left out, in words."""
    return [f"{what} left out: {number}" for what, number in left.items() if number]


def take_over(new: av.container.OutputContainer, film: av.VideoStream,
              old: av.container.InputContainer, target: Path, left: Counter,
              ) -> dict[int, av.stream.Stream]:
    """Gives the new film all that the old one holds but its pictures; returns the new streams.

    Sound, subtitles, covers, further films and fonts are copied, streams of bare data are not.
    """
    shown = old.streams.best("video")
    others = [stream for stream in old.streams if stream.index != shown.index]
    kept = [stream for stream in others
            if stream.type in ("audio", "subtitle", "video", "attachment")]
    if len(kept) < len(others):
        left["streams of data"] = len(others) - len(kept)
    film.metadata.update(_tags(shown.metadata))
    film.disposition = shown.disposition
    streams = {stream.index: _copy(new, stream, target) for stream in kept}
    new.metadata.update(_tags(old.metadata))
    new.set_chapters(old.chapters())
    return streams


def copied_packets(old: av.container.InputContainer, streams: dict[int, av.stream.Stream],
                   left: Counter) -> Iterator[av.Packet]:
    """The packets of the old film's streams, as those of the new ones that take them over.

    Matroska does not say when the first frames are decoded: that is told from the next ones.
    """
    demuxed = [stream for stream in old.streams
               if stream.index in streams and stream.type != "attachment"]
    waiting = {stream.index: [] for stream in demuxed}
    for packet in old.demux(demuxed) if demuxed else ():
        if not packet.size:
            continue
        untold = waiting[packet.stream.index]
        untold.append(packet)
        if packet.dts is None:
            if len(untold) > UNTOLD:
                left["packets without a time"] += 1
                del untold[0]
            continue
        for number, each in enumerate(untold):
            each.dts = packet.dts - (len(untold) - 1 - number) * (packet.duration or 1)
            each.stream = streams[each.stream.index]
            yield each
        untold.clear()
    left["packets without a time"] += sum(map(len, waiting.values()))


def check_frames(written: Path, target: Path, frames: int) -> None:
    """Raises SourceError where the film `written` does not hold as many frames as it was given."""
    with told(target), open_video(written) as container:
        stream = container.streams.best("video")
        found = sum(packet.size > 0 for packet in container.demux(stream)) if stream else 0
    if found != frames:
        raise SourceError(target, f"holds {found} of the film's {frames} frames",
                          "try another --codec, or name a --out that ends in .mkv")


@contextmanager
def told(target: Path) -> Iterator[None]:
    """Makes what FFmpeg says of writing a film the SourceError of `target`."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(target, f"cannot hold the film or its sound ({reason})",
                          "name a --out that ends in .mkv") from error


def _copy(new: av.container.OutputContainer, stream: av.stream.Stream, target: Path):
    try:
        copied = new.add_stream_from_template(stream, opaque=True)
    except (ValueError, av.FFmpegError) as error:
        raise SourceError(target, f"cannot hold the film's {stream.type}",
                          "name a --out that ends in .mkv") from error
    copied.metadata.update(_tags(stream.metadata))
    copied.disposition = stream.disposition
    return copied


def _tags(metadata: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in metadata.items()
            if name.lower() not in _OWN_TAGS and not name.startswith("_STATISTICS")}


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
