"""Colour profiles (ICC) of pictures: to sRGB where they say something else, and when they are kept.

A profile that cannot be used, or fits another kind of pixels, is passed over, as viewers do.
"""

import io
import struct
from functools import lru_cache

import numpy as np
from PIL import ExifTags, Image, ImageCms

KEEPING = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")  # formats that take a profile with a picture
NEAR = 2  # levels: a profile that moves no colour by more is sRGB, in one of its many versions
_SPACES = {"L": "GRAY", "LA": "GRAY", "I;16": "GRAY", "I;16B": "GRAY", "I;16L": "GRAY",
           "RGB": "RGB ", "RGBA": "RGB ", "P": "RGB ", "CMYK": "CMYK"}
UNCALIBRATED = 65535  # the colour space in EXIF that is none of those with a number
_ADOBE_PRIMARIES = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087),
                    (0.14919, 0.06322, 0.74457))
_MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}


def kept(image: Image.Image) -> bytes | None:
    """Returns the profile that a coloured picture is stored with again; None where it has none.

    Profiles of grays and of CMYK fit no RGB.
    """
    profile = _profile_of(image)
    fits = profile and _space(image, profile) == "RGB " and image.format in KEEPING
    return profile if fits else None


def in_srgb(image: Image.Image) -> Image.Image:
    """Converts a picture without transparency to RGB in sRGB.

    Args:
        image: of mode L, RGB, P or CMYK, with any profile.
    """
    profile = _profile_of(image)
    space = profile and _space(image, profile)
    if space in ("RGB ", "CMYK"):
        transform = _transform(profile, space)
        if transform is not None:
            return ImageCms.applyTransform(image.convert(_MODES[space]), transform)
    elif space == "GRAY":
        curve = _curve(profile)
        if curve is not None:
            gray = Image.fromarray(through(curve, np.asarray(image.convert("L"))))
            return gray.convert("RGB")
    return image.convert("RGB")


def gray_curve(image: Image.Image) -> np.ndarray | None:
    """Returns what the 256 grays of a gray picture are in sRGB, float [256]; None where the same.

    It is None for pictures of other kinds too.
    """
    profile = image.info.get("icc_profile")
    return _curve(profile) if profile and _space(image, profile) == "GRAY" else None


def through(curve: np.ndarray, grays: np.ndarray) -> np.ndarray:
    """Brings grays, uint8 or uint16 [h, w], through a curve of `gray_curve`; of the same type."""
    if grays.dtype == np.uint8:
        return np.rint(curve).astype(np.uint8)[grays]
    table = np.interp(np.arange(65536) / 257, np.arange(256), curve) * 257
    return np.rint(table).astype(np.uint16)[grays]


def _profile_of(image: Image.Image) -> bytes | None:
    """Returns a picture's profile; that of Adobe RGB where EXIF alone says so, as of cameras."""
    profile = image.info.get("icc_profile")
    return ADOBE_RGB if profile is None and _is_adobe_by_exif(image) else profile


def _is_adobe_by_exif(image: Image.Image) -> bool:
    try:
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1, "")
    except Exception:  # a viewer shows a picture with damaged EXIF all the same
        return False
    name = index.decode("latin-1") if isinstance(index, bytes) else str(index)
    return space == UNCALIBRATED and name.startswith("R03")


def _adobe_rgb() -> bytes:
    """Makes a profile of Adobe RGB (1998): primaries adapted to D50, and a gamma of 563/256."""
    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(each * 65536) for each in values))

    white = (0.9642, 1.0, 0.8249)
    curve = b"curv" + struct.pack(">IIHH", 0, 1, 563, 0)
    tags = [(b"desc", b"desc" + struct.pack(">II", 0, 10) + b"Adobe RGB\0" + bytes(78)),
            (b"cprt", b"text\0\0\0\0none\0\0\0\0"), (b"wtpt", b"XYZ \0\0\0\0" + fixed(*white))]
    for letter, primary in zip((b"r", b"g", b"b"), _ADOBE_PRIMARIES, strict=True):
        tags += [(letter + b"XYZ", b"XYZ \0\0\0\0" + fixed(*primary)), (letter + b"TRC", curve)]
    listed, body, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        listed += name + struct.pack(">II", start + len(body), len(content))
        body += content
    head = struct.pack(">II4s4s4s4s12s4s", start + len(body), 0, b"\2\x10\0\0", b"mntr", b"RGB ",
                       b"XYZ ", bytes(12), b"acsp") + bytes(28) + fixed(*white) + bytes(48)
    return head + struct.pack(">I", len(tags)) + listed + body


ADOBE_RGB = _adobe_rgb()


def _space(image: Image.Image, profile: bytes) -> str | None:
    """Returns the colour space of a profile, if it is that of the picture's pixels."""
    space = profile[16:20].decode("latin-1")
    return space if _SPACES.get(image.mode) == space else None


@lru_cache(32)
def _transform(profile: bytes, space: str) -> ImageCms.ImageCmsTransform | None:
    """Makes what converts pixels to sRGB; None where it changes none, or cannot be made."""
    mode = _MODES[space]
    try:
        transform = ImageCms.buildTransform(
            io.BytesIO(profile), ImageCms.createProfile("sRGB"), mode, "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if space == "CMYK":
        return transform
    steps = np.arange(256) if space == "GRAY" else \
        np.stack(np.meshgrid(*[np.linspace(0, 255, 9)] * 3), axis=-1).reshape(-1, 3)
    probe = Image.fromarray(steps[None].astype(np.uint8))
    plain = np.asarray(probe.convert("RGB")).astype(int)
    moved = np.abs(np.asarray(ImageCms.applyTransform(probe, transform)).astype(int) - plain)
    return transform if moved.max() > NEAR else None


@lru_cache(32)
def _curve(profile: bytes) -> np.ndarray | None:
    transform = _transform(profile, "GRAY")
    if transform is None:
        return None
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    shown = np.asarray(ImageCms.applyTransform(ramp, transform))[0]
    return shown.astype(np.float64).mean(axis=1)
