"""Planes of video frames: luma as it is stored, and new chroma beside it."""

import re
from dataclasses import dataclass

import av
import cv2
import numpy as np

MATRICES = {1: (0.2126, 0.0722), 4: (0.3, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114),
            7: (0.212, 0.087), 9: (0.2627, 0.0593)}  # AVCOL_SPC to the weights of red and blue
BT709, BT601 = 1, 5
_PLANAR = re.compile(r"(yuvj?|yuva)(420|422|444)p(10le)?$|gray(10le)?$")


@dataclass(frozen=True)
class Layout:
    """How the frames of a film are stored."""

    height: int
    width: int
    ten_bits: bool
    full_range: bool
    matrix: int
    """One of `MATRICES`."""
    pixel_format: str
    """Of the coloured frames: planar YUV."""

    @property
    def chroma_size(self) -> tuple[int, int]:
        """Height and width of a chroma plane."""
        down, across = {"420": (2, 2), "422": (1, 2)}.get(self.pixel_format[3:6], (1, 1))
        return -(-self.height // down), -(-self.width // across)

    @property
    def range(self) -> tuple[int, int, int]:
        """The code of black, the codes from black to white, and those of a chroma of 1."""
        low, luma, chroma = (0, 255, 255) if self.full_range else (16, 219, 224)
        return (4 * low, 4 * luma, 4 * chroma) if self.ten_bits else (low, luma, chroma)


def layout_of(frame: av.VideoFrame, codec: str) -> Layout:
    """Decides how a film is to be stored whose first frame is given: as it is, if the codec can.

    Gray becomes 4:2:0 and RGB 4:4:4. So do odd sizes in codecs that have no half pixels.
    """
    name = frame.format.name
    found = _PLANAR.match(name)
    full = name.startswith("yuvj") or frame.color_range == 2 or (
        found is not None and name.startswith("gray") and frame.color_range != 1)
    sampling = (found.group(2) if found else None) or ("444" if frame.format.is_rgb else "420")
    if codec in ("libx264", "libx265", "libsvtav1") and (frame.width % 2 or frame.height % 2):
        sampling = "444"
    ten = max(component.bits for component in frame.format.components) > 8
    known = {each.name for each in av.Codec(codec, "w").video_formats or ()}
    wanted = [f"yuv{sampling}p10le"] * ten + [f"yuv{sampling}p", "yuv420p"]
    chosen = next((form for form in wanted if form in known or not known), "yuv420p")
    return Layout(frame.height, frame.width, chosen.endswith("10le"), full, matrix_of(frame),
                  chosen)


def matrix_of(frame: av.VideoFrame) -> int:
    """Returns one of `MATRICES`: that of the frame's tag, or else that which players take."""
    high = frame.width >= 1280 or frame.height > 576
    return frame.colorspace if frame.colorspace in MATRICES else BT709 if high else BT601


def luma(frame: av.VideoFrame, layout: Layout) -> np.ndarray:
    """Copies the luma codes of a frame, uint8 or uint16 [h, w], as stored.

    RGB is converted, and transparency is laid on white.
    """
    low, span, _ = layout.range
    return _codes(_planar(frame, layout), 0, low + span)


def chroma(frame: av.VideoFrame, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Copies the codes of blue and of red chroma of a frame, uint8 or uint16 [chroma_size].

    They are as stored, but where `luma` is converted, or the layout has another size of chroma.
    """
    middle, size = 512 if layout.ten_bits else 128, layout.chroma_size
    kind = np.uint16 if layout.ten_bits else np.uint8
    if frame.format.name.startswith("gray"):
        return (np.full(size, middle, kind),) * 2
    frame = _planar(frame, layout)
    both = (_codes(frame, number, middle) for number in (1, 2))
    return tuple(each if each.shape == size else
                 cv2.resize(each, size[::-1], interpolation=cv2.INTER_AREA) for each in both)


def _planar(frame: av.VideoFrame, layout: Layout) -> av.VideoFrame:
    """Returns a frame of planar YUV and the layout's depth: itself, or a conversion."""
    name, has_alpha = frame.format.name, _has_alpha(frame)
    if has_alpha or not _PLANAR.match(name) or name.endswith("10le") != layout.ten_bits:
        form = ("yuva444p" if has_alpha else "yuv444p") + ("10le" if layout.ten_bits else "")
        return frame.reformat(format=form, dst_colorspace=layout.matrix,
                              dst_color_range=2 if layout.full_range else 1)
    return frame


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _codes(frame: av.VideoFrame, number: int, white: int) -> np.ndarray:
    """Copies a plane; where the frame is transparent, it becomes the code of white."""
    codes = np.array(_plane(frame, number))
    if _has_alpha(frame):
        share = _plane(frame, 3) / np.float32(255 if codes.itemsize == 1 else 1023)
        codes = np.rint(white * (1 - share) + codes * share).astype(codes.dtype)
    return codes


def lightness(codes: np.ndarray, layout: Layout) -> np.ndarray:
    """Converts luma codes [h, w] to luminance, uint8 0..255."""
    low, span, _ = layout.range
    if codes.dtype == np.uint8 and span == 255:
        return codes
    return cv2.convertScaleAbs(np.maximum(codes, low), alpha=255 / span, beta=-low * 255 / span)


def frame_of(codes: np.ndarray, chroma: tuple[np.ndarray, np.ndarray], layout: Layout,
             ) -> av.VideoFrame:
    """Makes a frame of luma codes [h, w] and codes of blue and red chroma [chroma_size]."""
    frame = av.VideoFrame(layout.width, layout.height, layout.pixel_format)
    for number, plane in enumerate((codes, *chroma)):
        _plane(frame, number)[:] = plane
    return frame


def uncolored(codes: np.ndarray, layout: Layout) -> av.VideoFrame:
    """Makes a gray frame of luma codes [h, w]."""
    gray = np.full(layout.chroma_size, 512 if layout.ten_bits else 128, codes.dtype)
    return frame_of(codes, (gray, gray), layout)


def lay(frame: av.VideoFrame, codes: np.ndarray, chroma: tuple[np.ndarray, np.ndarray],
        mask: np.ndarray) -> None:
    """Lays codes of luma [h, w] and of chroma on a frame where a mask, bool of any size, is set.

    Only what is off gray is laid, so that no gray rim surrounds a colour.
    """
    middle, least = (512, 16) if frame.format.name.endswith("10le") else (128, 4)
    off = [np.abs(each.astype(np.int32) - middle) > least for each in chroma]
    small = cv2.resize(mask.astype(np.uint8), off[0].shape[::-1],
                       interpolation=cv2.INTER_NEAREST) * (off[0] | off[1]).astype(np.uint8)
    large = cv2.resize(small, codes.shape[::-1], interpolation=cv2.INTER_NEAREST)
    frame.make_writable()
    for number, (plane, where) in enumerate(((codes, large), *((each, small) for each in chroma))):
        np.copyto(_plane(frame, number), plane, where=where > 0)


def with_captions(frame: av.VideoFrame, source: av.VideoFrame) -> av.VideoFrame:
    """Returns a frame of the planes of one, with the captions and tags that travel with another."""
    new = source.reformat(frame.width, frame.height, frame.format.name)
    new.make_writable()
    new.pict_type = 0  # the encoder's to choose
    for number in range(len(frame.planes)):
        _plane(new, number)[:] = _plane(frame, number)
    return new


def chroma_of(frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray]:
    """Views a frame's codes of blue and of red chroma."""
    return _plane(frame, 1), _plane(frame, 2)


def change(before: tuple[np.ndarray, np.ndarray], after: tuple[np.ndarray, np.ndarray],
           layout: Layout) -> float:
    """Measures the mean change of chroma codes, of 255 levels."""
    changes = [float(cv2.absdiff(*pair).mean()) for pair in zip(before, after, strict=True)]
    return sum(changes) / len(changes) / (4 if layout.ten_bits else 1)


def of_picture(picture: np.ndarray, layout: Layout) -> av.VideoFrame:
    """Makes a frame of a picture, uint8 RGB [h, w, 3]."""
    return av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
        format=layout.pixel_format, dst_colorspace=layout.matrix,
        dst_color_range=2 if layout.full_range else 1)


def to_matrix(chroma: np.ndarray, layout: Layout) -> np.ndarray:
    """Converts chroma beside BT.601's luminance, as networks know it, to that beside a film's luma.

    Both are float32 [h, w, 2], of the same colours: red and blue less luminance, or less luma.
    """
    red_weight, blue_weight = MATRICES[layout.matrix]
    red, blue = chroma[..., :1], chroma[..., 1:]
    green = (red * 0.299 + blue * 0.114) / -0.587
    luma_of = red_weight * red + blue_weight * blue + (1 - red_weight - blue_weight) * green
    return chroma - luma_of


def chroma_codes(chroma: np.ndarray, surface: np.ndarray, layout: Layout,
                 ) -> tuple[np.ndarray, np.ndarray]:
    """Makes the planes of a chroma, brought into gamut without a change of luma.

    Args:
        chroma: float32 [h, w, 2] of `to_matrix`, in levels of 255.
        surface: the luminance below, uint8 [h, w].

    Returns:
        Codes of blue and of red chroma, uint8 or uint16 [h, w].
    """
    red_weight, blue_weight = MATRICES[layout.matrix]
    red, blue = cv2.split(chroma)
    green = cv2.addWeighted(red, -red_weight, blue, -blue_weight, 0) / (1 - red_weight
                                                                        - blue_weight)
    level = surface.astype(np.float32)
    above = cv2.max(cv2.max(cv2.max(red, green), blue), 1e-6)
    below = cv2.max(-cv2.min(cv2.min(red, green), blue), 1e-6)
    kept = cv2.min(cv2.min(cv2.divide(255 - level, above), cv2.divide(level, below)), 1.0)
    span, kind = layout.range[2], np.uint16 if layout.ten_bits else np.uint8
    middle, top = (512, 1023) if layout.ten_bits else (128, 255)
    return tuple(np.clip(np.rint(cv2.multiply(kept, each, scale=span / 510 / (1 - weight))
                                 + middle), 0, top).astype(kind)
                 for each, weight in ((blue, blue_weight), (red, red_weight)))


def _plane(frame: av.VideoFrame, number: int) -> np.ndarray:
    """Views a plane's codes, uint8 or uint16 [h, w]."""
    plane = frame.planes[number]
    kind = np.dtype("<u2") if frame.format.name.endswith("10le") else np.dtype(np.uint8)
    lines = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return lines[:, :plane.width]
