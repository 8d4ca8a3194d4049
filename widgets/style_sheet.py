"""The only style sheet of the program, made from a palette."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QApplication

from widgets import style_pictures as pictures
from widgets.palette import Palette

# Heights of things that can be operated; a finger or a tired hand needs no less.
CONTROL_HEIGHT: Final = 30
RADIUS: Final = 5


def style_sheet(palette: Palette) -> str:
    """Return the style sheet of the program for a palette."""
    c = palette
    tick = f'image: url("{pictures.tick_file(c.on_accent)}");'
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
QLineEdit[readOnly="true"] {{ background: {c.window}; border-color: {c.line}; }}
QTextBrowser:focus {{ border: 1px solid {c.accent}; padding: 3px 7px; }}
QLineEdit[role="problem"] {{ border: 2px solid {c.danger}; padding: 2px 6px; }}
QLineEdit[role="warning"] {{ border: 2px solid {c.warning}; padding: 2px 6px; }}
QPlainTextEdit[role="log"] {{
    border: 1px solid {c.line}; padding: 4px; font-family: "{_fixed_family()}"; font-size: {_points(1.0)};
}}

QPlainTextEdit[role="log"]:focus {{ border-color: {c.accent}; padding: 4px; }}

QPushButton, QToolButton[role="button"] {{
    background: {c.raised}; color: {c.text}; border: 1px solid {c.outline}; border-radius: {RADIUS}px;
    padding: 3px 12px; min-height: {CONTROL_HEIGHT - 8}px;
}}
QToolButton[role="button"] {{ padding: 3px 7px; max-height: {CONTROL_HEIGHT - 8}px; }}
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
    image: url("{pictures.arrow_file(c.muted)}"); width: 14px; height: 14px;
    subcontrol-origin: border; subcontrol-position: right center; right: 8px;
}}
QComboBox {{
    background: {c.surface}; color: {c.text}; border: 1px solid {c.outline}; border-radius: {RADIUS}px;
    padding: 3px 2px 3px 7px; min-height: {CONTROL_HEIGHT - 8}px;
}}
QComboBox:focus {{ border: 2px solid {c.accent}; padding: 2px 1px 2px 6px; }}
QComboBox:disabled {{ background: {c.window}; color: {c.disabled}; border-color: {c.line}; }}
QComboBox::drop-down {{ border: none; width: 26px; subcontrol-position: right center; }}
QComboBox::down-arrow {{ image: url("{pictures.arrow_file(c.muted)}"); width: 14px; height: 14px; }}
QComboBox::down-arrow:disabled {{ image: url("{pictures.arrow_file(c.disabled)}"); }}
QAbstractSpinBox {{
    background: {c.surface}; color: {c.text}; border: 1px solid {c.outline}; border-radius: {RADIUS}px;
    padding: 3px 0; min-height: {CONTROL_HEIGHT - 8}px;
    max-height: {CONTROL_HEIGHT - 8}px; selection-color: {c.text};
    selection-background-color: {c.selection};
}}
QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus {{
    background: transparent; border: none; padding: 0 0 0 4px; min-height: 0;
}}
QAbstractSpinBox:focus {{ border: 2px solid {c.accent}; padding: 2px 0; }}
QAbstractSpinBox:disabled {{ background: {c.window}; color: {c.disabled}; border-color: {c.line}; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
    width: 16px; border: none; background: transparent; subcontrol-origin: border;
}}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin: 2px 3px 0 0; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 3px 2px 0; }}
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover {{ background: {c.hover}; }}
QAbstractSpinBox::up-arrow {{ image: url("{pictures.arrow_up_file(c.muted)}"); width: 11px; height: 11px; }}
QAbstractSpinBox::down-arrow {{ image: url("{pictures.arrow_file(c.muted)}"); width: 11px; height: 11px; }}
QAbstractSpinBox::up-arrow:off, QAbstractSpinBox::up-arrow:disabled {{
    image: url("{pictures.arrow_up_file(c.disabled)}");
}}
QAbstractSpinBox::down-arrow:off, QAbstractSpinBox::down-arrow:disabled {{
    image: url("{pictures.arrow_file(c.disabled)}");
}}
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
    background: transparent; color: {c.muted}; padding: 6px 14px; border: none; min-height: 18px;
    border-bottom: 3px solid transparent; margin-right: 2px;
}}
QTabWidget[role="narrow"] > QTabBar::tab {{ padding: 6px 8px; }}
QTabBar::tab:hover {{ color: {c.text}; background: {c.hover}; }}
QTabBar::tab:selected {{ color: {c.text}; border-bottom: 3px solid {c.accent}; }}
QTabBar::tab:focus {{ color: {c.accent}; }}

QScrollArea {{ border: 1px solid transparent; background: transparent; }}
QAbstractScrollArea[role="canvas"] {{ border: 1px solid transparent; }}
QScrollArea:focus, QAbstractScrollArea[role="canvas"]:focus {{ border-color: {c.accent}; }}
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
QListWidget::item {{ padding: 3px 6px; }}
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
QHeaderView::up-arrow, QHeaderView::down-arrow {{
    subcontrol-origin: border; subcontrol-position: top center; width: 12px; height: 10px;
}}
QHeaderView::up-arrow {{ image: url("{pictures.arrow_up_file(c.muted)}"); }}
QHeaderView::down-arrow {{ image: url("{pictures.arrow_file(c.muted)}"); }}

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
QDockWidget {{
    font-weight: 600; titlebar-close-icon: url("{pictures.cross_file(c.muted)}");
    titlebar-normal-icon: url("{pictures.float_file(c.muted)}");
}}
QDockWidget::title {{ background: {c.window}; padding: 6px 4px; border-bottom: 1px solid {c.line}; }}
QMenuBar {{ background: {c.window}; }}
QMenuBar::item {{ padding: 5px 9px; background: transparent; border-radius: 3px; }}
QMenuBar::item:selected {{ background: {c.selection}; }}
QStatusBar {{ background: {c.window}; color: {c.muted}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QLabel, QStatusBar QPushButton[role="link"] {{ padding: 0 6px; }}

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
QScrollBar::handle {{ background: {c.outline}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {c.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


def _fixed_family() -> str:
    """Return the family of the desktop's fixed-width font."""
    if QGuiApplication.instance() is None:
        return "monospace"
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()


def _points(factor: float) -> str:
    """Return a font size of the style sheet relative to the application's font."""
    font = QApplication.font() if QGuiApplication.instance() is not None else QFont()
    size = font.pointSizeF()
    return f"{size * factor:.1f}pt" if size > 0 else f"{round(font.pixelSize() * factor)}px"
