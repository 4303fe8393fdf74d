"""The command `keras-colorize`: arguments in, exit codes and one-line errors out."""

import argparse
import difflib
import io
import re
import sys

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

    def __init__(self, *args, **options):
        self.names: list[str] = []
        super().__init__(*args, allow_abbrev=False, **options)

    def add_argument(self, *names, **options):
        """As of argparse."""
        self.names += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **options)

    def parse_known_args(self, *args, **options):
        """As of argparse, but refuses what is not known at once: the command knows its options."""
        known, others = super().parse_known_args(*args, **options)
        if others:
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return known, others

    def error(self, message: str):
        wrong = re.search("unrecognized arguments: (--[^ =]+)|COMMAND: invalid choice: '(.+?)'",
                          message)
        known = self.names if wrong and wrong[1] else [name for name, *_ in COMMANDS]
        near = wrong and difflib.get_close_matches(wrong[1] or wrong[2], known, 1, cutoff=0.8)
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
