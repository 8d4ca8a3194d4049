"""What the machine is doing: GPUs with memory, load and processes; processor and memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from widgets import style

_FULL: Final = 0.9


@dataclass(frozen=True)
class GpuProcessInfo:
    """A process on a GPU; `job` names the job it belongs to, empty when it is none of ours."""

    pid: int
    name: str
    memory_mb: float = 0.0
    job: str = ""


@dataclass(frozen=True)
class GpuInfo:
    """A GPU as it is now."""

    index: int
    name: str
    memory_total_mb: float
    memory_used_mb: float
    load_percent: float | None = None
    processes: tuple[GpuProcessInfo, ...] = ()


@dataclass(frozen=True)
class MachineInfo:
    """Processor and memory as they are now."""

    cpu_percent: float
    cores: int
    memory_used_mb: float
    memory_total_mb: float


class Meter(QWidget):
    """A bar with what it measures at the left and the number at the right."""

    def __init__(self, name: str, parent: QWidget | None = None, *, runs_out: bool = False) -> None:
        super().__init__(parent)
        self.runs_out = runs_out
        self.setObjectName(f"meter_{name.lower()}")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.name = name
        self.fraction: float | None = None
        self.text = ""

    def set_value(self, fraction: float | None, text: str) -> None:
        """Show a fraction (0 … 1, None = not known) and its number."""
        self.fraction = None if fraction is None else min(max(fraction, 0.0), 1.0)
        self.text = text
        self.setAccessibleName(f"{self.name}: {text}")
        self.setToolTip(f"{self.name}: {text}")
        self.update()

    @property
    def is_full(self) -> bool:
        """Whether something that can run out is nearly used up."""
        return self.runs_out and (self.fraction or 0) >= _FULL

    def sizeHint(self) -> QSize:
        """Return one line's height."""
        return QSize(220, 22)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw name, bar and number."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(style.small_font(self))
        metrics = painter.fontMetrics()
        middle = Qt.AlignmentFlag.AlignVCenter
        left = metrics.horizontalAdvance("Processor") + 10
        right = metrics.horizontalAdvance("000.0 of 000.0 GB") + 10
        painter.setPen(style.colour("muted"))
        painter.drawText(QRectF(0, 0, left, self.height()), middle, self.name)
        painter.setPen(style.colour("text"))
        words = QRectF(self.width() - right, 0, right, self.height())
        painter.drawText(words, middle | Qt.AlignmentFlag.AlignRight, self.text)
        bar = QRectF(left, self.height() / 2 - 4, max(10, self.width() - left - right), 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.colour("neutral_soft"))
        painter.drawRoundedRect(bar, 4, 4)
        if self.fraction:
            painter.setBrush(style.colour("warning" if self.is_full else "accent"))
            bar.setWidth(max(6.0, bar.width() * self.fraction))
            painter.drawRoundedRect(bar, 4, 4)


class _GpuCard(QFrame):
    """One GPU."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        style.set_role(self, "card")
        self.title = QLabel(self, wordWrap=True)
        self.title.setObjectName("gpu_title")
        style.set_role(self.title, "subheading")
        self.state = QLabel(self)
        self.state.setObjectName("gpu_state")
        style.set_role(self.state, "caption")
        self.memory = Meter("Memory", self, runs_out=True)
        self.load = Meter("Load", self)
        self.processes = QLabel(self, wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.processes.setObjectName("gpu_processes")
        style.set_role(self.processes, "caption")
        grid = QGridLayout(self)
        grid.setContentsMargins(style.MEDIUM, style.SMALL, style.MEDIUM, style.SMALL)
        grid.setVerticalSpacing(style.TIGHT)
        grid.setColumnStretch(0, 1)
        for row, widget in enumerate((self.title, self.state, self.memory, self.load, self.processes)):
            grid.addWidget(widget, row, 0)

    def show_gpu(self, gpu: GpuInfo) -> None:
        self.setObjectName(f"gpu_{gpu.index}")
        self.title.setText(f"GPU {gpu.index} · {gpu.name}")
        used, total = gpu.memory_used_mb / 1024, gpu.memory_total_mb / 1024
        fraction = gpu.memory_used_mb / gpu.memory_total_mb if gpu.memory_total_mb else None
        self.memory.set_value(fraction, f"{used:.1f} of {total:.1f} GB")
        load = gpu.load_percent
        self.load.set_value(
            None if load is None else load / 100, "not known" if load is None else f"{load:.0f} %"
        )
        ours = [process for process in gpu.processes if process.job]
        if ours:
            state = "used by this project"
        elif gpu.processes or (load or 0) > 10:
            state = "used by others"
        else:
            state = "free"
        if fraction is not None and fraction >= _FULL:
            state += ", memory nearly full"
        self.state.setText(state)
        lines = [
            f"{process.job or process.name} · process {process.pid} · {process.memory_mb / 1024:.1f} GB"
            for process in gpu.processes
        ]
        self.processes.setText("\n".join(lines))
        self.processes.setVisible(bool(lines))


class GpuPanel(QWidget):
    """All GPUs and the machine; without a GPU it says what that means and that all is well."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("gpu_panel")
        self._cards: list[_GpuCard] = []
        self.no_gpu = QLabel(
            "No NVIDIA GPU was found on this machine. Jobs run on the processor: "
            "everything works, training takes longer.",
            self,
            wordWrap=True,
        )
        self.no_gpu.setObjectName("gpu_none")
        style.set_role(self.no_gpu, "muted")
        self.no_gpu.setContentsMargins(style.MEDIUM, 0, style.MEDIUM, 0)
        self._machine = QFrame(self)
        style.set_role(self._machine, "card")
        self.machine_title = QLabel("This machine", self._machine)
        style.set_role(self.machine_title, "subheading")
        self.cpu = Meter("Processor", self._machine)
        self.memory = Meter("Memory", self._machine, runs_out=True)
        inside = QVBoxLayout(self._machine)
        inside.setContentsMargins(style.MEDIUM, style.SMALL, style.MEDIUM, style.SMALL)
        inside.setSpacing(style.TIGHT)
        for widget in (self.machine_title, self.cpu, self.memory):
            inside.addWidget(widget)
        page = QWidget(self)
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(style.SMALL)
        self._column.addWidget(self._machine)
        self._column.addWidget(self.no_gpu)
        self._column.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        self._machine.hide()

    def set_state(self, gpus: Sequence[GpuInfo], machine: MachineInfo | None = None) -> None:
        """Show the present state; cards are reused, so nothing flickers."""
        while len(self._cards) > len(gpus):
            card = self._cards.pop()
            self._column.removeWidget(card)
            card.deleteLater()
        while len(self._cards) < len(gpus):
            card = _GpuCard(self)
            self._column.insertWidget(1 + len(self._cards), card)
            self._cards.append(card)
        for card, gpu in zip(self._cards, gpus, strict=True):
            card.show_gpu(gpu)
        self.no_gpu.setVisible(not gpus)
        self._machine.setVisible(machine is not None)
        if machine is not None:
            self.machine_title.setText(f"This machine · {machine.cores} cores")
            self.cpu.set_value(machine.cpu_percent / 100, f"{machine.cpu_percent:.0f} %")
            used, total = machine.memory_used_mb / 1024, machine.memory_total_mb / 1024
            self.memory.set_value(used / total if total else None, f"{used:.1f} of {total:.1f} GB")
