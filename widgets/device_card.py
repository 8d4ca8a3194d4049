"""One GPU, or the processor: what it does now, what it did, and who uses it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from widgets import style
from widgets.device_data import DeviceInfo, DeviceUser, History
from widgets.device_link import TextLink
from widgets.device_trace import DeviceTrace, Legend
from widgets.elided_label import ElidedLabel

_MOST_USERS = 4


class _UserRow(QWidget):
    """A job or a program on a device, and what it takes."""

    job_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job = ""
        self.link = TextLink(parent=self)
        self.link.setObjectName("device_job")
        self.link.clicked.connect(lambda: self.job_chosen.emit(self._job))
        self.name = ElidedLabel(parent=self)
        self.name.setObjectName("device_program")
        style.set_role(self.name, "caption")
        self.amount = QLabel(self)
        self.amount.setObjectName("device_amount")
        style.set_role(self.amount, "caption")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SMALL)
        layout.addWidget(self.link)
        layout.addWidget(self.name, 1)
        layout.addWidget(self.amount)

    def show_user(self, user: DeviceUser) -> None:
        """Show who it is: a job can be chosen, of a program number and owner are told."""
        self._job = user.job
        self.link.setText(user.job.rstrip("/"))
        self.link.setVisible(bool(user.job))
        self.name.setText(_who(user))
        self.amount.setText(_amount(user))


def _who(user: DeviceUser) -> str:
    process = f"process {user.pid}" if user.pid else ""
    if user.job:
        return ""
    if user.project:
        return f"{user.name.rstrip('/')} of project {user.project}"
    return " · ".join(part for part in (user.name or "program", user.user, process) if part)


def _amount(user: DeviceUser) -> str:
    cpu = "" if user.cpu_percent is None else f"{user.cpu_percent / 100:.1f} cores"
    memory = "" if user.memory_mb is None else gigabytes(user.memory_mb)
    return " · ".join(part for part in (cpu, memory) if part)


def gigabytes(megabytes: float) -> str:
    """Return an amount of memory in words."""
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


class DeviceCard(QFrame):
    """One device.

    Signals
    -------
    job_chosen : str
        The user wants to see a job that computes on it.
    """

    job_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        style.set_role(self, "card")
        # all columns are equally wide, whatever stands in them
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.title = QLabel(self)
        self.title.setObjectName("device_title")
        style.set_role(self.title, "subheading")
        self.name = ElidedLabel(parent=self)
        self.name.setObjectName("device_name")
        style.set_role(self.name, "caption")
        self.state = QLabel(self)
        self.state.setObjectName("device_state")
        style.set_role(self.state, "caption")
        self.legend = Legend(self)
        self.trace = DeviceTrace(self)
        self._rows: list[_UserRow] = []
        self._users: Sequence[DeviceUser] | None = None
        self.more = QLabel(self)
        self.more.setObjectName("device_more")
        style.set_role(self.more, "caption")
        head = QHBoxLayout()
        head.setSpacing(style.SMALL)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.state)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(style.MEDIUM, style.SMALL, style.MEDIUM, style.SMALL)
        self._column.setSpacing(style.TIGHT)
        self._column.addLayout(head)
        self._column.addWidget(self.name)
        self._column.addWidget(self.legend)
        self._column.addWidget(self.trace)
        self._column.addWidget(self.more)
        self._column.addStretch(1)

    def show_device(self, device: DeviceInfo, history: History) -> None:
        """Show the present state."""
        self.setObjectName(f"device_{device.key}")
        self.title.setText(device.title)
        self.name.setText(" · ".join([device.name, *device.facts]))
        self.state.setText(device.state)
        style.set_role(self.state, "caption" if device.state == "free" else "subheading")
        load = "Load not known" if device.load is None else f"Load {100 * device.load:.0f} %"
        used, total = device.memory_used_mb / 1024, device.memory_total_mb / 1024
        memory = f"Memory {used:.1f} of {total:.1f} GB" if total else "Memory not known"
        self.legend.set_texts(load, memory)
        self.trace.show_history(history, f"{device.title}: {load}, {memory}. The last five minutes.")
        self._show_users(device.users)

    def _show_users(self, users: Sequence[DeviceUser]) -> None:
        if users == self._users:
            return
        self._users = users
        shown = sorted(users, key=lambda user: (not user.job, not user.project, -(user.memory_mb or 0.0)))
        left = len(shown) - _MOST_USERS
        shown = shown[:_MOST_USERS]
        while len(self._rows) > len(shown):
            row = self._rows.pop()
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self._rows) < len(shown):
            row = _UserRow(self)
            row.job_chosen.connect(self.job_chosen)
            self._column.insertWidget(4 + len(self._rows), row)
            self._rows.append(row)
        for row, user in zip(self._rows, shown, strict=True):
            row.show_user(user)
        self.more.setText(f"and {left} more" if left > 0 else "")
        self.more.setVisible(left > 0)

    def texts(self) -> str:
        """Return what is read on the card."""
        rows = [f"{row._job or ''} {row.name.text()} {row.amount.text()}".strip() for row in self._rows]
        parts = [self.title.text(), self.name.text(), self.state.text()]
        return " | ".join([*parts, self.legend.load, self.legend.memory, *rows, self.more.text()])
