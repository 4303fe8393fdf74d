"""Files: written whole or not at all, locked, and read with an error that names them."""

import hashlib
import json
import os
import platform
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from keras_colorize.errors import ColorizeError, SourceError, UsageError, first_line

Kind = TypeVar("Kind")

LONGEST_SUFFIX = 16  # bytes; longer ones mean nothing to whoever writes
PARTIAL = ".*.partial*"  # the names that `whole_file` and `whole_folder` write under


def check_apart(out: Path, places: Sequence[Path]) -> None:
    """Raises UsageError if the output `out` is an input, lies within one, or is no Unicode."""
    if not is_unicode(out):
        raise UsageError(out, "is a name that is not UTF-8", "name another --out")
    for place in places:
        if is_within(out, place):
            raise UsageError(out, f"is within the input {place}", "name another --out")


def is_unicode(path: Path) -> bool:
    """Tells whether a path is Unicode, as TensorFlow and JSON want it."""
    try:
        str(path).encode()
        return True
    except UnicodeEncodeError:
        return False


def is_within(path: Path, folder: Path) -> bool:
    """Tells whether a path is a folder or below it, once all links are followed."""
    real = Path(os.path.realpath(path))  # Path.resolve raises on a link to itself
    return Path(os.path.realpath(folder)) in (real, *real.parents)


def nearest_existing(path: Path) -> Path:
    """Returns a path itself, or the lowest folder above it that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`, with its suffix, and moves it to `path` at the end.

    Its name is short, so that `path` may have a name as long as the disk takes. The file is then on
    the disk, whole, even if the machine loses power. After an OSError `path` is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= LONGEST_SUFFIX else ""
    temporary = path.with_name(f".{uuid.uuid4().hex[:16]}.partial{suffix}")
    # Not by process number, which machines of a cluster share.
    try:
        yield temporary
        _bring_to_disk(temporary)
        os.replace(temporary, path)
        _bring_to_disk(path.parent)
    except OSError as error:
        if error.filename or not error.errno:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # a write names no file
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `path` and renames it to `path` at the end.

    `path` must not exist, or be an empty folder. All files in it are then on the disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex[:16]}.partial")
    temporary.mkdir()
    try:
        yield temporary
        for each in (*temporary.rglob("*"), temporary):
            _bring_to_disk(each)
        os.replace(temporary, path)
        _bring_to_disk(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _bring_to_disk(path: Path) -> None:
    """Waits until a file's content, or a folder's list of names, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def clear_partial(folder: Path) -> None:
    """Removes what a killed process left half written; call it where no other process writes."""
    for partial in list(folder.rglob(PARTIAL)):
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, where: Path) -> Iterator[None]:
    """Locks the file `path` during work on `where`; raises UsageError if another process does."""
    from filelock import FileLock, Timeout  # here, since `--help` locks nothing

    lock = FileLock(path, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        holder = path.read_text(encoding="utf-8", errors="replace") or "unknown"
        raise UsageError(where, f"is being worked on by process {holder}",
                         "wait for it, or stop it") from error
    try:
        path.write_text(f"{os.getpid()} on {platform.node()}", encoding="utf-8")
        yield
    finally:
        lock.release()


@contextmanager
def reading(path: Path, error: type[ColorizeError] = SourceError,
            remedy: str = "check it") -> Iterator[None]:
    """Raises `error` in place of any OSError within; it names `path` where that names no file."""
    try:
        yield
    except OSError as reason:
        what = "is missing" if isinstance(reason, FileNotFoundError | NotADirectoryError) else \
            f"cannot be read ({reason.strerror or first_line(reason)})"
        raise error(reason.filename or path, what, remedy) from reason


def read_bytes(path: Path, error: type[ColorizeError] = SourceError,
               remedy: str = "check it") -> bytes:
    """Reads a whole file; raises `error` as `reading` does."""
    with reading(path, error, remedy):
        return path.read_bytes()


def read_json(path: Path, kind: type[Kind], error: type[ColorizeError], remedy: str) -> Kind:
    """Reads a JSON file into a type; raises `error` where it cannot be read, or does not fit.

    Args:
        kind: a dataclass, a `msgspec.Struct`, or a type such as `dict[str, int]`. A class drops
            the keys that it does not know; `dict` keeps all, and checks none.
        remedy: the next thing that the user can do, in one clause.
    """
    file = read_bytes(path, error, remedy)
    try:  # by Python's parser, for the NaN and the names without Unicode that it writes
        return msgspec.convert(json.loads(file), kind)
    except ValueError as reason:  # as is what msgspec raises
        raise error(path, f"is damaged ({first_line(reason)})", remedy) from reason


def json_text(value: object) -> str:
    """Returns `value` as indented JSON."""
    return json.dumps(value, indent=2) + "\n"


def write_json(path: Path, value: object) -> None:
    """Writes `value` as indented JSON, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(json_text(value), encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Computes the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(paths: Iterable[Path]) -> str:
    """Computes the SHA-256 of the names and bytes of files, in their order, in hexadecimal."""
    named = "\n".join(f"{path.name} {sha256_of(path)}" for path in paths)
    return hashlib.sha256(named.encode()).hexdigest()
