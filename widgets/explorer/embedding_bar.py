"""Chooses the plane in which particles are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from jobs.core.exploring import Basis, EmbeddingRequest, Method
from widgets import style
from widgets.fields import ChoiceBox

_METHODS: Final[tuple[tuple[Method, str, str], ...]] = (
    ("axes", "Latent axes", "The latent coordinates as they are"),
    ("pca", "PCA", "Principal components: the directions in which particles differ most"),
    ("umap", "UMAP", "Keeps neighbours together; distances between far groups mean little"),
    ("ica", "ICA", "Independent components"),
    ("tsne", "t-SNE", "Keeps close neighbours together; slow for many particles"),
)
_BASES: Final[tuple[tuple[Basis, str, str], ...]] = (
    ("latent", "by latent", "Particles are close when their latent coordinates are"),
    ("deformation", "by deformation", "Particles are close when their structures are: distances are rms Å"),
)


class EmbeddingBar(QWidget):
    """Method, what is embedded, and which two of its axes are seen.

    Signals
    -------
    requested : object
        An `EmbeddingRequest`.
    axes_chosen : int, int
        Horizontal and vertical axis, from 0.
    """

    requested = Signal(object)
    axes_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explorer_embedding")
        self.method = self._combo("explorer_method", "How particles are laid out", _METHODS)
        self.basis = self._combo("explorer_basis", "What is compared", _BASES)
        self.across = ChoiceBox()
        self.across.setObjectName("explorer_axis_x")
        self.across.setToolTip("Horizontal axis")
        self.up = ChoiceBox()
        self.up.setObjectName("explorer_axis_y")
        self.up.setToolTip("Vertical axis")
        for box in (self.method, self.basis, self.across, self.up):
            box.setAccessibleName(box.toolTip())
        for box in (self.method, self.basis):
            box.activated.connect(lambda _index: self.requested.emit(self.request()))
        for box in (self.across, self.up):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(9)
            box.activated.connect(lambda _index: self._on_axes())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.TIGHT)
        row.addWidget(self.method)
        row.addWidget(self.basis)
        row.addStretch(1)
        row.addWidget(self.across)
        against = QLabel("×")
        style.set_role(against, "caption")
        row.addWidget(against)
        row.addWidget(self.up)

    @staticmethod
    def _combo(name: str, tip: str, entries: Sequence[tuple[str, str, str]]) -> QComboBox:
        box = ChoiceBox()
        box.setObjectName(name)
        box.setToolTip(tip)
        for word, text, help_text in entries:
            box.addItem(text, word)
            box.setItemData(box.count() - 1, help_text, Qt.ItemDataRole.ToolTipRole)
        return box

    def request(self) -> EmbeddingRequest:
        """Return what is chosen."""
        method = cast(Method, self.method.currentData())
        basis = cast(Basis, self.basis.currentData()) if self.basis.isEnabled() else "latent"
        return EmbeddingRequest(method, "latent" if method == "axes" else basis)

    def show_request(self, request: EmbeddingRequest, *, deforms: bool) -> None:
        """Show what is shown; `deforms` says whether the model knows deformations."""
        self.method.setCurrentIndex(self.method.findData(request.method))
        self.basis.setCurrentIndex(self.basis.findData(request.by))
        self.basis.setVisible(deforms)
        self.basis.setEnabled(deforms and request.method != "axes")

    def set_axes(self, names: Sequence[str], axes: tuple[int, int]) -> None:
        """Offer the axes of an embedding."""
        for box, axis in ((self.across, axes[0]), (self.up, axes[1])):
            box.clear()
            box.addItems(list(names))
            box.setCurrentIndex(axis)
            box.setEnabled(len(names) > 2)

    def _on_axes(self) -> None:
        self.axes_chosen.emit(self.across.currentIndex(), self.up.currentIndex())
