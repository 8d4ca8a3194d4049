"""One editor per kind of option: what a person types, clicks or slides, always readable as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from jobs.core.declaration import Kind, OptionSpec, to_text
from widgets import glyphs, style
from widgets.choices import ChoiceBox as ChoiceBox
from widgets.gpu_menu import GpuChoice as GpuChoice
from widgets.gpu_menu import GpuMenu
from widgets.quiet_wheel import QuietWheel
from widgets.switch import Switch

_TEXT_WIDTH = 520
_NUMBER_CHARACTERS = "000000000000"
_BOX_MARGINS = 18


def _number_width(widget: QWidget) -> int:
    return style.text_width(widget.font(), _NUMBER_CHARACTERS) + _BOX_MARGINS


class Editor(QWidget):
    """Base of all editors; the value is always a text in RELION's words.

    Editors never refuse a key: whatever was typed stays, and `text` returns it. Whether it is right is said
    by the form, beside the editor.
    """

    changed = Signal()

    def __init__(self, spec: OptionSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self.setObjectName(f"editor_{spec.name}")
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(style.SMALL)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """Return the value as text."""
        raise NotImplementedError

    def set_text(self, text: str) -> None:
        """Show a value; `changed` is emitted when it differs from the one shown."""
        raise NotImplementedError

    def put_beside(self, widget: QWidget) -> bool:
        """Take in a few words right behind a short box; False where the editor leaves no room for them."""
        return False

    def set_mark(self, role: str) -> None:
        """Mark the editor as wrong (``problem``), doubtful (``warning``) or fine (empty)."""
        for line in self.findChildren(QLineEdit):
            style.set_role(line, role)


class TextEditor(Editor):
    """A line of text."""

    def __init__(self, spec: OptionSpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.line = QLineEdit(self)
        self.line.setObjectName(spec.name)
        self.line.setMaximumWidth(_TEXT_WIDTH)
        self.line.setPlaceholderText(spec.placeholder)
        self.line.textChanged.connect(self.changed)
        self._layout.addWidget(self.line, 1)
        self._layout.addStretch(0)
        self.setFocusProxy(self.line)

    def text(self) -> str:
        """Return what stands in the line."""
        return self.line.text()

    def set_text(self, text: str) -> None:
        """Show a text."""
        if text != self.line.text():
            self.line.setText(text)


class NumberEditor(Editor):
    """A number box, its unit, and a slider when a range is declared.

    The box takes any number, also beyond the ends of the slider; the slider then rests at its end. Up and
    down keys in the box change the number by the declared step.
    """

    def __init__(self, spec: OptionSpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.line = QLineEdit(self)
        self.line.setObjectName(spec.name)
        self.line.setFixedWidth(_number_width(self.line))
        self.line.installEventFilter(self)
        if spec.unit:
            self._put_unit_into_box(spec)
        self._layout.addWidget(self.line)
        self.slider: QSlider | None = None
        if spec.low is not None and spec.high is not None and spec.high > spec.low:
            self.slider = self._make_slider(spec)
            self._layout.addWidget(self.slider, 1)
        self._layout.addStretch(1 if self.slider is None else 0)
        self.line.textChanged.connect(self._on_text)
        self.setFocusProxy(self.line)

    def put_beside(self, widget: QWidget) -> bool:
        """Take in a few words where there is no slider."""
        if self.slider is None:
            self._layout.insertWidget(1, widget)
        return self.slider is None

    def _put_unit_into_box(self, spec: OptionSpec) -> None:
        # inside the box, so that sliders and boxes stay aligned whatever the unit
        unit = QLabel(spec.unit, self.line)
        unit.setObjectName(f"unit_{spec.name}")
        unit.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        style.set_role(unit, "caption")
        inside = QHBoxLayout(self.line)
        inside.setContentsMargins(0, 0, style.SMALL, 0)
        inside.addWidget(unit, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        margins = self.line.textMargins()
        margins.setRight(style.text_width(style.small_font(self.line), spec.unit) + style.TIGHT)
        self.line.setTextMargins(margins)

    def _make_slider(self, spec: OptionSpec) -> QSlider:
        assert spec.low is not None
        assert spec.high is not None
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(f"slider_{spec.name}")
        slider.setRange(0, max(1, round((spec.high - spec.low) / self._step())))
        slider.setMaximumWidth(300)
        slider.setAccessibleName(f"{spec.label} slider")
        slider.setToolTip(f"{spec.low:g} to {spec.high:g}; a number beyond that may be typed")
        slider.installEventFilter(QuietWheel(slider))
        slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        slider.valueChanged.connect(self._on_slider)
        return slider

    def _step(self) -> float:
        if self.spec.step:
            return self.spec.step
        return 1.0 if self.spec.kind is Kind.INTEGER else 0.01

    def _written(self, number: float) -> str:
        # the step decides the decimals, so that 0.1 * 3 is shown as 0.3
        decimals = max(0, -math.floor(math.log10(self._step()))) + 1
        value = round(number, decimals)
        return to_text(self.spec, int(value) if self.spec.kind is Kind.INTEGER else value)

    def number(self) -> float | None:
        """Return the number shown, None when the text is not one."""
        try:
            value = float(self.line.text())
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    def _on_text(self) -> None:
        number = self.number()
        if self.slider is not None and number is not None and self.spec.low is not None:
            with QSignalBlocker(self.slider):
                place = (number - self.spec.low) / self._step()
                self.slider.setValue(round(min(max(place, 0), self.slider.maximum())))
        self.changed.emit()

    def _on_slider(self, place: int) -> None:
        assert self.spec.low is not None
        assert self.spec.high is not None
        self.line.setText(self._written(min(self.spec.low + place * self._step(), self.spec.high)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the up and down keys step the number."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            direction = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
            number = self.number()
            if direction and number is not None:
                self.line.setText(self._written(number + direction * self._step()))
                return True
        return super().eventFilter(watched, event)

    def text(self) -> str:
        """Return what stands in the box."""
        return self.line.text()

    def set_text(self, text: str) -> None:
        """Show a number (or whatever text was stored)."""
        if text != self.line.text():
            self.line.setText(text)


class YesNoEditor(Editor):
    """A switch."""

    def __init__(self, spec: OptionSpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.switch = Switch(self)
        self.switch.setObjectName(spec.name)
        self.switch.setAccessibleName(spec.label)
        self.switch.toggled.connect(self._on_toggled)
        self._kept = ""
        self._layout.addWidget(self.switch)
        self._layout.addStretch(1)
        self.setFocusProxy(self.switch)

    def _on_toggled(self) -> None:
        self._kept = ""
        self.changed.emit()

    def text(self) -> str:
        """Return Yes or No (or a Scheme variable that was loaded and not changed)."""
        return self._kept or ("Yes" if self.switch.isChecked() else "No")

    def set_text(self, text: str) -> None:
        """Show Yes or No."""
        self.switch.setChecked(text.strip().lower() in ("yes", "true", "1", "y", "on"))
        self._kept = text if text.startswith("$$") else ""


class ChoiceEditor(Editor):
    """A list of choices; a value that is none of them is shown, not lost."""

    def __init__(self, spec: OptionSpec, parent: QWidget | None = None) -> None:
        super().__init__(spec, parent)
        self.box = ChoiceBox(self)
        self.box.setObjectName(spec.name)
        self.box.addItems(list(spec.choices))
        self.box.setMinimumWidth(_number_width(self.box))
        self.box.currentTextChanged.connect(self.changed)
        self._layout.addWidget(self.box)
        self._layout.addStretch(1)
        self.setFocusProxy(self.box)

    def put_beside(self, widget: QWidget) -> bool:
        """Take in a few words."""
        self._layout.insertWidget(1, widget)
        return True

    def text(self) -> str:
        """Return the chosen text."""
        return self.box.currentText()

    def set_text(self, text: str) -> None:
        """Choose a text."""
        if self.box.findText(text) < 0:
            self.box.addItem(text)
        self.box.setCurrentText(text)


class GpuEditor(TextEditor):
    """Which GPU: a text as in RELION, with the GPUs of this machine offered in a menu beside it."""

    def __init__(
        self,
        spec: OptionSpec,
        parent: QWidget | None = None,
        *,
        gpus: Callable[[], Sequence[GpuChoice]] | None = None,
    ) -> None:
        super().__init__(spec, parent)
        self._gpus = gpus
        self.line.setMaximumWidth(_number_width(self.line))
        self.button = QPushButton(" Choose", self)
        self.button.setObjectName(f"pick_{spec.name}")
        self.button.setAccessibleName("Choose a GPU")
        self.button.setToolTip("Choose among the GPUs of this machine")
        self.button.setAutoDefault(False)
        self.button.setIcon(glyphs.glyph_icon("chip"))
        style.ThemeWatcher(self.button, lambda: self.button.setIcon(glyphs.glyph_icon("chip")))
        self.menu = GpuMenu(spec.multiple, self.button)
        self.menu.chosen.connect(self.set_text)
        self.menu.aboutToShow.connect(self.fill)
        self.button.setMenu(self.menu)
        self._layout.insertWidget(1, self.button)
        self._layout.setStretch(0, 0)
        self._layout.setStretch(2, 1)

    def fill(self) -> None:
        """Read the list of GPUs again."""
        self.menu.fill(self._gpus() if self._gpus is not None else (), self.text())
