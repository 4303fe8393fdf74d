"""The command `keras-colorize`: arguments in, exit codes and one-line errors out."""

import argparse
import difflib
import io
import re
import sys
from typing import ClassVar

from keras_colorize import __version__
from keras_colorize.cli.commands import COMMANDS
from keras_colorize.errors import ColorizeError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 work failed, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # it may be of ASCII, and names are not
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        return options.perform(options) or 0
    except (ColorizeError, OSError) as error:
        if isinstance(error, OSError):
            error = ColorizeError(error.filename or "input or output", str(error.strerror or error),
                                  "mend that, then run the same command to continue")
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: stopped: interrupted; run the same command to continue", file=sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    """Answers wrong use in one line, as all errors. Options are written out."""

    known: ClassVar[set[str]] = {name for name, *_ in COMMANDS}
    """Commands and options, of which it says the nearest to a wrong one."""

    def __init__(self, *args, **options):
        super().__init__(*args, allow_abbrev=False, **options)

    def add_argument(self, *names, **options):
        """As of argparse."""
        self.known.update(name for name in names if name.startswith("--"))
        return super().add_argument(*names, **options)

    def error(self, message: str):
        wrong = re.search("(?:unrecognized arguments: |COMMAND: invalid choice: ')([^ '=]+)",
                          message)
        near = difflib.get_close_matches(wrong[1], self.known, n=1) if wrong else []
        asked = f"; did you mean {near[0]}?" if near else ""
        self.exit(2, f"error: {self.prog}: {message}{asked}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="keras-colorize", description=(
        "Learn the colours of an animated series from its episodes, and colour gray pictures."))
    parser.add_argument("--version", action="version", version=f"keras-colorize {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, description, declare, perform in COMMANDS:
        command = commands.add_parser(name, help=description, description=description)
        command.add_argument("--version", action="version",
                             version=f"keras-colorize {__version__}")
        declare(command)
        command.set_defaults(perform=perform, main=main)
    return parser
