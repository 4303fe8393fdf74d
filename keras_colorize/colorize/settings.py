"""What a user decides about colouring, beside the models."""

from dataclasses import dataclass
from pathlib import Path

from keras_colorize.files import sha256_of

LOCKS = ("luminance", "ink", "none")


@dataclass(frozen=True)
class Settings:
    """How pages and films are coloured; the defaults are those of the command."""

    lock: str = "luminance"
    """What of the page stays: its `luminance`, its `ink` laid over colours, or `none` of it."""
    treat_as: str | None = None
    """One of `routing.KINDS` in place of what the page is judged to be."""
    scale: float | None = None
    """The factor by which the network sees a page smaller; None as the model learned it."""
    hints: Path | None = None
    """A transparent picture with strokes of colour, or a folder of them named as the pages, in the
    same folders."""
    format: str | None = None
    """`png`, `jpeg` or `webp` for all pages; None each as it is."""
    quality: int | None = None
    """Of JPEG and WebP, 1..100; None as the page itself, or `media.pages.QUALITY`."""
    layers: bool = False
    """Whether each page is also written as OpenRaster, ink and colour apart."""
    codec: str | None = None
    """Of video; None by the container."""
    crf: int | None = None
    """The constant quality of video, smaller is better; None `muxing.QUALITY` of the codec."""

    def described(self) -> dict:
        """The settings as JSON, hints by their content."""
        said = {**self.__dict__, "hints": None}
        if self.hints is not None and self.hints.is_dir():
            said["hints"] = {path.relative_to(self.hints).as_posix(): sha256_of(path)
                             for path in sorted(self.hints.rglob("*")) if path.is_file()}
        elif self.hints is not None:
            said["hints"] = sha256_of(self.hints)
        return said
