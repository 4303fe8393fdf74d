"""Films out: pieces encoded one after the other, and joined with all else that the film held."""

import heapq
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from fractions import Fraction
from itertools import count, islice, pairwise
from pathlib import Path

import av

from keras_colorize.files import whole_file
from keras_colorize.media import copying
from keras_colorize.media.pictures import is_animated
from keras_colorize.media.planes import Layout
from keras_colorize.media.video import open_video

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
        copying.check_frames(temporary, target, frames)
    return copying.said(left)


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
    with copying.told(target), av.open(str(pieces[0])) as first, av.open(str(place), "w") as new, \
            nullcontext() if is_animated(source) else open_video(source) as old:
        film = new.add_stream_from_template(first.streams.video[0])
        film.time_base = first.streams.video[0].time_base
        rate = first.streams.video[0].average_rate  # None of a single frame
        if rate and target.suffix.lower() == ".avi":  # which has frames of one length alone
            film.time_base = 1 / Fraction(rate)
        if rotation:
            film.set_display_rotation(rotation)
        streams = {} if old is None else copying.take_over(new, film, old, target, left)
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
        for packet in copying.copied_packets(old, streams, left) if streams else ():
            latest = max(latest, float(packet.dts * packet.time_base))
            yield latest, next(ties), packet

    return (packet for *_, packet in heapq.merge(ours(), others()))
