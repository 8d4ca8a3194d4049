"""The two buttons at the foot of a dialog that does something: its verb, and Cancel."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton

from widgets import style


def ok_and_cancel(dialog: QDialog, verb: str) -> tuple[QDialogButtonBox, QPushButton]:
    """Make the buttons, connected to the dialog; the first is the one that Return presses."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    ok = box.button(QDialogButtonBox.StandardButton.Ok)
    ok.setText(verb)
    ok.setObjectName("form_ok")
    style.set_role(ok, "primary")
    box.accepted.connect(dialog.accept)
    box.rejected.connect(dialog.reject)
    return box, ok
