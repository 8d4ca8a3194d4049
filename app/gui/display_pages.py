"""Pages of a PDF file, and pictures, fitted to the window or larger."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImageReader, QPainter, QPixmap, QResizeEvent, QWheelEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QGraphicsScene,
    QGraphicsView,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from widgets import style
from widgets.empty_state import EmptyState

#: Pixels along the longer side in which a drawing is painted.
_DRAWN = 2400
#: Pictures that would take more memory than this (MB) are refused by Qt.
_MOST_MB = 1024


class _View(QGraphicsView):
    """A scene that fits the window until somebody zooms."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("picture_view")
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.fits = True

    def fit(self) -> None:
        """Show the whole picture, and go on doing so."""
        self.fits = True
        self.fitInView(self.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)

    def full_size(self) -> None:
        """Show a pixel of the picture on a pixel of the screen."""
        self.fits = False
        self.resetTransform()

    def zoom(self, factor: float) -> None:
        """Show more or less of it."""
        self.fits = False
        self.scale(factor, factor)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse."""
        self.zoom(1.2 ** (event.angleDelta().y() / 120))
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting."""
        super().resizeEvent(event)
        if self.fits:
            self.fit()


class Picture(QWidget):
    """One picture (PNG, JPEG, SVG …)."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("picture")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        pixmap, why = _read(path)
        self.view = _View(self)
        self.view.setVisible(not why)
        if why:
            layout.addWidget(EmptyState("warning", "This picture cannot be shown", why))
            return
        scene = QGraphicsScene(self)
        # drawings with a transparent ground are made for paper
        scene.addRect(QRectF(pixmap.rect()), Qt.PenStyle.NoPen, Qt.GlobalColor.white)
        scene.addPixmap(pixmap).setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        self.view.setScene(scene)
        fit, full = QPushButton("Fit", self), QPushButton("1:1", self)
        fit.clicked.connect(self.view.fit)
        full.clicked.connect(self.view.full_size)
        size = QLabel(f"{pixmap.width()} × {pixmap.height()} px", self)
        style.set_role(size, "muted")
        line = QHBoxLayout()
        line.addWidget(size, 1)
        line.addWidget(fit)
        line.addWidget(full)
        layout.addWidget(self.view, 1)
        layout.addLayout(line)
        style.ThemeWatcher(self, self._ground)
        self._ground()

    def _ground(self) -> None:
        self.view.setBackgroundBrush(style.colour("window"))


def _read(path: Path) -> tuple[QPixmap, str]:
    """Return a picture, and why there is none."""
    if path.suffix.lower() == ".svg":
        renderer = QSvgRenderer(str(path))
        size = renderer.defaultSize()
        if not renderer.isValid() or size.isEmpty():
            return QPixmap(), "It is no drawing in the SVG format."
        wanted = size.scaled(QSize(_DRAWN, _DRAWN), Qt.AspectRatioMode.KeepAspectRatio)
        pixmap = QPixmap(wanted)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter)
        painter.end()
        return pixmap, ""
    QImageReader.setAllocationLimit(_MOST_MB)
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    image = reader.read()
    return (QPixmap(), f"{reader.errorString()}.") if image.isNull() else (QPixmap.fromImage(image), "")


class PdfPages(QWidget):
    """Pages of a PDF file, one below the other."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pdf_pages")
        # these parts of Qt are large, and missing in some distributions: see `can_show_pdf`
        from PySide6.QtPdf import QPdfDocument
        from PySide6.QtPdfWidgets import QPdfView

        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        self.document = QPdfDocument(self)
        problem = self.document.load(str(path))
        self._view: QPdfView | None = None
        if problem != QPdfDocument.Error.None_:
            layout.addWidget(
                EmptyState("warning", "These pages cannot be shown", "The file is no PDF, or damaged.")
            )
            return
        view = self._view = QPdfView(self)
        view.setPageMode(QPdfView.PageMode.MultiPage)
        view.setZoomMode(QPdfView.ZoomMode.FitToWidth)
        view.setDocument(self.document)
        pages = self.document.pageCount()
        count = QLabel("1 page" if pages == 1 else f"{pages} pages", self)
        style.set_role(count, "muted")
        line = QHBoxLayout()
        line.addWidget(count, 1)
        for text, mode in (
            ("Fit width", QPdfView.ZoomMode.FitToWidth),
            ("Fit page", QPdfView.ZoomMode.FitInView),
        ):
            button = QPushButton(text, self)
            button.clicked.connect(lambda _checked=False, m=mode: view.setZoomMode(m))
            line.addWidget(button)
        for text, factor in (("−", 1 / 1.25), ("+", 1.25)):
            button = QPushButton(text, self)
            button.setAccessibleName("Smaller" if factor < 1 else "Larger")
            button.clicked.connect(lambda _checked=False, f=factor: self._zoom(f))
            line.addWidget(button)
        layout.addWidget(view, 1)
        layout.addLayout(line)

    def _zoom(self, factor: float) -> None:
        view = self._view
        if view is not None:
            view.setZoomMode(type(view).ZoomMode.Custom)
            view.setZoomFactor(min(max(view.zoomFactor() * factor, 0.1), 8.0))

    def close_down(self) -> None:
        """Let go of the document before its view goes."""
        self.document.close()


def can_show_pdf() -> bool:
    """Tell whether this Qt can draw pages."""
    try:
        import PySide6.QtPdf
        import PySide6.QtPdfWidgets  # noqa: F401
    except ImportError:
        return False
    return True
