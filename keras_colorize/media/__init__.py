"""Files in and out: pictures, comics, videos, and films with all that they hold."""

from keras_colorize.media.comics import (
    ARCHIVE_SUFFIXES,
    BOOK_SUFFIXES,
    Book,
    PdfBook,
    is_book,
    natural_order,
    open_book,
    refused_archive,
)
from keras_colorize.media.picture_kinds import (
    FORMATS,
    PICTURE_SUFFIXES,
    SAME_SUFFIX,
    is_picture_suffix,
)
from keras_colorize.media.pictures import (
    MOST_PIXELS,
    decode_picture,
    encode_picture,
    is_picture,
    picture_of,
    read_picture,
    write_picture,
)
from keras_colorize.media.stored_pictures import (
    StoredPicture,
    Style,
    read_stored_picture,
    stored_colors,
    stored_layer,
)
from keras_colorize.media.video import (
    VIDEO_SUFFIXES,
    VideoFrame,
    excerpts,
    frame_count,
    is_video,
    open_video,
    peek,
    read_video,
)

__all__ = [
    "ARCHIVE_SUFFIXES", "BOOK_SUFFIXES", "FORMATS", "MOST_PIXELS", "PICTURE_SUFFIXES",
    "SAME_SUFFIX", "VIDEO_SUFFIXES", "Book", "PdfBook", "StoredPicture", "Style", "VideoFrame",
    "decode_picture", "encode_picture", "excerpts", "frame_count", "is_book", "is_picture",
    "is_picture_suffix", "is_video", "natural_order", "open_book", "open_video", "peek",
    "picture_of", "read_picture", "read_stored_picture", "read_video", "refused_archive",
    "stored_colors", "stored_layer", "write_picture",
]
