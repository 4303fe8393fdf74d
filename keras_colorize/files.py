"""Files and folders that appear under their final name only when they are whole."""

import hashlib
import json
import os
import platform
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from filelock import FileLock, Timeout

from keras_colorize.errors import ColorizeError, SourceError, UsageError, first_line

Kind = TypeVar("Kind")

PARTIAL = ".*.partial*"  # what `whole_file` and `whole_folder` are writing, or left when killed


def check_apart(out: Path, places: Sequence[Path]) -> None:
    """Raises UsageError where the output `out` is one of the inputs, within one, or no Unicode."""
    if not is_unicode(out):
        raise UsageError(out, "is a name that is not UTF-8", "name another --out")
    for place in places:
        if is_within(out, place):
            raise UsageError(out, f"is within the input {place}", "name another --out")


def is_unicode(path: Path) -> bool:
    """Whether a path is text, as TensorFlow and JSON want it; others are bytes of another time."""
    try:
        str(path).encode()
        return True
    except UnicodeEncodeError:
        return False


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or below it, once all links are followed."""
    real = Path(os.path.realpath(path))  # Path.resolve raises on a link to itself
    return Path(os.path.realpath(folder)) in (real, *real.parents)


def nearest_existing(path: Path) -> Path:
    """A path itself, or the lowest of the folders above it that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`, of the same suffix, and moves it there at the end.

    It is then on the disk, whole, whatever becomes of the machine.

    Raises:
        OSError: the folder cannot be written, or the disk is full; `path` is then untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{_token()}.partial{path.suffix}")
    try:
        yield temporary
        _bring_to_disk(temporary)
        os.replace(temporary, path)
        _bring_to_disk(path.parent)
    except OSError as error:
        if error.filename or not error.errno:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # a write says not where
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `path` and renames it to `path` at the end.

    `path` must not exist, or be an empty folder. All in it is then on the disk, as of `whole_file`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{_token()}.partial")
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
    """Returns once a file's content, or a folder's names, would survive a loss of power."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def clear_partial(folder: Path) -> None:
    """Removes what `whole_file` and `whole_folder` left half written when they were killed.

    Call it where no other process writes.
    """
    for partial in list(folder.rglob(PARTIAL)):
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)


def _token() -> str:
    return uuid.uuid4().hex[:8]  # process numbers repeat on the machines of a cluster


@contextmanager
def locked(path: Path, where: Path) -> Iterator[None]:
    """Holds a lock on the file `path` while work on `where` is under way.

    It falls with this process, however that ends.

    Raises:
        UsageError: another process holds it.
    """
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
    """Raises `error`, which names the file, in place of any OSError raised within.

    Args:
        path: the file or folder that is read within.
        remedy: what the user can do next, in one clause.
    """
    try:
        yield
    except OSError as reason:
        what = "is missing" if isinstance(reason, FileNotFoundError | NotADirectoryError) else \
            f"cannot be read ({reason.strerror or first_line(reason)})"
        raise error(path, what, remedy) from reason


def read_json(path: Path, kind: type[Kind], error: type[ColorizeError], remedy: str) -> Kind:
    """Reads a JSON file into a type.

    Args:
        kind: a dataclass, a `msgspec.Struct`, or a type such as `dict[str, int]`. Keys that a
            class does not know are passed over; `dict` keeps all, and checks none.
        error: what to raise, with `path` as its place.
        remedy: what the user can do next, in one clause.

    Raises:
        error: the file is missing, cannot be read, is no JSON, or does not fit the type.
    """
    with reading(path, error, remedy):
        file = path.read_bytes()
    try:  # Python's parser, which reads the NaN and the file names without Unicode that it writes
        return msgspec.convert(json.loads(file), kind)
    except ValueError as reason:  # as is what msgspec raises
        raise error(path, f"is damaged ({first_line(reason)})", remedy) from reason


def json_text(value: object) -> str:
    """`value` as indented JSON, as `write_json` writes it."""
    return json.dumps(value, indent=2) + "\n"


def write_json(path: Path, value: object) -> None:
    """Writes `value` as indented JSON, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(json_text(value), encoding="utf-8")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
