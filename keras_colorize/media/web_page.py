"""Web pages in one file each: pictures lie inside, nothing comes from elsewhere, no script runs.

A page has a Jinja2 template of its own, which extends `page.html` and takes its tables and pictures
from `parts.html`. Both stand beside this file.
"""

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from keras_colorize import media
from keras_colorize.files import whole_file


def write(path: Path, template: Path, **values: object) -> None:
    """Writes a page, whole or not at all.

    Args:
        template: the page's own template. The filters `png` and `png_file` turn a picture, uint8
            [h, w, 3] or [h, w], or a file into the address of an image.
        values: all that the template names, with the page's `title`; text is escaped. Where one is
            missing, jinja2.UndefinedError is raised.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True)
    environment.filters |= {"png": lambda picture: address(media.encode_picture(picture), "png"),
                            "png_file": lambda path: address(path.read_bytes(), "png")}
    with whole_file(path) as temporary:
        environment.get_template(template.name).stream(values).dump(str(temporary), "utf-8")


def address(image: bytes, kind: str) -> str:
    """Returns the address, within the page, of an encoded picture of a kind, "png" or "jpeg"."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"
