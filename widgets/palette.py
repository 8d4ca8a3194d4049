"""The colours of the two themes, and the contrast between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """Named colours (``#rrggbb``) of one theme.

    Texts stand on ``window`` or ``surface`` and keep a contrast of at least 4.5 to both; outlines of things
    that can be operated (``outline``) keep at least 3.
    """

    name: str
    window: str
    """Behind everything."""
    surface: str
    """Fields, lists, plots."""
    raised: str
    """Buttons, headers, tiles."""
    line: str
    """Quiet separating lines."""
    outline: str
    """Outline of fields, switches and sliders."""
    text: str
    muted: str
    disabled: str
    accent: str
    on_accent: str
    on_danger: str
    selection: str
    hover: str
    success: str
    danger: str
    warning: str
    info: str
    success_soft: str
    danger_soft: str
    warning_soft: str
    info_soft: str
    neutral_soft: str
    match: str
    """Behind a found word."""
    series: tuple[str, ...]
    """Curves, distinguishable with the common kinds of colour blindness."""


LIGHT = Palette(
    name="light",
    window="#f3f4f7",
    surface="#ffffff",
    raised="#fafbfc",
    line="#d9dde4",
    outline="#868f9e",
    text="#1a202b",
    muted="#555f6f",
    disabled="#959dab",
    accent="#1f5fbf",
    on_accent="#ffffff",
    on_danger="#ffffff",
    selection="#d6e4fb",
    hover="#e9edf3",
    success="#176b36",
    danger="#b3231a",
    warning="#855300",
    info="#1f5fbf",
    success_soft="#e0f3e6",
    danger_soft="#fdebe9",
    warning_soft="#fdf2dc",
    info_soft="#e6effc",
    neutral_soft="#e7eaef",
    match="#ffe08a",
    series=("#1f5fbf", "#c2410c", "#0f766e", "#9d2a8a", "#7a6a00", "#4b5563", "#b3231a", "#3f7d20"),
)

DARK = Palette(
    name="dark",
    window="#1a1d23",
    surface="#21252c",
    raised="#2a2f38",
    line="#363c47",
    outline="#77818f",
    text="#e7eaf0",
    muted="#a8b0bd",
    disabled="#6d7583",
    accent="#7fb0ff",
    on_accent="#0b1a33",
    on_danger="#38100c",
    selection="#2f4468",
    hover="#2f353f",
    success="#74d394",
    danger="#ff938a",
    warning="#f2bf5e",
    info="#7fb0ff",
    success_soft="#1d3a29",
    danger_soft="#47231f",
    warning_soft="#42331a",
    info_soft="#22344f",
    neutral_soft="#343a45",
    match="#7a5c00",
    series=("#7fb0ff", "#ff9d5c", "#4fd1c0", "#f08bdc", "#e0cc5a", "#b5bdc9", "#ff938a", "#9bd671"),
)

PALETTES = {palette.name: palette for palette in (LIGHT, DARK)}


def _linear(channel: int) -> float:
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    """Return the relative luminance (0 black, 1 white) of ``#rrggbb``, as WCAG 2 defines it."""
    red, green, blue = (_linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, from 1 (none) to 21 (black on white)."""
    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)
