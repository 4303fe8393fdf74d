"""Answers that are kept: files in a folder by their keys, bounded in bytes."""

import os
import re
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from keras_colorize.errors import UsageError, first_line
from keras_colorize.files import PARTIAL, clear_partial, locked, whole_file
from keras_colorize.serving.access_log import write_line

LOCK = ".lock"
_KEY = re.compile("[0-9a-f]{64}")


class AnswerCache:
    """Keeps files in a folder, `most_bytes` at most; the least recently used give way to new ones.

    Whole files and their times do what diskcache would, which had its last release in 2023.
    Keys are 64 digits of hexadecimal. Threads may call it at once; one process has the folder.

    Raises UsageError where another process has the folder, or there is something else in it.
    """

    def __init__(self, folder: Path, most_bytes: int):
        self.folder, self.most_bytes = folder, most_bytes
        self._owned, self._turn = ExitStack(), threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if not (_KEY.fullmatch(path.name) or path.name == LOCK or path.match(PARTIAL)):
                raise UsageError(folder, f"holds {path.name}, which is no page that was kept",
                                 "name a folder for the cache alone")
        self._owned.enter_context(locked(folder / LOCK, folder))
        clear_partial(folder)
        kept = sorted(filter(lambda path: path.name != LOCK, folder.iterdir()),
                      key=lambda path: path.stat().st_mtime_ns)
        self._sizes = {path.name: path.stat().st_size for path in kept}
        """The bytes of all files by their keys, the least recently used first."""
        self._make_room(0)

    def find(self, key: str) -> bytes | None:
        """Reads the file that was kept under a key, and counts it as used; None if none is."""
        with self._turn:
            if key not in self._sizes:
                return None
            self._sizes[key] = self._sizes.pop(key)  # as the last
            try:
                os.utime(self.folder / key)  # for the order after a restart
                return (self.folder / key).read_bytes()
            except OSError:  # somebody removed it
                return None

    def keep(self, key: str, file: bytes) -> bool:
        """Keeps a file, and returns whether there is room for it and the disk takes it."""
        if len(file) > self.most_bytes:
            return False
        with self._turn:
            held = self._sizes.get(key, 0)
            if key in self._sizes:
                self._sizes[key] = self._sizes.pop(key)  # as the last: the new file takes its place
            try:
                self._make_room(len(file) - held)
                with whole_file(self.folder / key) as temporary:
                    temporary.write_bytes(file)
            except OSError as error:
                write_line(sys.stdout, event="warning",
                           message=f"{self.folder}: takes no page ({first_line(error)})")
                return False
            self._sizes[key] = len(file)
            return True

    def close(self) -> None:
        """Lets another process have the folder."""
        self._owned.close()

    def _make_room(self, size: int) -> None:
        while self._sizes and sum(self._sizes.values()) + size > self.most_bytes:
            key = next(iter(self._sizes))
            (self.folder / key).unlink(missing_ok=True)
            del self._sizes[key]
