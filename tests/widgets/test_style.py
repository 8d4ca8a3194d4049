"""Contrast, themes, and the health of the Qt binding."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

import widgets
from widgets import glyphs, style
from widgets.palette import DARK, LIGHT, PALETTES, Palette, contrast
from widgets.tag_chips import paint_chips

BOTH = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.name)


def test_that_black_on_white_has_the_contrast_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # 4.5 is the limit of the standard; this grey is its textbook example
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@BOTH
@pytest.mark.parametrize("name", ["text", "muted", "accent", "danger", "warning", "success", "info"])
@pytest.mark.parametrize("ground", ["window", "surface", "raised"])
def test_that_every_text_colour_can_be_read(palette: Palette, name: str, ground: str) -> None:
    assert contrast(getattr(palette, name), getattr(palette, ground)) >= 4.5


@BOTH
@pytest.mark.parametrize("state", ["success", "danger", "warning", "info"])
def test_that_words_on_badges_and_message_bars_can_be_read(palette: Palette, state: str) -> None:
    ground = getattr(palette, f"{state}_soft")
    assert contrast(getattr(palette, state), ground) >= 4.5
    assert contrast(palette.text, ground) >= 4.5


@BOTH
def test_that_selected_found_and_primary_texts_can_be_read(palette: Palette) -> None:
    assert contrast(palette.text, palette.selection) >= 4.5
    assert contrast(palette.text, palette.match) >= 4.5
    assert contrast(palette.on_accent, palette.accent) >= 4.5
    assert contrast(palette.muted, palette.neutral_soft) >= 4.5


@BOTH
def test_that_buttons_which_destroy_are_red_and_can_be_read(
    qtbot: QtBot, qapp: QApplication, palette: Palette
) -> None:
    assert contrast(palette.danger, palette.danger_soft) >= 4.5
    assert contrast(palette.on_danger, palette.danger) >= 4.5
    style.apply_theme(qapp, palette.name)  # type: ignore[arg-type]
    button = QPushButton("Delete")
    style.set_role(button, "danger")
    qtbot.addWidget(button)
    button.show()
    image = button.grab().toImage()
    ratio = image.devicePixelRatio()
    ground = image.pixelColor(round(6 * ratio), image.height() // 2).name()
    texts = {
        image.pixelColor(x, y).name()
        for x in range(round(8 * ratio), image.width() - round(8 * ratio))
        for y in range(round(5 * ratio), image.height() - round(5 * ratio))
    }
    assert ground == palette.danger_soft
    # edges of letters are blends; what is drawn in full has the contrast of the standard
    assert max(contrast(text, ground) for text in texts) >= 4.5
    assert contrast(palette.danger, palette.window) >= 3, "the rim"
    style.apply_theme(qapp, "light")


@BOTH
@pytest.mark.parametrize("ground", ["surface", "window", "selection"])
def test_that_words_of_tags_can_be_read(qapp: QApplication, palette: Palette, ground: str) -> None:
    style.apply_theme(qapp, palette.name)  # type: ignore[arg-type]
    for number in range(len(palette.series)):
        image = QImage(120, 20, QImage.Format.Format_RGB32)
        image.fill(style.colour(ground))
        painter = QPainter(image)
        paint_chips(painter, [("MMMM", number)], QRectF(0, 0, 120, 20), qapp.font())
        painter.end()
        chip = image.pixelColor(3, 5).name()
        words = {image.pixelColor(x, y).name() for x in range(4, 40) for y in range(4, 16)}
        assert max(contrast(word, chip) for word in words) >= 4.5
    style.apply_theme(qapp, "light")


@BOTH
def test_that_outlines_of_fields_stand_out(palette: Palette) -> None:
    assert contrast(palette.outline, palette.surface) >= 3
    assert contrast(palette.accent, palette.surface) >= 3
    for colour in palette.series:
        assert contrast(colour, palette.surface) >= 3


def test_that_a_theme_reaches_windows_that_are_open(qtbot: QtBot, light: QApplication) -> None:
    line = QLineEdit()
    qtbot.addWidget(line)
    line.show()
    bright = line.grab().toImage().pixelColor(line.width() // 2, line.height() // 2).lightness()
    style.apply_theme(light, "dark")
    dark = line.grab().toImage().pixelColor(line.width() // 2, line.height() // 2).lightness()
    assert bright > 200 > 60 > dark
    style.apply_theme(light, "light")


def test_that_a_watcher_is_called_once_per_new_theme(qtbot: QtBot, light: QApplication) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    calls: list[str] = []
    style.ThemeWatcher(widget, lambda: calls.append(style.colours().name))
    style.apply_theme(light, "dark")
    style.apply_theme(light, "dark")
    qtbot.waitUntil(lambda: calls == ["dark"])
    style.apply_theme(light, "light")
    qtbot.waitUntil(lambda: calls == ["dark", "light"])


def test_that_a_part_may_rebuild_itself_when_the_theme_changes(qtbot: QtBot, light: QApplication) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    children = [QLineEdit(widget) for _ in range(20)]
    rebuilt: list[int] = []

    def rebuild() -> None:
        while children:
            child = children.pop()
            child.setParent(None)
            child.deleteLater()
        children.extend(QLineEdit(widget) for _ in range(20))
        rebuilt.append(len(children))

    style.ThemeWatcher(widget, rebuild)
    widget.show()
    for name, times in (("dark", 1), ("light", 2)):
        style.apply_theme(light, name)
        assert len(rebuilt) < times, "rebuilt while Qt still walks through the widgets"
        qtbot.waitUntil(lambda n=times: len(rebuilt) == n)


def test_that_the_system_theme_is_one_of_the_two(qapp: QApplication) -> None:
    assert style.apply_theme(qapp, "system") in PALETTES.values()
    style.apply_theme(qapp, "light")


@BOTH
def test_that_an_empty_tick_box_can_be_seen(qtbot: QtBot, qapp: QApplication, palette: Palette) -> None:
    style.apply_theme(qapp, "dark" if palette is DARK else "light")
    box = QCheckBox("Follow")
    qtbot.addWidget(box)
    box.show()
    image = box.grab().toImage()
    ground = image.pixelColor(image.width() - 1, 0)
    middle = image.height() // 2
    rim = max(abs(image.pixelColor(x, middle).lightness() - ground.lightness()) for x in range(4))
    assert rim > 60
    style.apply_theme(qapp, "light")


@pytest.mark.parametrize("name", sorted(glyphs.DRAWINGS))
def test_that_every_glyph_stays_inside_its_square_at_every_scale(qapp: QApplication, name: str) -> None:
    for ratio in (1.0, 2.0):
        image = glyphs.glyph_pixmap(name, style.colour("text"), 16, ratio).toImage()
        assert image.width() == 16 * ratio
        inked = [
            (x, y)
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() > 128
        ]
        assert len(inked) > 8 * ratio
        assert QRect(0, 0, image.width(), image.height()).contains(*inked[0])


def test_that_states_differ_in_shape_not_only_in_colour(qapp: QApplication) -> None:
    names = ("success", "failure", "stopped", "running", "clock", "unknown")
    drawn = {bytes(glyphs.glyph_pixmap(name, style.colour("text")).toImage().constBits()) for name in names}
    assert len(drawn) == len(names)


def test_that_style_sheets_are_set_in_one_place_only() -> None:
    folder = Path(widgets.__file__).parent
    using = [path.name for path in folder.glob("*.py") if "setStyleSheet" in path.read_text(encoding="utf-8")]
    assert using == ["style.py"]


def test_that_calls_into_qt_lose_no_references_to_none(qtbot: QtBot) -> None:
    # PySide6 6.12.0 on Python 3.11 gives None away with every call that returns nothing: after some thousand
    # calls the interpreter dies with "deallocating None". Such a version must not be installed.
    label = QLabel()
    qtbot.addWidget(label)
    before = sys.getrefcount(None)
    for _ in range(1000):
        label.setIndent(3)
    lost = before - sys.getrefcount(None)
    assert lost < 500, (
        "this version of PySide6 loses references to None; install another one (6.11.3 is sound)"
    )
