"""The exceptions that a user can meet: each says where, what, and what to do next."""

import re
import shlex
import textwrap
from pathlib import Path


class ColorizeError(Exception):
    """The work failed (exit code 1).

    Args:
        where: the file, folder, option or step that failed.
        what: the fault, in one clause.
        remedy: the next thing that the user can do, in one clause.
    """

    exit_code = 1
    in_all = False
    """Whether all processes of a run raise it together, so that none waits for another."""

    def __init__(self, where: object, what: str, remedy: str):
        super().__init__(one_line(f"{where}: {what}; {remedy}"))
        self.where, self.what, self.remedy = str(where), what, remedy
        self.left_out: dict[str, str] = {}
        """By name why files were left out before it, which are to be named all the same."""

    def __reduce__(self):
        return type(self), (self.where, self.what, self.remedy)  # so that workers can raise it


def one_line(text: str) -> str:
    """Escapes the characters of a text, as of file names, that break a line or are no Unicode."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]",
                  lambda match: match[0].encode("unicode_escape").decode(), text)


def shell_line(*arguments: object) -> str:
    """Joins a command and its arguments to a line that a user can paste into a shell."""
    words = (f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)
             for word in arguments)
    return shlex.join(words)


def changes(before: dict, now: dict) -> str:
    """Says which values are not the same before and now, in one clause."""
    return ", ".join(f"{key} was {_short(before.get(key))}, now {_short(now.get(key))}"
                     for key in {**before, **now} if now.get(key) != before.get(key))


def _short(value: object) -> str:
    if value is None:
        return "not set"
    return textwrap.shorten(repr(value), 60, placeholder="...")


def first_line(error: Exception) -> str:
    """Returns the first line of a library's error, or its kind if it has no text."""
    return one_line(next(iter(str(error).splitlines()), type(error).__name__))


class UsageError(ColorizeError):
    """The command, its options or its configuration are wrong (exit code 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file or `--set` has an unknown key, a wrong type or a bad value."""


class SettingsMismatch(UsageError):
    """The output exists already, and was made with other settings."""


class SourceError(ColorizeError):
    """A video, comic or picture cannot be read, or gives no frame."""


class DatasetError(ColorizeError):
    """A dataset directory is missing, incomplete, corrupt or of another schema."""


class RunError(ColorizeError):
    """A run directory lacks something, or its training cannot go on."""


class NotFiniteError(RunError):
    """A loss became NaN or infinite."""

    in_all = True  # a loss is the sum over all processes
