"""Frames in and out of videos, pictures and comic archives."""

from keras_colorize.media.archives import (
    ARCHIVE_SUFFIXES,
    COMIC_SUFFIXES,
    archive_pages,
    is_archive,
    natural_order,
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
from keras_colorize.media.video import (
    VIDEO_SUFFIXES,
    VideoFrame,
    frame_count,
    is_file_name,
    is_video,
    peek,
    read_video,
)

__all__ = [
    "ARCHIVE_SUFFIXES", "COMIC_SUFFIXES", "MOST_PIXELS", "PICTURE_SUFFIXES", "VIDEO_SUFFIXES",
    "VideoFrame", "archive_pages", "decode_picture", "encode_picture", "frame_count",
    "is_archive", "is_file_name", "is_picture", "is_video", "natural_order", "peek", "picture_of",
    "read_archive", "read_picture", "read_video", "write_picture",
]
