"""Drawings of lines, boxes and words as SVG or PDF, written by hand: no display and no library is needed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Point = tuple[float, float]

# Widths of Helvetica's printable ASCII characters in thousandths of the size (Adobe's font metrics).
_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners; empty colours are not drawn."""

    x: float
    y: float
    width: float
    height: float
    radius: float = 0.0
    fill: str = ""
    line: str = ""
    line_width: float = 1.0


@dataclass(frozen=True)
class Curve:
    """A line of straight and cubic pieces: one point draws straight on, three are a cubic piece."""

    start: Point
    pieces: tuple[tuple[Point, ...], ...]
    line: str
    line_width: float = 1.2
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Words:
    """A line of text; `x` is its left end, middle or right end, `y` its base line."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Box | Curve | Words


def _n(value: float) -> str:
    """Return a number as both formats want it: no exponent, no needless digits."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is."""
    units = sum(_WIDTHS[ord(c) - 32] if 32 <= ord(c) < 127 else 600 for c in text)
    return units * size / 1000 * (1.06 if bold else 1.0)


def elided(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Return a text shortened at its end to the room there is."""
    if text_width(text, size, bold=bold) <= room:
        return text
    while text and text_width(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def svg_text(shapes: Sequence[Shape], width: float, height: float, title: str) -> str:
    """Return a drawing as an SVG file."""
    body = "\n".join(_svg_shape(shape) for shape in shapes)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" font-family="Helvetica, Arial, sans-serif">\n'
        f"<title>{escape(_printable(title))}</title>\n{body}\n</svg>\n"
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).encode("utf-8", "replace").decode("utf-8")


def _svg_shape(shape: Shape) -> str:
    if isinstance(shape, Box):
        line = f' stroke="{shape.line}" stroke-width="{_n(shape.line_width)}"' if shape.line else ""
        return (
            f'<rect x="{_n(shape.x)}" y="{_n(shape.y)}" '
            f'width="{_n(shape.width)}" height="{_n(shape.height)}" '
            f'rx="{_n(shape.radius)}" fill="{shape.fill or "none"}"{line}/>'
        )
    if isinstance(shape, Curve):
        way = f"M{_pair(shape.start)}"
        for piece in shape.pieces:
            way += ("L" if len(piece) == 1 else "C") + " ".join(map(_pair, piece))
        dash = f' stroke-dasharray="{" ".join(map(_n, shape.dash))}"' if shape.dash else ""
        return (
            f'<path d="{way}" fill="none" stroke="{shape.line}" stroke-width="{_n(shape.line_width)}"{dash}/>'
        )
    weight = ' font-weight="bold"' if shape.bold else ""
    anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
    return (
        f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" fill="{shape.colour}"'
        f"{weight}{anchor}>{escape(_printable(shape.text))}</text>"
    )


def _pair(point: Point) -> str:
    return f"{_n(point[0])},{_n(point[1])}"


#: Acrobat's largest page, in points; what is larger is drawn smaller.
_LARGEST_PT = 14_400.0
_ROUND = 0.5523


def pdf_bytes(shapes: Sequence[Shape], width: float, height: float, title: str) -> bytes:
    """Return a drawing as a PDF file of one page, one unit of the drawing a point.

    Letters outside Western European (Windows-1252) are replaced by a question mark.
    """
    scale = min(1.0, _LARGEST_PT / max(width, height))
    parts = [f"{_n(scale)} 0 0 {_n(-scale)} 0 {_n(height * scale)} cm"]
    parts += [_pdf_shape(shape) for shape in shapes]
    content = zlib.compress("\n".join(parts).encode("cp1252", "replace"))
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    info = "<FEFF" + title.encode("utf-16-be", "replace").hex().upper() + ">"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_n(width * scale)} {_n(height * scale)}] "
            "/Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> /Contents 4 0 R >>"
        ).encode(),
        f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode() + content + b"\nendstream",
        font.format("Helvetica").encode(),
        font.format("Helvetica-Bold").encode(),
        f"<< /Title {info} /Producer (Heteroscope) >>".encode(),
    ]
    text, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, content_of in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n".encode() + content_of + b"\nendobj\n"
    start, n_objects = len(text), len(objects) + 1
    text += f"xref\n0 {n_objects}\n0000000000 65535 f \n".encode()
    text += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    text += f"trailer\n<< /Size {n_objects} /Root 1 0 R /Info 7 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return text


def _rgb(colour: str) -> str:
    return " ".join(f"{int(colour[at : at + 2], 16) / 255:.3g}" for at in (1, 3, 5))


def _pdf_shape(shape: Shape) -> str:
    if isinstance(shape, Words):
        return _pdf_words(shape)
    if isinstance(shape, Curve):
        way = [f"{_plain(shape.start)} m"]
        way += [" ".join(map(_plain, piece)) + (" l" if len(piece) == 1 else " c") for piece in shape.pieces]
        dash = f"[{' '.join(map(_n, shape.dash))}] 0 d"
        return f"{_rgb(shape.line)} RG {_n(shape.line_width)} w {dash} {' '.join(way)} S"
    paint = {(True, False): "f", (False, True): "S", (True, True): "B"}.get(
        (bool(shape.fill), bool(shape.line)), "n"
    )
    state = f"{_rgb(shape.fill)} rg " if shape.fill else ""
    state += f"{_rgb(shape.line)} RG {_n(shape.line_width)} w " if shape.line else ""
    return f"{state}{_pdf_box(shape)} {paint}"


def _pdf_box(box: Box) -> str:
    x, y, right, foot = box.x, box.y, box.x + box.width, box.y + box.height
    r = min(box.radius, box.width / 2, box.height / 2)
    if r <= 0:
        return f"{_n(x)} {_n(y)} {_n(box.width)} {_n(box.height)} re"
    k = r * (1 - _ROUND)
    corners = [
        ((x + r, y), (right - r, y)),
        ((right - k, y), (right, y + k), (right, y + r), (right, foot - r)),
        ((right, foot - k), (right - k, foot), (right - r, foot), (x + r, foot)),
        ((x + k, foot), (x, foot - k), (x, foot - r), (x, y + r)),
        ((x, y + k), (x + k, y), (x + r, y)),
    ]
    way = f"{_plain(corners[0][0])} m {_plain(corners[0][1])} l"
    for first, second, end, *after in corners[1:]:
        way += f" {_plain(first)} {_plain(second)} {_plain(end)} c"
        way += "".join(f" {_plain(point)} l" for point in after)
    return f"{way} h"


def _pdf_words(words: Words) -> str:
    width = text_width(words.text, words.size, bold=words.bold)
    left = words.x - {"start": 0.0, "middle": width / 2, "end": width}[words.anchor]
    text = _printable(words.text).replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    face = "F2" if words.bold else "F1"
    # the page hangs upside down, so the letters are turned once more
    return (
        f"BT {_rgb(words.colour)} rg /{face} {_n(words.size)} Tf "
        f"1 0 0 -1 {_n(left)} {_n(words.y)} Tm ({text}) Tj ET"
    )


def _plain(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"
