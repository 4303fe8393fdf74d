"""Pictures to be coloured: luminance at its own bit depth, and how the file stores them.

A coloured picture is stored as its original was: format, quality, depth, transparency, profile.
"""

import io
import struct
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from PIL import Image

from keras_colorize.errors import SourceError
from keras_colorize.image.pixels import eight_bits, gray
from keras_colorize.media import color_profile, png
from keras_colorize.media.pictures import on_white, open_picture, rgb_of, turn_of

TRANSPARENT = ("PNG", "WEBP", "TIFF", "AVIF", "JPEG2000")
ICC_TAG = 34675  # of TIFF
QUALITY = 92  # of JPEG and WebP where none is given and the original's cannot be kept

_BLUE_FIRST = {3: [2, 1, 0], 4: [2, 1, 0, 3]}  # OpenCV's order of channels


@dataclass(frozen=True)
class Style:
    """How a picture is stored."""

    format: str
    """One of `picture_kinds.FORMATS`."""
    options: dict = field(default_factory=dict)
    """What Pillow saves it with."""
    lossless: bool = True
    """Whether it stores pixels as they are; GIF counts, which loses colours beyond 256 alone."""

    @property
    def holds_alpha(self) -> bool:
        """Whether its format has room for transparency."""
        return self.format in TRANSPARENT

    @property
    def is_exact(self) -> bool:
        """Whether every picture is read again as it was written."""
        return self.lossless and self.format != "GIF"

    @classmethod
    def chosen(cls, name: str, quality: int | None = None) -> "Style":
        """Makes the style a user chose: `png`, `jpeg` or `webp`; quality 1..100 of the last two."""
        if name == "png":
            return cls("PNG")
        options = {"quality": quality or QUALITY} | ({"subsampling": 0} if name == "jpeg" else {})
        return cls(name.upper(), options, lossless=False)

    def with_profile_of(self, original: "Style") -> "Style":
        """Returns the style with the colour profile of another, in whose colours pixels stay."""
        profile = original.options.get("icc_profile")
        return self if profile is None else \
            replace(self, options={**self.options, "icc_profile": profile})

    def without_profile(self) -> "Style":
        """Returns the style for pixels in sRGB."""
        return replace(self, options={name: value for name, value in self.options.items()
                                      if name != "icc_profile"})

    def encode(self, picture: np.ndarray, alpha: np.ndarray | None, where: object) -> bytes:
        """Encodes a coloured picture as a file.

        Args:
            picture: uint8 or uint16, RGB [h, w, 3] or gray [h, w]. 16 bits go into PNG and TIFF, 8
                into the others.
            alpha: [h, w] of the same type, or None. It is left out where there is no room for it.
            where: the name of the file, for errors.

        Raises:
            SourceError: the format does not take a picture of this size.
        """
        if alpha is not None and self.holds_alpha:
            picture = np.dstack([picture, alpha])
        if self.format == "PNG":
            return png.encode(picture, self.options.get("icc_profile"), self.options.get("dpi"))
        if picture.dtype == np.uint16 and self.format == "TIFF":
            across, down = map(round, self.options.get("dpi", (0, 0)))
            encoded, file = cv2.imencode(
                ".tif", picture[..., _BLUE_FIRST[picture.shape[2]]],
                [cv2.IMWRITE_TIFF_XDPI, across, cv2.IMWRITE_TIFF_YDPI, down] if across else [])
            if encoded:
                return _with_profile(file.tobytes(), self.options.get("icc_profile"))
        stored = io.BytesIO()
        try:
            Image.fromarray(eight_bits(picture)).save(stored, self.format, **self.options)
        except (OSError, ValueError, SystemError) as error:
            height, width = picture.shape[:2]
            raise SourceError(where, f"of {height}x{width} pixels is too large for {self.format}",
                              "give --format png") from error
        return stored.getvalue()


@dataclass(frozen=True)
class StoredPicture:
    """A picture that is to be coloured, upright."""

    luminance: np.ndarray
    """uint8 or uint16 [h, w], of its colours as they are stored again, before any transparency:
    in the profile of its style, or in sRGB where that has none."""
    shown: np.ndarray
    """What a viewer shows: uint8 RGB [h, w, 3], transparency on white; [h, w] of a file of
    grays."""
    alpha: np.ndarray | None
    """Its transparency, of the type of `luminance`; None where it has none."""
    style: Style

    def laid_on_white(self) -> "StoredPicture":
        """Returns the picture on white, without transparency, in 8 bits."""
        levels = eight_bits(self.luminance)
        alpha = eight_bits(self.alpha)
        rgba = np.dstack([levels, levels, levels, alpha])
        return replace(self, luminance=np.ascontiguousarray(on_white(rgba)[..., 0]), alpha=None)


def read_stored_picture(file: bytes, where: object) -> StoredPicture:
    """Decodes a picture file, upright, with 16 bits where it has them.

    It raises SourceError as `media.read_picture`, and where the file holds several pictures.
    """
    with open_picture(io.BytesIO(file), where) as image:
        count = _count(image)
        if count > 1:
            raise SourceError(where, f"holds {count} pictures, and one is coloured of each file",
                              "save them as files of their own, or zip those as CBZ")
        image.load()  # EXIF is found by loading too, which hides damage from whoever loads next
        upright = turn_of(image)
        plain = image.mode == "L" and not image.has_transparency_data
        curve = color_profile.gray_curve(image)
        shown = np.ascontiguousarray(upright(np.asarray(image) if plain else rgb_of(image)))
        if plain and curve is not None:
            shown = color_profile.through(curve, shown)
        deep = _sixteen_bits(file, image)
        alpha = None
        if deep is not None:
            deep = np.ascontiguousarray(upright(deep))
            luminance = gray(deep[..., :3]) if deep.ndim == 3 else deep
            if curve is not None:
                luminance = color_profile.through(curve, luminance)
            alpha = deep[..., 3] if deep.ndim == 3 and deep.shape[2] == 4 else None
        elif image.has_transparency_data and image.format in TRANSPARENT:
            alpha = np.ascontiguousarray(upright(np.asarray(image.convert("RGBA"))))[..., 3]
            luminance = gray(np.ascontiguousarray(upright(_colors(image))))
        else:
            kept = color_profile.kept(image) is not None
            luminance = gray(np.ascontiguousarray(upright(_colors(image)))) if kept else gray(shown)
        return StoredPicture(luminance, shown, alpha, _style(file, image))


def _with_profile(tiff: bytes, profile: bytes | None) -> bytes:
    """Adds a colour profile to a TIFF of OpenCV, whose list of tags is written anew at the end."""
    if profile is None:
        return tiff
    at, = struct.unpack_from("<I", tiff, 4)
    count, = struct.unpack_from("<H", tiff, at)
    tags = [tiff[start:start + 12] for start in range(at + 2, at + 2 + 12 * count, 12)]
    tiff += bytes(len(tiff) % 2)
    tags.append(struct.pack("<HHII", ICC_TAG, 7, len(profile), len(tiff)))
    tags.sort(key=lambda tag: struct.unpack_from("<H", tag)[0])
    tiff += profile + bytes(len(profile) % 2)
    listed = struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)
    return tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:] + listed


def _count(image: Image.Image) -> int:
    """Counts the pictures of a file, without thumbnails and masks."""
    if image.format not in ("PNG", "WEBP", "TIFF", "GIF", "AVIF"):
        return 1
    if image.format != "TIFF" or image.n_frames == 1:
        return getattr(image, "n_frames", 1)
    count = 0
    for number in range(image.n_frames):
        image.seek(number)
        count += not image.tag_v2.get(254, 0) & 5
    image.seek(0)
    return count


def _sixteen_bits(file: bytes, image: Image.Image) -> np.ndarray | None:
    """Decodes uint16 [h, w] or RGB(A) [h, w, channels]; None where it is stored otherwise."""
    bits = file[24:25] == b"\x10" if image.format == "PNG" else \
        image.format == "TIFF" and 16 in image.tag_v2.get(258, ())
    if not bits:
        return None
    found = cv2.imdecode(np.frombuffer(file, np.uint8),
                         cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if found is None or found.dtype != np.uint16:
        return None  # such as of two channels: 8 bits of them are shown all the same
    orders = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    return cv2.cvtColor(found, orders[found.shape[2]]) if found.ndim == 3 else found


def _style(file: bytes, image: Image.Image) -> Style:
    options: dict = {}
    if (profile := color_profile.kept(image)) is not None:
        options["icc_profile"] = profile
    if "dpi" in image.info and image.format != "WEBP":
        options["dpi"] = tuple(map(float, image.info["dpi"]))
    lossless = image.format in ("PNG", "BMP", "TIFF", "GIF")  # of GIF all but the colours
    if image.format == "JPEG":
        tables = image.quantization
        options |= {"qtables": [tables[number] for number in sorted(tables)], "subsampling": 0}
    elif image.format == "WEBP":
        lossless = _is_lossless_webp(file)
        options |= {"lossless": True, "exact": True} if lossless else {"quality": QUALITY}
    elif image.format == "AVIF":
        options |= {"quality": QUALITY, "subsampling": "4:4:4"}
    elif image.format == "JPEG2000":  # always without loss, for no file says how lossy it is
        lossless = True
        options |= {"irreversible": False, "no_jp2": file.startswith(b"\xff\x4f")}
    elif image.format == "TIFF":
        lossless = image.info.get("compression") != "jpeg"
        options["compression"] = "tiff_lzw"
    return Style(image.format, options, lossless)


def _colors(image: Image.Image) -> np.ndarray:
    """Converts to uint8 RGB [h, w, 3] before transparency: by its profile if that is not kept."""
    opaque = image.convert("RGBA").convert("RGB") if image.mode == "P" else \
        image.convert("L") if image.mode == "LA" else image
    if opaque.mode == "RGBA":
        opaque = opaque.convert("RGB")
    kept = color_profile.kept(image) is not None
    return np.asarray(opaque.convert("RGB") if kept else color_profile.in_srgb(opaque))


def _is_lossless_webp(file: bytes) -> bool:
    """Whether the first chunk of pixels in its RIFF container is of the lossless kind."""
    at = 12
    while at + 8 <= len(file):
        if file[at:at + 4] in (b"VP8L", b"VP8 "):
            return file[at:at + 4] == b"VP8L"
        length = int.from_bytes(file[at + 4:at + 8], "little")
        at += 8 + length + length % 2
    return False


def stored_colors(file: bytes, where: object) -> np.ndarray:
    """Decodes the colours that a picture file has before transparency, upright.

    They are uint8 or uint16 RGB [h, w, 3]; errors are those of `media.read_picture`.
    """
    with open_picture(io.BytesIO(file), where) as image:
        upright, deep = turn_of(image), _sixteen_bits(file, image)
        colors = deep[..., :3] if deep is not None else _colors(image)
        return np.ascontiguousarray(upright(colors))


def stored_layer(file: bytes, where: object) -> np.ndarray | None:
    """Decodes the colours that a picture file has, and its transparency, upright.

    Returns:
        uint8 RGBA [h, w, 4]; None where it has no transparency.

    Raises SourceError as `read_stored_picture`.
    """
    with open_picture(io.BytesIO(file), where) as image:
        if image.format == "PNG" and image.mode == "RGBA" and _count(image) == 1 \
                and color_profile.kept(image) is None and file[24:25] != b"\x10":
            return np.ascontiguousarray(turn_of(image)(np.asarray(image)))  # drawn in a browser
    alpha = read_stored_picture(file, where).alpha
    return None if alpha is None else eight_bits(np.dstack([stored_colors(file, where), alpha]))
