"""Frames in and out of videos, pictures and comic archives."""

from keras_colorize.media.comics import (
    ARCHIVE_SUFFIXES,
    BOOK_SUFFIXES,
    COMIC_SUFFIXES,
    Book,
    PdfBook,
    archive_pages,
    is_archive,
    is_book,
    natural_order,
    open_book,
    read_archive,
)
from keras_colorize.media.pictures import (
    MOST_PIXELS,
    PICTURE_SUFFIXES,
    decode_picture,
    encode_picture,
    is_picture,
    picture_of,
    read_picture,
    write_picture,
)
from keras_colorize.media.stored_pictures import (
    FORMATS,
    Page,
    Style,
    decoded_colors,
    encode_page,
    read_page,
    written_rows,
)
from keras_colorize.media.video import (
    VIDEO_SUFFIXES,
    VideoFrame,
    frame_count,
    is_file_name,
    is_video,
    is_video_name,
    open_video,
    peek,
    read_video,
)

__all__ = [
    "ARCHIVE_SUFFIXES", "BOOK_SUFFIXES", "COMIC_SUFFIXES", "FORMATS", "MOST_PIXELS",
    "PICTURE_SUFFIXES", "VIDEO_SUFFIXES", "Book", "Page", "PdfBook", "Style", "VideoFrame",
    "archive_pages", "decode_picture", "decoded_colors", "encode_page", "encode_picture",
    "frame_count", "is_archive", "is_book", "is_file_name", "is_picture", "is_video",
    "is_video_name", "natural_order", "open_book", "open_video", "peek", "picture_of",
    "read_archive", "read_page", "read_picture", "read_video", "write_picture", "written_rows",
]
