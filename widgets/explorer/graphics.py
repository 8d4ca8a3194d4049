"""Whether this screen can draw in three dimensions, and loading what draws there while nobody waits."""

from __future__ import annotations

import atexit
import functools
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

from widgets.explorer import meshing

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.qt import QtViewer

#: What the drawing library asks for: programmable shaders and arrays of vertices.
OPENGL_NEEDED: Final = (2, 1)
_GL_RENDERER: Final = 0x1F01
_IN_SOFTWARE: Final = ("llvmpipe", "softpipe", "swrast", "software")
# platforms of Qt that draw into memory only
_WITHOUT_SCREEN: Final = ("offscreen", "minimal", "vnc", "linuxfb")


class _Loading:
    """The one loading of napari in a process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.done = threading.Event()
        self.problem = ""
        self.leaving = False

    def leave(self) -> None:
        """Wait for the step under way: an interpreter that ends in the middle of an import may crash."""
        self.leaving = True
        if self.thread is not None:
            self.thread.join()


_loading = _Loading()
atexit.register(_loading.leave)


def check() -> str:
    """Return why maps cannot be drawn in three dimensions here, in a sentence; empty when they can.

    A context is made and thrown away, nothing is shown.
    """
    return _open_context()[0]


def draws_in_software() -> bool:
    """Whether the processor does what a graphics card should do; then smooth edges cost too much."""
    renderer = _open_context()[1].lower()
    return not renderer or any(word in renderer for word in _IN_SOFTWARE)


def _open_context() -> tuple[str, str]:
    """Return what is wrong with OpenGL, and the name of what draws."""
    if not isinstance(QCoreApplication.instance(), QGuiApplication):
        return "no window has been opened yet", ""  # Qt ends the process that asks it sooner
    return _opened_context()


@functools.cache
def _opened_context() -> tuple[str, str]:
    """Return the same, found out once."""
    platform = QGuiApplication.platformName()
    if platform in _WITHOUT_SCREEN:
        return f"the window system “{platform}” has no OpenGL", ""
    surface = QOffscreenSurface()
    surface.create()
    context = QOpenGLContext()
    if not context.create() or not surface.isValid():
        return "no OpenGL driver could be loaded", ""
    try:
        if not context.makeCurrent(surface):
            return "the OpenGL driver could not be started", ""
        version: Any = context.format().version()
        renderer = context.functions().glGetString(_GL_RENDERER)
        context.doneCurrent()
    finally:
        surface.destroy()
    name = str(renderer or "")
    if tuple(version) < OPENGL_NEEDED:
        found, needed = (".".join(map(str, numbers)) for numbers in (version, OPENGL_NEEDED))
        return f"{name or 'this screen'} has OpenGL {found}, and {needed} is needed", name
    return "", name


def preload() -> None:
    """Begin to load napari in a thread; does nothing when that was begun before."""
    with _loading.lock:
        if _loading.thread is None:
            _loading.thread = threading.Thread(target=_load, name="heteroscope-napari", daemon=True)
            _loading.thread.start()


def loaded() -> bool:
    """Whether napari can be used without waiting (or has failed to load: see :func:`problem`)."""
    return _loading.done.is_set()


def problem() -> str:
    """Return why napari could not be loaded, empty if it could."""
    return _loading.problem


def wait(seconds: float) -> bool:
    """Wait until napari is loaded; False when the time was not enough."""
    preload()
    return _loading.done.wait(seconds)


def _load() -> None:
    try:
        for step in (meshing.warm_up, _load_settings, _load_view, _load_layers):
            if _loading.leaving:
                return
            step()
    except Exception as error:  # whatever a broken installation raises: everything else works without
        _loading.problem = f"napari could not be loaded ({error})"
    finally:
        _loading.done.set()


def _load_settings() -> None:
    from napari.settings import get_settings

    # without a file: nothing of ours ends in the preferences of somebody's own napari
    with suppress(RuntimeError):  # somebody else in this process has read them already
        get_settings(path=None)


def _load_view() -> None:
    import napari.qt  # noqa: F401


def _load_layers() -> None:
    """Make one layer of each kind: the first loads tables and physical units, which takes half a second."""
    from napari.layers import Points, Surface

    corners = np.zeros((3, 3), np.float32)
    Surface((corners, np.array([[0, 1, 2]], np.uint32)), units=("angstrom",) * 3)
    Points(corners, units=("angstrom",) * 3)


def make_viewer(smooth_edges: bool) -> tuple[ViewerModel, QtViewer]:
    """Return an empty three-dimensional napari view without its lists, buttons, keys and habits of its own.

    Parameters
    ----------
    smooth_edges : bool
        Draw four samples per pixel.
    """
    from napari.components import ViewerModel
    from napari.qt import QtViewer
    from napari.settings import get_settings

    get_settings().advanced.multisampling = smooth_edges
    attribute = Qt.ApplicationAttribute.AA_UseStyleSheetPropagationInWidgetStyles
    before = QCoreApplication.testAttribute(attribute)
    model = ViewerModel(ndisplay=3)
    view = QtViewer(model)
    # napari changes how style sheets work for the whole program
    QCoreApplication.setAttribute(attribute, before)
    for callbacks in (
        model.mouse_wheel_callbacks,
        model.mouse_double_click_callbacks,
        model.mouse_drag_callbacks,
    ):
        callbacks.clear()
    view.setAcceptDrops(False)
    view.setObjectName("explorer_map_canvas")
    # x to the right, y up, z towards the eye: right-handed, and as ChimeraX shows a map at first
    model.scene.camera.orientation = ("towards", "up", "right")
    return model, view
