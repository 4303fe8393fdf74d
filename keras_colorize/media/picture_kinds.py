"""Kinds of picture files, by suffix and by their first bytes: what is read, and what is named."""

from pathlib import Path

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp",
           "GIF": ".gif", "AVIF": ".avif", "JPEG2000": ".jp2"}
"""What is read and written, as Pillow names it: none that starts a program, as EPS does."""

SAME_SUFFIX = dict.fromkeys((".jpeg", ".jpe", ".jfif"), ".jpg") | {".tiff": ".tif"}
"""Suffixes that mean the same format as one of `FORMATS`."""

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif",
         "BMP": "image/bmp", "AVIF": "image/avif", "TIFF": "image/tiff", "JPEG2000": "image/jp2"}
"""Media types of `FORMATS`; browsers show all but the last two."""

PICTURE_SUFFIXES = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
    ".gif", ".avif", ".avifs", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"))
ANIMATED_SUFFIXES = frozenset((".gif", ".webp", ".avif", ".avifs"))
ANIMATED = frozenset(("GIF", "WEBP", "AVIF"))

UNREAD = {".jxl": "JPEG XL", ".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC", ".psd": "Photoshop",
          ".psb": "Photoshop", ".jxr": "JPEG XR", ".wdp": "JPEG XR", ".exr": "OpenEXR",
          ".tga": "TGA", ".qoi": "QOI", ".pcx": "PCX", ".ppm": "PNM", ".pgm": "PNM", ".pbm": "PNM",
          ".pnm": "PNM", ".xcf": "GIMP", ".kra": "Krita", ".clip": "Clip Studio",
          **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
                          "camera raw")}
"""Pictures that are not read, by suffix. They are named wherever they are met."""

BEGINNING = 64
"""As many bytes of a file as `kind_by` looks at."""

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"),
               (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
               (b"\xff\x4f\xff\x51", "JPEG2000"), (b"\xff\x0a", "JPEG XL"),
               (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"8BPS\0", "Photoshop"),
               (b"II\xbc\x01", "JPEG XR"), (b"v/1\x01\x02", "OpenEXR"), (b"qoif", "QOI"),
               (b"gimp xcf", "GIMP"))
_BRANDS = ((("avif", "avis"), "AVIF"), (("heic", "heix", "heim", "heis", "hevc", "mif1"), "HEIC"))


def kind_by(beginning: bytes) -> str | None:
    """Returns the kind of a picture by its first bytes, one of `FORMATS` or of those unread.

    Args:
        beginning: the first `BEGINNING` bytes; fewer of a shorter file.

    Returns:
        None where it is no picture.
    """
    for signature, kind in _SIGNATURES:
        if beginning.startswith(signature):
            return kind
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "WEBP"
    if beginning[:2] == b"BM" and int.from_bytes(beginning[14:18], "little") in (
            12, 40, 52, 56, 64, 108, 124):
        return "BMP"
    if beginning[4:8] == b"ftyp":
        length = int.from_bytes(beginning[:4], "big")
        brands = [beginning[at:at + 4] for at in (8, *range(16, min(length, BEGINNING), 4))]
        return next((kind for known, kind in _BRANDS
                     if any(brand.decode("latin-1") in known for brand in brands)), None)
    return None


def kind_of(path: Path) -> str | None:
    """Returns the kind of a file as `kind_by`; None also where it cannot be read."""
    try:
        if not path.is_file():
            return None
        with open(path, "rb") as file:
            return kind_by(file.read(BEGINNING))
    except OSError:
        return None


def is_picture_suffix(suffix: str) -> bool:
    """Whether a suffix is that of a picture, read or not."""
    return suffix.lower() in PICTURE_SUFFIXES or suffix.lower() in UNREAD
