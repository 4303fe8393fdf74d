"""Names of the entries of a ZIP archive: as readers see them, and as their bytes stand in it.

Without the flag of UTF-8 nothing says what the bytes of a name mean. They are read as what they
most likely are, and are written again as they came.
"""

import re
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from keras_colorize.errors import one_line

_UTF8 = 0x800  # the flag of a name in UTF-8
_UNICODE_PATH = 0x7075  # the extra field that repeats a name in UTF-8
_NO_STEP = "\uff3c"  # stands for a backslash that is the second byte of a letter
_JAPANESE = re.compile("[\u3041-\u30ff\u3400-\u9fff]")
_STARTS_OUTSIDE = re.compile(r"([a-zA-Z]:)?[/\\]+|[a-zA-Z]:")


class KeptEntry(zipfile.ZipInfo):
    """An entry that is written with the bytes and the flag of its name given."""

    __slots__ = ("is_utf8", "stored_name")

    @classmethod
    def of(cls, entry: zipfile.ZipInfo, name: str, new_name: str) -> "KeptEntry":
        """Copies what is known of an entry.

        Args:
            name: of `names_of`.
            new_name: what it becomes; the same where it keeps its name.
        """
        kept = cls(new_name, entry.date_time)
        for slot in ("compress_type", "comment", "create_system", "create_version",
                     "extract_version", "flag_bits", "internal_attr", "external_attr", "CRC",
                     "compress_size", "file_size", "header_offset"):
            setattr(kept, slot, getattr(entry, slot))
        raw, unicode_name = raw_name(entry), _unicode_name(entry)
        kept.is_utf8 = bool(entry.flag_bits & _UTF8)
        kept.stored_name = _renamed(raw[_outside(raw):], name, new_name, kept.is_utf8)
        kept.extra = b""  # sizes of the old file are written anew where they are needed
        if unicode_name is not None:
            kept.extra = _unicode_field(kept.stored_name, _changed(
                unicode_name[_outside(unicode_name.encode()):], name, new_name))
        return kept

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # as `zipfile` calls it
        return self.stored_name, (self.flag_bits & ~_UTF8) | (_UTF8 * self.is_utf8)


def names_of(entries: list[zipfile.ZipInfo]) -> list[str]:
    """Returns a name for each entry as readers see it, no two alike.

    A name that begins at a root is seen without it; a second of one name gets a `~2`.
    """
    codec = _codec([raw_name(entry) for entry in entries if not entry.flag_bits & _UTF8])
    names, taken = [], set()
    for entry in entries:
        name = plain = _seen(entry, codec)
        number = 2
        while name in taken:
            path = PurePosixPath(plain)
            name = str(path.with_name(f"{path.stem}~{number}{path.suffix}"))
            number += 1
        taken.add(name)
        names.append(name)
    return names


def notes_on(entries: list[zipfile.ZipInfo], names: list[str],
             ) -> list[tuple[zipfile.ZipInfo, str]]:
    """Returns each file that is seen under another name than it has, with a line on it."""
    seen, lines = set(), []
    for entry, name in zip(entries, names, strict=True):
        raw = raw_name(entry)
        if entry.is_dir() or points_outside(entry):
            continue
        if raw in seen:
            line = f"{name}: is the name here of a second file of one name"
        elif _outside(raw):
            line = f"{name}: was named from the root of a disk, and no longer is"
        else:
            line = ""
        lines += [(entry, one_line(line))] if line else []
        seen.add(raw)
    return lines


def points_outside(entry: zipfile.ZipInfo) -> bool:
    """Whether the name of an entry leads above the folder that it would be unpacked in."""
    named = (entry.orig_filename, _unicode_name(entry) or "")
    return any(".." in re.split(r"[/\\]", name) for name in named)


def raw_name(entry: zipfile.ZipInfo) -> bytes:
    """Returns the bytes of the name of an entry that was read."""
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437")


def _outside(raw: bytes) -> int:
    """Returns how many bytes of a name name a root: `/`, `C:\\` and the like."""
    found = _STARTS_OUTSIDE.match(raw.decode("latin-1"))
    return found.end() if found and found.end() < len(raw) else 0


def _codec(raw: list[bytes]) -> str:
    """Chooses what the names of an archive without a flag are most likely in."""
    foreign = [each for each in raw if not each.isascii()]
    for codec in ("utf-8", "cp932"):
        try:
            text = "".join(each.decode(codec) for each in foreign)
        except UnicodeDecodeError:
            continue
        letters = [letter for letter in text if letter > "\x7f"]
        if codec == "utf-8" or 2 * len(_JAPANESE.findall(text)) > len(letters):
            return codec
    return "cp437"


def _seen(entry: zipfile.ZipInfo, codec: str) -> str:
    raw, found = raw_name(entry), _unicode_name(entry)
    if found is not None:
        name = found
    elif entry.flag_bits & _UTF8:
        name = raw.decode("utf-8")
    else:
        name = raw.decode(codec)
        if codec == "cp437":
            name = re.sub(r"([^\x00-\x7f])\\", rf"\1{_NO_STEP}", name)
    found = _STARTS_OUTSIDE.match(name)
    name = name[found.end():] if found and found.end() < len(name) else name
    return re.sub(r"(?<![^/\\])\.\.(?![^/\\])", "__", name)


def _renamed(raw: bytes, name: str, new_name: str, is_utf8: bool) -> bytes:
    """Gives the bytes of a name the suffix that its new name has."""
    if name == new_name:
        return raw
    latin = raw.decode("utf-8" if is_utf8 else "latin-1")
    return _changed(latin, name, new_name).encode("utf-8" if is_utf8 else "latin-1")


def _changed(text: str, name: str, new_name: str) -> str:
    """Gives a text that ends as `name` does the end that `new_name` has."""
    if name == new_name:
        return text
    suffix = PurePosixPath(name).suffix
    if new_name.startswith(name):
        return text + new_name[len(name):]
    return text.removesuffix(suffix) + new_name[len(name) - len(suffix):]


def _unicode_name(entry: zipfile.ZipInfo) -> str | None:
    """Reads the field that repeats a name in UTF-8; None where it is of another name, or absent."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        data, extra = extra[4:4 + length], extra[4 + length:]
        if kind == _UNICODE_PATH and length > 5 and \
                struct.unpack("<I", data[1:5])[0] == zlib.crc32(raw_name(entry)):
            return data[5:].decode("utf-8", "replace")
    return None


def _unicode_field(raw: bytes, name: str) -> bytes:
    encoded = name.encode("utf-8")
    return struct.pack("<HHBI", _UNICODE_PATH, 5 + len(encoded), 1, zlib.crc32(raw)) + encoded
