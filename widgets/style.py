"""One look for all widgets: theme, spacing and typography."""

from __future__ import annotations

from typing import Final, Literal

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QWidget

from widgets.palette import DARK, LIGHT, PALETTES, Palette
from widgets.style_sheet import CONTROL_HEIGHT, RADIUS, style_sheet

Theme = Literal["light", "dark", "system"]

# Steps of the spacing scale, in device-independent pixels.
TIGHT: Final = 4
SMALL: Final = 8
MEDIUM: Final = 12
LARGE: Final = 16
WIDE: Final = 24

_PROPERTY = "heteroscope_theme"
_SIZE = "heteroscope_text_size"
_FOLLOWS_SYSTEM = "heteroscope_follows_system"


def colours() -> Palette:
    """Return the palette in use (the light one before any theme was applied)."""
    app = QApplication.instance()
    name = app.property(_PROPERTY) if app is not None else None
    return PALETTES.get(str(name), LIGHT)


def colour(name: str, alpha: float = 1.0) -> QColor:
    """Return one colour of the palette in use.

    Parameters
    ----------
    name : str
        Field of `Palette`, for example ``"danger"``.
    alpha : float
        Opacity from 0 to 1.
    """
    result = QColor(getattr(colours(), name))
    result.setAlphaF(alpha)
    return result


def system_theme() -> Literal["light", "dark"]:
    """Return what the desktop asks for; light when it does not say."""
    hints = QGuiApplication.styleHints()
    return "dark" if hints.colorScheme() is Qt.ColorScheme.Dark else "light"


def apply_theme(app: QApplication, theme: Theme = "system") -> Palette:
    """Give the whole application a theme; may be called again at any time.

    Parameters
    ----------
    app : QApplication
        The application.
    theme : {"light", "dark", "system"}
        ``"system"`` follows the desktop, also when it changes later.

    Returns
    -------
    Palette
        The colours now in use.
    """
    hints = app.styleHints()
    if not app.property(_FOLLOWS_SYSTEM):
        # connected once; the property below says whether it is to act
        hints.colorSchemeChanged.connect(lambda _scheme: _follow_system(app))
    app.setProperty(_FOLLOWS_SYSTEM, "yes" if theme == "system" else "no")
    chosen = PALETTES[system_theme() if theme == "system" else theme]
    app.setProperty(_PROPERTY, chosen.name)
    app.setStyle("Fusion")
    app.setPalette(_qt_palette(chosen))
    app.setStyleSheet(style_sheet(chosen))
    return chosen


def set_text_scale(app: QApplication, factor: float) -> None:
    """Make all text larger or smaller than the desktop's; may be called again at any time.

    The theme has to be applied after it: headings are sized by the style sheet.
    """
    font = app.font()
    if app.property(_SIZE) is None:
        app.setProperty(_SIZE, font.pointSizeF() if font.pointSizeF() > 0 else -float(font.pixelSize()))
    size = float(app.property(_SIZE))
    if size > 0:
        font.setPointSizeF(size * factor)
    else:
        font.setPixelSize(max(1, round(-size * factor)))
    if font != app.font():
        app.setFont(font)


def _look() -> tuple[str, str]:
    """Return what parts that paint themselves depend on: the palette and the font."""
    return colours().name, QApplication.font().key()


def _follow_system(app: QApplication) -> None:
    if app.property(_FOLLOWS_SYSTEM) == "yes" and app.property(_PROPERTY) != system_theme():
        apply_theme(app, "system")


def _qt_palette(palette: Palette) -> QPalette:
    result = QPalette()
    role = QPalette.ColorRole
    for target, name in (
        (role.Window, palette.window),
        (role.WindowText, palette.text),
        (role.Base, palette.surface),
        (role.AlternateBase, palette.raised),
        (role.Text, palette.text),
        (role.Button, palette.raised),
        (role.ButtonText, palette.text),
        (role.BrightText, palette.danger),
        (role.ToolTipBase, palette.raised),
        (role.ToolTipText, palette.text),
        (role.PlaceholderText, palette.muted),
        (role.Link, palette.accent),
        (role.LinkVisited, palette.accent),
        (role.Highlight, palette.selection),
        (role.HighlightedText, palette.text),
        (role.Accent, palette.accent),
        (role.Light, palette.surface),
        (role.Midlight, palette.hover),
        (role.Mid, palette.line),
        (role.Dark, palette.outline),
        (role.Shadow, palette.line),
    ):
        result.setColor(target, QColor(name))
    for target in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        result.setColor(QPalette.ColorGroup.Disabled, target, QColor(palette.disabled))
    return result


def small_font(widget: QWidget | None = None, *, bold: bool = False) -> QFont:
    """Return the font of captions, a step below the widget's own."""
    return scaled_font(0.9, widget, bold=bold)


def scaled_font(factor: float, widget: QWidget | None = None, *, bold: bool = False) -> QFont:
    """Return the widget's (or the application's) font times a factor."""
    font = QFont(widget.font() if widget is not None else QApplication.font())
    size = font.pointSizeF()
    if size > 0:
        font.setPointSizeF(size * factor)
    else:
        font.setPixelSize(max(1, round(font.pixelSize() * factor)))
    font.setBold(bold)
    return font


def monospace_font(factor: float = 1.0) -> QFont:
    """Return the fixed-width font for logs, numbers and paths, matched in size to the application's."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    size = QApplication.font().pointSizeF()
    if size > 0:
        font.setPointSizeF(size * factor)
    font.setStyleHint(QFont.StyleHint.Monospace)
    return font


def text_width(font: QFont, sample: str) -> int:
    """Return the width of a sample text in device-independent pixels."""
    return QFontMetrics(font).horizontalAdvance(sample)


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget a look from the style sheet (``heading``, ``muted``, ``primary``, ``problem`` …)."""
    if widget.property("role") == role:
        return
    widget.setProperty("role", role)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)


def pad_number(box: QAbstractSpinBox) -> None:
    """Keep the number of a box as far from its edge as texts are; style sheets cannot."""
    box.lineEdit().setTextMargins(6, 0, 0, 0)


class ThemeWatcher(QObject):
    """Calls a function whenever theme or text size of a widget change, for parts which paint themselves."""

    def __init__(self, widget: QWidget, on_change: object) -> None:
        super().__init__(widget)
        self._on_change = on_change
        self._seen = _look()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """React to a new theme once, not to each of the events that announce it."""
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            look = _look()
            if look != self._seen and callable(self._on_change):
                self._seen = look
                # Not now: Qt walks through the widgets, and a part that rebuilds itself would pull one away.
                QTimer.singleShot(0, self, self._on_change)
        return False


__all__ = [
    "CONTROL_HEIGHT",
    "DARK",
    "LARGE",
    "LIGHT",
    "MEDIUM",
    "RADIUS",
    "SMALL",
    "TIGHT",
    "WIDE",
    "Palette",
    "Theme",
    "ThemeWatcher",
    "apply_theme",
    "colour",
    "colours",
    "monospace_font",
    "scaled_font",
    "set_role",
    "set_text_scale",
    "small_font",
    "style_sheet",
    "system_theme",
    "text_width",
]
