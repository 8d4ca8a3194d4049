"""The classes of the shown job on its monitor, the newest generation as it comes."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.class_services import JobClasses
from widgets.class_gallery.gallery import ClassGallery


class ClassStrip(QWidget):
    """Holds a small gallery for jobs that make classes, and is hidden for others.

    Signals
    -------
    opened
        The whole gallery is wanted: by its button, or by a double click on a class.
    changed
        There are classes to show now, or there are none.
    """

    opened = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("monitor_classes")
        self.gallery: ClassGallery | None = None
        self._services: JobClasses | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    @property
    def wanted(self) -> bool:
        """Whether the shown job makes classes."""
        return self._services is not None

    def show_services(self, services: JobClasses | None) -> None:
        """Show the classes of a job, or none."""
        if services == self._services:
            if self.gallery is not None and self.isVisible():
                self.gallery.follower.look()
            return
        self._services = services
        if self.gallery is not None:
            self.gallery.close_down()
            self._column.removeWidget(self.gallery)
            self.gallery.hide()
            self.gallery.deleteLater()
            self.gallery = None
        if services is not None:
            self.gallery = ClassGallery(services, compact=True)
            self.gallery.particles_requested.connect(lambda *_: self.opened.emit())
            self.gallery.sets.open_button.clicked.connect(self.opened)
            self._column.addWidget(self.gallery)
        self.setVisible(services is not None)
        self.changed.emit()
