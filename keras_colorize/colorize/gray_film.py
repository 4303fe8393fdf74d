"""A gray film as it is opened: how its frames are stored and shown, and how new ones will be."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from keras_colorize import media
from keras_colorize.colorize.predictor import Model, Settings
from keras_colorize.colorize.shots import small_of
from keras_colorize.errors import SourceError
from keras_colorize.image import hues, pixels
from keras_colorize.media import film_writer, planes
from keras_colorize.media.turns import Turn

ANIMATION = Fraction(1, 1000)  # the time base of animated pictures


@dataclass(frozen=True)
class Film:
    """A film that is to be coloured."""

    path: Path
    encoding: film_writer.Encoding
    turn: Turn
    """How its frames are brought upright; they are mirrored when read, and turned when shown."""

    @classmethod
    def open(cls, path: Path, target: Path, settings: Settings) -> "Film":
        """Reads the first frame, and decides how the coloured film `target` is encoded.

        It raises SourceError as `media.read_video`, and UsageError where the codec is not known.
        """
        codec = film_writer.codec_for(target, settings.codec)
        first = next(media.read_video(path)).decoded
        rate, time_base, aspect = Fraction(film_writer.ANIMATION_RATE), ANIMATION, Fraction(1)
        if first.pts is not None:
            with media.open_video(path) as container:
                stream = container.streams.best("video")
                rate = film_writer.rate_of(stream)
                time_base, aspect = stream.time_base, stream.sample_aspect_ratio or aspect
        layout = planes.layout_of(first, codec)
        return cls(path, film_writer.Encoding(target, codec, settings.crf, layout, first, rate,
                                              time_base, aspect), Turn.of(first))

    @property
    def layout(self) -> planes.Layout:
        """How its frames are stored."""
        return self.encoding.layout

    def rehearse(self) -> None:
        """Encodes a frame and takes all else over, so that nothing fails after hours of work.

        It raises SourceError where the codec does not take the film or the quality, or the
        container cannot hold it.
        """
        encoding = self.encoding
        with TemporaryDirectory() as folder:
            piece = Path(folder) / "piece.nut"
            try:
                encoder = film_writer.Encoder(piece, encoding)
                luma = planes.luma(encoding.example, self.layout)
                encoder.encode(planes.uncolored(luma, self.layout), 0)
                encoder.close()
            except (av.FFmpegError, ValueError) as error:
                quality = "" if encoding.crf is None else f" at crf {encoding.crf}"
                reason = getattr(error, "strerror", None) or error
                raise SourceError(self.path, f"cannot be encoded by {encoding.codec}{quality} "
                                  f"({reason})", "choose another --codec or --crf") from error
            film_writer.rehearse(piece, self.path, encoding.target, self.turn.degrees)

    def frames(self) -> Iterator[tuple[int, media.VideoFrame]]:
        """Gives each frame, and its time in the film's time base.

        The times rise. It raises SourceError as `media.read_video`, and where the size changes.
        """
        size, time_base = (self.layout.width, self.layout.height), self.encoding.time_base
        last = None
        for frame in media.read_video(self.path):
            decoded = frame.decoded
            if (decoded.width, decoded.height) != size:
                raise SourceError(
                    self.path, f"changes its size at frame {frame.number}, {frame.time:.2f} s, "
                    f"from {size[0]}x{size[1]} to {decoded.width}x{decoded.height}",
                    "cut it there, or scale it to one size with ffmpeg")
            if decoded.pts is None:
                pts = round(frame.time / time_base)
            else:
                pts = round(decoded.pts * decoded.time_base / time_base)
            last = pts if last is None else max(pts, last + 1)
            yield last, frame

    def luma(self, frame: media.VideoFrame) -> np.ndarray:
        """Copies the luma codes of a frame, mirrored where that is due, [h, w]."""
        return self.turn.mirrored(planes.luma(frame.decoded, self.layout))

    def chroma(self, frame: media.VideoFrame) -> tuple[np.ndarray, np.ndarray]:
        """Copies its codes of blue and of red chroma, as `luma` those of luma."""
        return tuple(map(self.turn.mirrored, planes.chroma(frame.decoded, self.layout)))

    def size_for(self, model: Model, scale: float | None) -> tuple[int, int]:
        """Computes the height and width of its frames, as stored, at which a model sees them."""
        shown, _ = self.sizes
        scale = scale or model.scale_for(*shown)
        height, width = shown[::-1] if self.turn.quarters % 2 else shown
        return max(1, round(height * scale)), max(1, round(width * scale))

    def guide(self, codes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Makes the small luminance that a network sees of luma codes, uint8 [size]."""
        return planes.lightness(pixels.scale(codes, size), self.layout)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of a frame as it is shown, and as it is stored but upright."""
        height, width = self.layout.height, self.layout.width
        both = [(height, round(width * float(self.encoding.aspect))), (height, width)]
        return [size[::-1] for size in both] if self.turn.quarters % 2 else both

    def stamp(self, frame: media.VideoFrame) -> np.ndarray:
        """Finds the coloured stamp of a frame as it is stored, bool [h, w] of a small size."""
        return np.rot90(hues.stamp_of(small_of(frame)), -self.turn.quarters)
