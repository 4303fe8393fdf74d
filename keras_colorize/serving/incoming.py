"""What a request of the page asks for: options, numbers, and room."""

from starlette.requests import Request

from keras_colorize.colorize import LOCKS, Settings
from keras_colorize.image import page_kind
from keras_colorize.serving.refusals import Busy, Refused

FORMATS = ("png", "jpeg", "webp")
KNOWN = {"lock": LOCKS, "treat_as": page_kind.KINDS, "format": FORMATS}
LONGEST_KEY = 100  # characters by which a client tells its uploads apart
SECONDS = 60  # after which there may be room again


def settings_of(request: Request) -> Settings:
    """How pages are to be coloured, by the options `lock` and `treat_as` of the address.

    Raises:
        Refused: 400: an option has a value that is not known.
    """
    chosen = {name: option(request, name) for name in ("lock", "treat_as")}
    return Settings(**{name: value for name, value in chosen.items() if value})


def option(request: Request, name: str) -> str | None:
    """One of the `KNOWN` values of an option; None where it is not given.

    Raises:
        Refused: 400: it is another value.
    """
    value = request.query_params.get(name) or None
    if value is not None and value not in KNOWN[name]:
        raise Refused(400, f"{name}: is {value[:40]!r}; choose {', '.join(KNOWN[name])}")
    return value


def number(request: Request, name: str) -> int | None:
    """A count in the query or the path of an address; None where it is not given.

    Raises:
        Refused: 400: it is no number.
    """
    value = request.path_params.get(name, request.query_params.get(name))
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise Refused(400, f"{name}: is {value[:40]!r}; give a whole number")
    return int(value)


def full(name: str) -> Busy:
    """The answer where the server has no room for a file."""
    return Busy(f"{name}: finds no room on the server at the moment; try again in a few minutes",
                SECONDS)
