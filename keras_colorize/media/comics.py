"""Comics (CBZ, EPUB and PDF): their pages in reading order, for learning and for colouring.

Nothing is ever unpacked to disk. A coloured comic is written as CBZ: a CBZ with all else that it
held, the others as their pages alone.
"""

import posixpath
import re
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from keras_colorize.errors import SourceError, one_line
from keras_colorize.files import reading, whole_file
from keras_colorize.media import entry_names
from keras_colorize.media.pdf_book import PdfBook, Read, numbered, write_pages
from keras_colorize.media.picture_kinds import BEGINNING, is_picture_suffix, kind_by
from keras_colorize.media.pictures import picture_of

BOOK_SUFFIXES = frozenset((".cbz", ".cbr", ".cb7", ".cbt", ".epub", ".pdf"))
ARCHIVE_SUFFIXES = BOOK_SUFFIXES | {".zip", ".rar"}

LARGEST_ENTRY = 256 * 2**20  # bytes
LARGEST_ARCHIVE = 2**30  # bytes, unpacked; larger ones must not be `MOST_SWOLLEN`
MOST_SWOLLEN = 1000  # times the size of the file
LARGEST_TEXT = 8 * 2**20  # bytes of all documents of an EPUB
MOST_NAMED, LONGEST_LINK = 10, 100  # pictures that an EPUB lacks, and characters of each

_AS_CBZ = "unpack it and zip its pictures as CBZ"
_REFUSED = {
    ".cbr": ("is a RAR archive, which is not read", _AS_CBZ),
    ".rar": ("is a RAR archive, which is not read", _AS_CBZ),
    ".cb7": ("is a 7z archive, which is not read", _AS_CBZ),
    ".cbt": ("is a tar archive, which is not read", _AS_CBZ),
    ".pdf": ("is a PDF and is not named so", "rename it .pdf"),
    ".zip": ("is a ZIP archive, read only as a comic", "rename it .cbz"),
}
_BEGINNINGS = {b"Rar!": ".rar", b"7z\xbc\xaf": ".cb7", b"%PDF": ".pdf"}
_ZIP = b"PK\3\4"
_ZIPS = (".cbz", ".epub")  # suffixes of archives that are read
# Of an EPUB: what names its table of contents, what is encrypted, and what shows a picture.
_CONTAINER, _LOCKED = "META-INF/container.xml", "META-INF/encryption.xml"
_SHOWING = {"img": "src", "image": "href"}
_TAGS = {"rootfile", "item", "itemref", "cipherreference", *_SHOWING}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def is_book(path: Path) -> bool:
    """Whether a file's suffix is that of a comic: an archive, EPUB or PDF that may be refused."""
    return path.suffix.lower() in BOOK_SUFFIXES


def refused_archive(path: Path) -> SourceError | None:
    """Says why an archive is not read that is not named as a comic, and may hold pictures.

    Returns:
        None for all other files, and for a ZIP without a picture.
    """
    suffix = path.suffix.lower()
    if suffix not in ARCHIVE_SUFFIXES - BOOK_SUFFIXES:
        return None
    if suffix == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                if not _pages(archive):
                    return None
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return None
    return SourceError(path, *_REFUSED[suffix])


def open_book(path: Path, only_pages: bool = False) -> "Book | PdfBook":
    """Opens a comic by its suffix; with `only_pages`, what else its archive holds is not checked.

    Raises:
        SourceError: it is of a kind that is not read, damaged, encrypted, hostile or without pages.
    """
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        return PdfBook(path)
    return EpubBook(path) if suffix == ".epub" else Book(path, only_pages)


def natural_order(name: str) -> list[list]:
    """A key that sorts paths as readers count: page2 before page10, folder by folder."""
    return [[_counted(part) if part.isdecimal() else part
             for part in re.split(r"(\d+)", step.casefold())] for step in _steps(name)]


def _counted(digits: str) -> tuple[int, str]:
    """A key that sorts digits by their number, of however many; Python counts to 4,300 of them."""
    plain = "".join(str(unicodedata.decimal(digit)) for digit in digits).lstrip("0")
    return len(plain), plain


def _steps(name: str) -> list[str]:
    return re.split(r"[/\\]", name)  # old Windows tools wrote backslashes


class Book:
    """A comic archive (CBZ)."""

    names: list[str]
    """Of the pages in reading order: pictures in any folder, without hidden files. They are as
    `entry_names.names_of` gives them, so no two are alike."""
    notes: list[str]
    """A line on each file, or page, that is seen under another name than it has in the archive."""

    def __init__(self, path: Path, only_pages: bool = False):
        self.path = path
        with _opened(path) as archive:
            pages, entries = _pages(archive), archive.infolist()
            used = [entry for _, entry in pages] if only_pages else entries
            _check_harmless(path, used)
            outside = [entry for entry in entries if entry_names.points_outside(entry)]
            if outside and all(entry in outside for _, entry in pages):
                raise SourceError(path, f"holds {outside[0].filename!r}, which points outside of "
                                        "it", "do not trust it; get it elsewhere")
            names = entry_names.names_of(entries)
            of = {id(entry) for entry in used}
            self.notes = [f"{path}/{line}" for entry, line in entry_names.notes_on(entries, names)
                          if id(entry) in of]
        self.names = [name for name, _ in pages]
        if not pages:
            raise SourceError(path, "holds no picture", "give a CBZ of pictures")

    def pages(self) -> Iterator[tuple[str, Read]]:
        """Gives each page in reading order: its name, and what reads its file."""
        with _opened(self.path) as archive:
            for name, entry in _pages(archive):
                yield name, partial(_entry_bytes, archive, entry, self.path / name)

    def pictures(self) -> Iterator[tuple[str, np.ndarray]]:
        """Gives each page in reading order: its name and its picture, uint8 RGB [h, w, 3].

        A damaged page raises SourceError, as in `picture_of`.
        """
        for name, read in self.pages():
            yield name, picture_of(read(), self.path / name)

    def write(self, target: Path, colored: Mapping[str, tuple[str, Path]]) -> list[str]:
        """Writes the archive anew, whole or not at all, with the pages that were coloured.

        Args:
            colored: for the name of a page its new name and the file that replaces it. All other
                entries stay as they are, in their order. All names keep their bytes and flag; only
                those that point outside of the archive are left out, and roots of disks.

        Returns:
            A line on each entry that is damaged. Its bytes are copied where they are found.
        """
        damaged = []
        with _opened(self.path) as archive, whole_file(target) as temporary, \
                zipfile.ZipFile(temporary, "w") as out:
            out.comment = archive.comment
            entries = archive.infolist()
            for name, entry in zip(entry_names.names_of(entries), entries, strict=True):
                new_name, place = colored.get(name, (name, None))
                kept = entry_names.KeptEntry.of(entry, name, new_name)
                where = self.path / name
                if entry_names.points_outside(entry):
                    damaged.append(one_line(f"{where}: points outside of its archive, and was left "
                                            "out"))
                    continue
                try:
                    file = _entry_bytes(archive, entry, where) if place is None else \
                        place.read_bytes()
                except SourceError as error:
                    was_copied = _copy_damaged(archive, entry, kept, out)
                    what_next = "stays as it is" if was_copied else "was left out"
                    damaged.append(one_line(f"{where}: {error.what}, and {what_next}"))
                    continue
                if kept.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    kept.compress_type = zipfile.ZIP_DEFLATED
                out.writestr(kept, file, kept.compress_type)
        return damaged


class EpubBook(Book):
    """An EPUB: the pictures that it shows, in the order in which it shows them."""

    def __init__(self, path: Path):
        self.path = path
        with _opened(path) as archive:
            _check_harmless(path, archive.infolist())
            self._shown, self.notes = _EpubReader(archive, path).shown()
        if not self._shown:
            raise SourceError(path, "shows no picture", "give a book whose pages are pictures")
        self.names = numbered(Path(entry).suffix.lower() for entry in self._shown)

    def pages(self) -> Iterator[tuple[str, Read]]:
        """Gives each page in reading order: its name, and what reads its file."""
        with _opened(self.path) as archive:
            for name, entry in zip(self.names, self._shown, strict=True):
                yield name, partial(_entry_bytes, archive, archive.getinfo(entry), self.path / name)

    def write(self, target: Path, colored: Mapping[str, tuple[str, Path]]) -> list[str]:
        """Writes a CBZ of all pages, as `Book.write`; those not coloured as they are stored."""
        return write_pages(self.pages(), target, colored)


class _Tags(HTMLParser):
    """Finds some tags of XML or HTML, each with its attributes, without their namespaces."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps a tag; names are in small letters."""
        name = tag.rpartition(":")[2]
        if name in _TAGS:
            self.found.append((name, {key.rpartition(":")[2]: value or "" for key, value in attrs}))


class _EpubReader:
    """Reads what an EPUB shows; raises SourceError where that is damaged, protected or hostile."""

    def __init__(self, archive: zipfile.ZipFile, path: Path):
        self.archive, self.path = archive, path
        self.entries = {entry.filename: entry for entry in archive.infolist()}
        self.text_left = LARGEST_TEXT
        self.kinds: dict[str, bool] = {}

    def shown(self) -> tuple[list[str], list[str]]:
        """Lists the entries of pictures, each once, and a line on all else that is to be shown."""
        package = next((of.get("full-path", "") for tag, of in self.tags(_CONTAINER)
                        if tag == "rootfile"), "")
        tags = self.tags(package)
        places = {of["id"]: of.get("href", "") for tag, of in tags if tag == "item" and "id" in of}
        order = dict.fromkeys(self.linked(package, places[of["idref"]]) for tag, of in tags
                              if tag == "itemref" and of.get("idref") in places)
        pictures, missing, texts = {}, {}, 0
        for place in order:
            links = self.pictures_of(place)
            texts += not links
            for link in links:
                if link not in self.entries:
                    missing[link] = None
                elif self.is_page(link):
                    pictures[link] = None
        return list(pictures), self.notes(list(missing), texts, len(order))

    def notes(self, missing: list[str], texts: int, parts: int) -> list[str]:
        """Says what is left out: pictures that the book lacks, and text."""
        lines = [f"{self.path}/{link[:LONGEST_LINK]}: is shown, and is no file of the book"
                 for link in missing[:MOST_NAMED]]
        if len(missing) > MOST_NAMED:
            lines.append(f"{self.path}/{len(missing) - MOST_NAMED} more: are no files of the book")
        if texts:
            lines.append(f"{self.path}/text of {texts} of {parts} parts: is left out, as no "
                         "picture is with it")
        return list(map(one_line, lines))

    def pictures_of(self, place: str) -> list[str]:
        """Lists what a part of the book shows: itself, if it is a picture, or what it links to."""
        if place not in self.entries or self.is_page(place):
            links = [place]
        else:
            self.check_open(place)
            links = list(dict.fromkeys(self.linked(place, of[_SHOWING[tag]])
                                       for tag, of in self.tags(place)
                                       if tag in _SHOWING and of.get(_SHOWING[tag])))
        for link in links:
            self.check_open(link)
        return links

    @cached_property
    def locked(self) -> set[str]:
        """The entries that are encrypted, which fonts may be."""
        return {self.linked("", of.get("uri", "")) for tag, of in self.tags(_LOCKED)
                if tag == "cipherreference"} if _LOCKED in self.entries else set()

    def check_open(self, name: str) -> None:
        if name in self.locked:
            raise SourceError(self.path, "is copy-protected", "give it without that")

    def is_page(self, name: str) -> bool:
        if name not in self.kinds:
            self.kinds[name] = _is_page(self.archive, name, self.entries[name])
        return self.kinds[name]

    def linked(self, document: str, link: str) -> str:
        """Finds what a link in a document means: the name of an entry, or what might be one."""
        names = [posixpath.normpath(posixpath.join(posixpath.dirname(document), each))
                 for each in (unquote(link.partition("#")[0].partition("?")[0]), link)]
        return next((name for name in names if name in self.entries),
                    link if ":" in link else names[0])

    def tags(self, name: str) -> list[tuple[str, dict[str, str]]]:
        """Reads the tags of a document."""
        if name not in self.entries:
            raise SourceError(self.path, f"lacks {name!r}, which an EPUB has",
                              "get it again; if it is a CBZ, rename it .cbz")
        entry, where = self.entries[name], self.path / name
        self.text_left -= entry.file_size
        if self.text_left < 0:
            raise SourceError(self.path, f"holds more than {LARGEST_TEXT >> 20} MiB of text",
                              "do not trust it; get it elsewhere")
        text = _entry_bytes(self.archive, entry, where)
        try:
            return _Tags(text.decode("utf-16" if text[:2] in _UTF_16 else "utf-8-sig", "replace")
                         ).found
        except (AssertionError, ValueError) as error:  # which HTMLParser raises
            raise SourceError(where, "is damaged", "get the book again") from error


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens a ZIP that is a comic; raises SourceError where it is none, or cannot be read."""
    suffix = path.suffix.lower()
    with reading(path), open(path, "rb") as file:
        beginning = file.read(4)
    if suffix == ".zip" or (suffix not in _ZIPS and beginning != _ZIP):  # many a .cbr is a ZIP
        raise SourceError(path, *_REFUSED[suffix])
    try:
        with reading(path):
            archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        if beginning in _BEGINNINGS:
            raise SourceError(path, *_REFUSED[_BEGINNINGS[beginning]]) from error
        if tarfile.is_tarfile(path):
            raise SourceError(path, *_REFUSED[".cbt"]) from error
        what = "is damaged or cut short" if beginning == _ZIP else "is no ZIP archive"
        raise SourceError(path, what, f"is it a whole {suffix[1:].upper()}? copy it again"
                          ) from error
    with archive:
        yield archive


def _pages(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """Finds the entries that are pictures, in reading order, with their names."""
    entries = archive.infolist()
    return sorted((item for item in zip(entry_names.names_of(entries), entries, strict=True)
                   if _is_page(archive, *item)), key=lambda item: natural_order(item[0]))


def _is_page(archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo) -> bool:
    """Tells whether an entry is a picture by its suffix, or with a suffix of none by its bytes."""
    steps = _steps(name)
    hidden = any(step.startswith(".") or step == "__MACOSX" for step in steps)
    if entry.is_dir() or hidden:
        return False
    if is_picture_suffix(Path(steps[-1]).suffix):
        return True
    try:
        with archive.open(entry) as file:
            return kind_by(file.read(BEGINNING)) is not None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError):
        return False  # damaged or encrypted: whoever reads or copies it says so


def _check_harmless(path: Path, used: list[zipfile.ZipInfo]) -> None:
    """Raises SourceError where an entry of `used` is encrypted or would fill the memory."""
    for entry in used:
        if entry.flag_bits & 1:
            raise SourceError(path, "is encrypted", "save it again without a password")
        if entry.file_size > LARGEST_ENTRY:
            raise SourceError(path / entry.filename, f"unpacks to {entry.file_size >> 20} MiB, "
                              f"more than {LARGEST_ENTRY >> 20}", "do not trust it, or scale it "
                              "down")
    unpacked = sum(entry.file_size for entry in used)
    if unpacked > max(LARGEST_ARCHIVE, MOST_SWOLLEN * path.stat().st_size):
        raise SourceError(path, f"unpacks to {unpacked >> 20} MiB, over {MOST_SWOLLEN} times its "
                                "size", "do not trust it; get it elsewhere")


def _entry_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: object) -> bytes:
    """Reads an entry; raises SourceError where it is damaged, or its name is hostile."""
    if entry_names.points_outside(entry):
        raise SourceError(where, f"is named {entry.filename!r}, which points outside of its "
                                 "archive", "do not trust it; get it elsewhere")
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError,
            NotImplementedError) as error:  # and what a method unknown to Python raises
        raise SourceError(where, "is damaged in its archive", "copy the archive again") from error


def _copy_damaged(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, kept: zipfile.ZipInfo,
                  out: zipfile.ZipFile) -> bool:
    """Copies an entry's stored bytes, as `ZipFile` cannot; tells whether they were found."""
    archive.fp.seek(entry.header_offset)
    header = archive.fp.read(30)
    if header[:4] != _ZIP or len(header) < 30:
        return False
    archive.fp.seek(sum(struct.unpack("<HH", header[26:])), 1)
    stored = archive.fp.read(entry.compress_size)
    if len(stored) != entry.compress_size:
        return False
    kept.flag_bits &= ~8  # its sizes stand before it
    kept.header_offset = out.fp.tell()
    out.fp.write(kept.FileHeader(zip64=False) + stored)
    out.filelist.append(kept)
    out.NameToInfo[kept.filename] = kept
    out.start_dir = out.fp.tell()
    return True
