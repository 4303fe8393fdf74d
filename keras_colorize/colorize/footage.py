"""What is known of a film before it is coloured, and what file it can become."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import av
import numpy as np

from keras_colorize import media
from keras_colorize.errors import SourceError
from keras_colorize.files import whole_file
from keras_colorize.image import page_kind
from keras_colorize.media import containers, copying, muxing, planes
from keras_colorize.media.pictures import is_animated

ANIMATION = Fraction(1, 1000)  # the time base of animated pictures


@dataclass(frozen=True)
class Film:
    """What is known of a film before it is coloured."""

    path: Path
    layout: planes.Layout
    first: av.VideoFrame
    rate: Fraction
    time_base: Fraction
    aspect: Fraction
    rotation: int

    @classmethod
    def open(cls, path: Path, codec: str) -> "Film":
        """Reads the first frame.

        Raises:
            SourceError: as `media.read_video`.
        """
        frame = next(media.read_video(path))
        rate, time_base, aspect = Fraction(containers.ANIMATION_RATE), ANIMATION, Fraction(1)
        if frame.decoded.pts is not None:
            with media.open_video(path) as container:
                stream = container.streams.best("video")
                rate = stream.average_rate or stream.guessed_rate or Fraction(25)
                time_base, aspect = stream.time_base, stream.sample_aspect_ratio or aspect
        return cls(path, planes.layout_of(frame.decoded, codec), frame.decoded, rate, time_base,
                   aspect, frame.decoded.rotation)

    @property
    def quarters(self) -> int:
        """How many quarter turns, counterclockwise, bring its frames upright."""
        return round(self.rotation / 90) % 4

    def encoder(self, path: Path, target: Path, codec: str, crf: int | None) -> muxing.Encoder:
        """Of a piece of the coloured film."""
        return muxing.Encoder(path, target, codec, crf, self.layout, self.first, self.rate,
                              self.time_base, self.aspect)

    def rehearse(self, target: Path, codec: str, crf: int | None) -> None:
        """Encodes a frame and takes all else over, so that nothing fails after hours of work.

        Raises:
            SourceError: the codec does not take the film or the quality, or the container of
                `target` cannot hold it.
        """
        with TemporaryDirectory() as folder:
            piece = Path(folder) / "piece.nut"
            try:
                encoder = self.encoder(piece, target, codec, crf)
                encoder.encode(planes.uncolored(planes.luma(self.first, self.layout), self.layout),
                               0)
                encoder.close()
            except (av.FFmpegError, ValueError) as error:
                quality = "" if crf is None else f" at crf {crf}"
                reason = getattr(error, "strerror", None) or error
                raise SourceError(self.path, f"cannot be encoded by {codec}{quality} ({reason})",
                                  "choose another --codec or --crf") from error
            muxing.rehearse(piece, self.path, target, self.rotation)

    def frames(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Of each frame its number, its time in `time_base`, which rises, and its luma.

        Raises:
            SourceError: as `media.read_video`, or a frame is of another size than the first.
        """
        size = self.layout.width, self.layout.height
        last = None
        for frame in media.read_video(self.path):
            decoded = frame.decoded
            if (decoded.width, decoded.height) != size:
                raise SourceError(
                    self.path, f"changes its size at frame {frame.number}, {frame.time:.2f} s, "
                    f"from {size[0]}x{size[1]} to {decoded.width}x{decoded.height}",
                    "cut it there, or scale it to one size with ffmpeg")
            if decoded.pts is None:
                pts = round(frame.time / self.time_base)
            else:
                pts = round(decoded.pts * decoded.time_base / self.time_base)
            last = pts if last is None else max(pts, last + 1)
            yield frame.number, last, planes.luma(decoded, self.layout)


def is_colored(path: Path) -> bool:
    """Whether most of some frames from all over a film have colour."""
    judged = [page_kind.colored_share(picture) > page_kind.COLORED
              for picture in media.peek(path, 8)]
    return sum(judged) * 2 > len(judged)


def place_of(source: Path, target: Path, is_named: bool, is_copied: bool) -> Path:
    """The file that a film becomes; an animation that is copied keeps its suffix.

    Args:
        is_named: whether the user named `target`.
        is_copied: whether the film is in colour.

    Raises:
        SourceError: what the user named cannot hold the film, or the film would overwrite itself.
    """
    if is_copied and is_animated(source):
        place = target.with_suffix(source.suffix)
        if place.resolve() == source.resolve():
            raise SourceError(source, "is in colour and would be copied to itself",
                              "name another --out, or colour it anew by --treat-as gray")
        return place
    if is_copied and source.suffix.lower() == target.suffix.lower():
        return target
    return containers.place_of(source, target, is_named)


def copy_film(source: Path, target: Path) -> dict:
    """Copies a film: its bytes, or into another container its packets.

    Returns:
        What the report says of it.

    Raises:
        SourceError: the container cannot hold what the film holds.
    """
    if source.suffix.lower() != target.suffix.lower():
        return {"kind": "color", "copied": "packet by packet",
                "notes": copying.remux(source, target)}
    with whole_file(target) as temporary:
        copyfile(source, temporary)
    return {"kind": "color", "copied": "untouched", "notes": []}
