"""The only style sheet of the program, made from a palette."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QTemporaryDir
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QApplication

from widgets.palette import Palette

# Heights of things that can be operated; a finger or a tired hand needs no less.
CONTROL_HEIGHT: Final = 30
RADIUS: Final = 5

_PICTURES: Final[dict[str, tuple[QTemporaryDir, str]]] = {}


def style_sheet(palette: Palette) -> str:
    """Return the style sheet of the program for a palette."""
    c = palette
    tick = f'image: url("{_tick_file(c.on_accent)}");'
    return f"""
QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.line}; padding: 4px; }}

QLabel[role="heading"] {{ font-size: {_points(1.3)}; font-weight: 600; }}
QLabel[role="subheading"] {{ font-weight: 600; }}
QLabel[role="muted"] {{ color: {c.muted}; }}
QLabel[role="caption"] {{ color: {c.muted}; font-size: {_points(0.9)}; }}
QLabel[role="value"] {{ font-size: {_points(1.45)}; font-weight: 600; }}
QLabel[role="disabled"] {{ color: {c.disabled}; }}
QLabel[role="problem"] {{ color: {c.danger}; font-size: {_points(0.92)}; }}
QLabel[role="warning"] {{ color: {c.warning}; font-size: {_points(0.92)}; }}
QLabel[role="needed"] {{ color: {c.muted}; font-size: {_points(0.92)}; }}

QLineEdit, QPlainTextEdit, QTextEdit {{
    background: {c.surface}; color: {c.text}; border: 1px solid {c.outline}; border-radius: {RADIUS}px;
    padding: 3px 7px; selection-background-color: {c.selection}; selection-color: {c.text};
}}
QLineEdit {{ min-height: {CONTROL_HEIGHT - 8}px; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus {{ border: 2px solid {c.accent}; padding: 2px 6px; }}
QLineEdit:disabled, QPlainTextEdit:disabled {{
    background: {c.window}; color: {c.disabled}; border-color: {c.line};
}}
QLineEdit[role="problem"] {{ border: 2px solid {c.danger}; padding: 2px 6px; }}
QLineEdit[role="warning"] {{ border: 2px solid {c.warning}; padding: 2px 6px; }}
QPlainTextEdit[role="log"] {{
    border: 1px solid {c.line}; padding: 4px; font-family: "{_fixed_family()}"; font-size: {_points(1.0)};
}}

QPushButton, QToolButton[role="button"] {{
    background: {c.raised}; color: {c.text}; border: 1px solid {c.outline}; border-radius: {RADIUS}px;
    padding: 3px 12px; min-height: {CONTROL_HEIGHT - 8}px;
}}
QToolButton[role="button"] {{ padding: 3px 7px; }}
QPushButton:hover, QToolButton[role="button"]:hover {{ background: {c.hover}; }}
QPushButton:pressed, QToolButton[role="button"]:pressed,
QToolButton[role="button"]:checked {{ background: {c.selection}; }}
QPushButton:focus, QToolButton[role="button"]:focus {{ border: 2px solid {c.accent}; padding: 2px 11px; }}
QToolButton[role="button"]:focus {{ padding: 2px 6px; }}
QPushButton:disabled, QToolButton[role="button"]:disabled {{
    background: {c.window}; color: {c.disabled}; border-color: {c.line};
}}
QPushButton[role="primary"] {{
    background: {c.accent}; color: {c.on_accent}; border-color: {c.accent}; font-weight: 600;
}}
QPushButton[role="primary"]:hover {{ border-color: {c.text}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {c.text}; }}
QPushButton[role="primary"]:disabled {{
    background: {c.neutral_soft}; color: {c.disabled}; border-color: {c.line};
}}
QPushButton[role="danger"] {{
    background: {c.danger_soft}; color: {c.danger}; border-color: {c.danger}; font-weight: 600;
}}
QPushButton[role="danger"]:hover, QPushButton[role="danger"]:pressed {{
    background: {c.danger}; color: {c.on_danger};
}}
QPushButton[role="danger"]:focus {{ border: 2px solid {c.danger}; }}
QPushButton[role="danger"]:disabled {{
    background: {c.window}; color: {c.disabled}; border-color: {c.line}; font-weight: 400;
}}
QPushButton[role="link"] {{
    background: transparent; color: {c.accent}; border: 1px solid transparent; padding: 3px 0;
    text-align: left;
}}
QPushButton[role="link"]:hover {{ text-decoration: underline; }}
QPushButton[role="link"]:focus {{ border: 1px solid {c.accent}; }}
QPushButton[role="link"]:disabled {{ color: {c.disabled}; }}
QPushButton[role="tile"] {{
    background: {c.surface}; border: 1px solid {c.line}; padding: 0; text-align: left;
}}
QPushButton[role="row"] {{ background: transparent; border: 1px solid transparent; padding: 0; }}
QPushButton[role="tile"]:hover {{ background: {c.hover}; border-color: {c.accent}; }}
QPushButton[role="row"]:hover {{ background: {c.hover}; }}
QPushButton[role="tile"]:focus, QPushButton[role="row"]:focus {{
    border: 1px solid {c.accent}; background: {c.hover}; padding: 0;
}}
QPushButton[role="row"]:disabled {{ background: transparent; border-color: transparent; }}
QToolButton[role="quiet"] {{
    background: transparent; border: 1px solid transparent; border-radius: {RADIUS}px; padding: 2px;
}}
QToolButton[role="quiet"]:hover {{ background: {c.hover}; }}
QToolButton[role="quiet"]:checked {{ background: {c.selection}; }}
QToolButton[role="quiet"]:focus {{ border-color: {c.accent}; }}

QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QPushButton::menu-indicator {{ image: none; width: 0; }}
QToolButton[role="button"][popupMode="2"], QToolButton[role="button"][popupMode="2"]:focus {{
    padding-right: 26px;
}}
QToolButton::menu-indicator {{
    image: url("{_arrow_file(c.muted)}"); width: 14px; height: 14px;
    subcontrol-origin: border; subcontrol-position: right center; right: 8px;
}}
QComboBox {{
    background: {c.surface}; color: {c.text}; border: 1px solid {c.outline}; border-radius: {RADIUS}px;
    padding: 3px 26px 3px 7px; min-height: {CONTROL_HEIGHT - 8}px;
}}
QComboBox:focus {{ border: 2px solid {c.accent}; padding: 2px 25px 2px 6px; }}
QComboBox:disabled {{ background: {c.window}; color: {c.disabled}; border-color: {c.line}; }}
QComboBox::drop-down {{ border: none; width: 0; }}
QComboBox QAbstractItemView {{ border: 1px solid {c.outline}; border-radius: 0; padding: 2px; }}
QMenu {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.outline}; padding: 4px; }}
QMenu::item {{ padding: 5px 20px 5px 12px; border-radius: 3px; }}
QMenu::item:selected {{ background: {c.selection}; }}
QMenu::item:disabled {{ color: {c.disabled}; }}
QMenu::separator {{ height: 1px; background: {c.line}; margin: 4px 8px; }}

QTabWidget::pane {{
    border: 1px solid {c.line}; border-radius: {RADIUS}px; background: {c.surface}; top: -1px;
}}
QTabBar::tab {{
    background: transparent; color: {c.muted}; padding: 6px 14px; border: none;
    border-bottom: 3px solid transparent; margin-right: 2px;
}}
QTabWidget[role="narrow"] > QTabBar::tab {{ padding: 6px 8px; }}
QTabBar::tab:hover {{ color: {c.text}; background: {c.hover}; }}
QTabBar::tab:selected {{ color: {c.text}; border-bottom: 3px solid {c.accent}; }}
QTabBar::tab:focus {{ color: {c.accent}; }}

QScrollArea {{ border: none; background: transparent; }}
QWidget[role="page"] {{ background: {c.surface}; }}
QFrame[role="card"] {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: {RADIUS}px; }}
QFrame[role="popover"] {{ background: {c.raised}; border: 1px solid {c.outline}; }}
QFrame[role="bar-error"] {{
    background: {c.danger_soft}; border: 1px solid {c.danger}; border-radius: {RADIUS}px;
}}
QFrame[role="bar-warning"] {{
    background: {c.warning_soft}; border: 1px solid {c.warning}; border-radius: {RADIUS}px;
}}
QFrame[role="bar-info"] {{
    background: {c.info_soft}; border: 1px solid {c.info}; border-radius: {RADIUS}px;
}}
QFrame[role="bar-success"] {{
    background: {c.success_soft}; border: 1px solid {c.success}; border-radius: {RADIUS}px;
}}

QListView, QTreeView, QTableView {{
    background: {c.surface}; border: 1px solid {c.line}; border-radius: {RADIUS}px; outline: none;
    selection-background-color: {c.selection}; selection-color: {c.text};
    alternate-background-color: {c.raised};
}}
QListView:focus, QTreeView:focus, QTableView:focus {{ border-color: {c.accent}; }}
QTreeView::item, QTableView::item {{ padding: 4px 6px; border: none; }}
QTreeView::item:hover, QTableView::item:hover {{ background: {c.hover}; }}
QTreeView::item:selected, QTableView::item:selected {{ background: {c.selection}; color: {c.text}; }}
QHeaderView {{ background: {c.raised}; border: none; }}
QTableCornerButton::section {{
    background: {c.raised}; border: none; border-bottom: 1px solid {c.line};
}}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QHeaderView::section {{
    background: {c.raised}; color: {c.muted}; border: none; border-bottom: 1px solid {c.line};
    padding: 5px 9px; font-weight: 600;
}}

QCheckBox {{ spacing: 7px; }}
QCheckBox::indicator, QListView::indicator, QTreeView::indicator, QGroupBox::indicator {{
    width: 14px; height: 14px; border: 1px solid {c.outline}; border-radius: 3px; background: {c.surface};
}}
QCheckBox::indicator:hover, QListView::indicator:hover {{ border-color: {c.accent}; }}
QCheckBox::indicator:focus {{ border: 2px solid {c.accent}; }}
QCheckBox::indicator:checked, QListView::indicator:checked, QTreeView::indicator:checked,
QGroupBox::indicator:checked {{ background: {c.accent}; border-color: {c.accent}; {tick} }}
QCheckBox::indicator:disabled {{ border-color: {c.line}; background: {c.window}; }}

QMainWindow::separator {{ background: {c.window}; width: 6px; height: 6px; }}
QMainWindow::separator:hover {{ background: {c.selection}; }}
QDockWidget {{ font-weight: 600; }}
QDockWidget::title {{ background: {c.window}; padding: 6px 8px; border-bottom: 1px solid {c.line}; }}
QMenuBar {{ background: {c.window}; }}
QMenuBar::item {{ padding: 5px 9px; background: transparent; border-radius: 3px; }}
QMenuBar::item:selected {{ background: {c.selection}; }}
QStatusBar {{ background: {c.window}; color: {c.muted}; }}
QStatusBar::item {{ border: none; }}

QProgressBar {{ background: {c.neutral_soft}; border: none; border-radius: 2px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 2px; }}

QSlider:horizontal {{ min-height: 22px; }}
QSlider::groove:horizontal {{ height: 4px; background: {c.neutral_soft}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{
    width: 14px; height: 14px; margin: -6px 0; border-radius: 8px;
    background: {c.surface}; border: 1px solid {c.outline};
}}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ border: 2px solid {c.accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {c.line}; }}
QSlider::handle:horizontal:disabled {{ background: {c.window}; border-color: {c.line}; }}

QSplitter::handle {{ background: transparent; }}
QSplitter::handle:hover {{ background: {c.line}; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {c.outline}; border-radius: 4px; border: 2px solid {c.surface}; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {c.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


def _tick_file(colour_name: str) -> str:
    """Return the path of a tick in a colour."""
    return _picture(f"tick {colour_name}", "M3.5 8.5 6.7 11.7 12.5 4.8", colour_name, 2.0)


def _picture(name: str, path_data: str, colour_name: str, width: float) -> str:
    """Return the path of a line drawing; style sheets can show pictures from files only."""
    if name not in _PICTURES:
        folder = QTemporaryDir()
        path = Path(folder.path()) / "picture.svg"
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="{path_data}" fill="none"'
            f' stroke="{colour_name}" stroke-width="{width}" stroke-linecap="round"/></svg>',
            encoding="utf-8",
        )
        # the folder goes away with the object that stands for it
        _PICTURES[name] = (folder, path.as_posix())
    return _PICTURES[name][1]


def _fixed_family() -> str:
    """Return the family of the desktop's fixed-width font."""
    if QGuiApplication.instance() is None:
        return "monospace"
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()


def _arrow_file(colour_name: str) -> str:
    """Return the path of a small arrow downwards in a colour."""
    return _picture(f"arrow {colour_name}", "M4 6.5 8 10.5 12 6.5", colour_name, 1.6)


def _points(factor: float) -> str:
    """Return a font size of the style sheet relative to the application's font."""
    font = QApplication.font() if QGuiApplication.instance() is not None else QFont()
    size = font.pointSizeF()
    return f"{size * factor:.1f}pt" if size > 0 else f"{round(font.pixelSize() * factor)}px"
