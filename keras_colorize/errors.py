"""The exceptions a user can meet: each says where, what, and what to do next."""

import re


class ColorizeError(Exception):
    """Work failed (exit code 1).

    Args:
        where: the file, folder, option or step concerned.
        what: what is wrong with it, in one clause.
        remedy: what the user can do next, in one clause.
    """

    exit_code = 1
    in_all = False
    """Whether each of several processes raises it, so that none is left waiting for another."""

    def __init__(self, where: object, what: str, remedy: str):
        super().__init__(one_line(f"{where}: {what}; {remedy}"))
        self.where, self.what, self.remedy = str(where), what, remedy

    def __reduce__(self):
        return type(self), (self.where, self.what, self.remedy)  # so that workers can raise it


def one_line(text: str) -> str:
    """A text, as of file names, with all escaped that would break its line or is no Unicode."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]",
                  lambda found: found[0].encode("unicode_escape").decode(), text)


def first_line(error: Exception) -> str:
    """The first line of what a library's error says, or its kind where it says nothing."""
    return one_line(next(iter(str(error).splitlines()), type(error).__name__))


class UsageError(ColorizeError):
    """The command, its options or its configuration were wrong (exit code 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file or a `--set` has an unknown key, a wrong type or a bad value."""


class SettingsMismatch(UsageError):
    """An output exists already, made with other settings."""


class SourceError(ColorizeError):
    """A video or picture cannot be read, or gives no frame."""


class DatasetError(ColorizeError):
    """A dataset directory is missing, incomplete, corrupt or of another schema."""


class RunError(ColorizeError):
    """A run directory lacks what is asked of it, or its training cannot go on."""


class NotFiniteError(RunError):
    """A loss became NaN or infinite."""

    in_all = True  # losses are over the parts of all
