"""What to do when a part of the graphics self-test fails, in sentences."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

#: Package of Debian and Ubuntu, and of Fedora and Rocky, for libraries that Qt's xcb plugin needs.
_PACKAGES = {
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-xinerama.so.0": ("libxcb-xinerama0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libEGL.so.1": ("libegl1", "mesa-libEGL"),
    "libGL.so.1": ("libgl1", "mesa-libGL"),
    "libOpenGL.so.0": ("libopengl0", "libglvnd-opengl"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
}
_MISSING = re.compile(r"(lib[\w.+-]+\.so(?:\.\d+)*)(?:: cannot open shared object file| => not found)")

NO_SCREEN = (
    "Qt draws into memory only, so nobody sees a window: unset QT_QPA_PLATFORM and start from a desktop."
)
OLD_OPENGL = "Maps need OpenGL 2.1. Update the driver of the graphics card."
WRONG_PIXELS = (
    "The driver draws wrongly. Update it; until then LIBGL_ALWAYS_SOFTWARE=1 heteroscope lets the processor "
    "draw."
)
WRONG_NUMBERS = (
    "The card computes wrong numbers. Update its driver, and do not use it until this test passes."
)
CUPY = (
    "Jobs work, but slower: cupy cannot compile its kernels. Install the cupy package that fits the driver."
)
_SSH = (
    "You are logged in over SSH without a display. Start the window on your own computer on the mounted "
    "project (Help > Help topics > Remote use), or log in again with ssh -X (slow); the command line works "
    "as it is."
)
_NO_DISPLAY = (
    "There is no display (DISPLAY and WAYLAND_DISPLAY are not set). Start from a desktop session; without "
    "one, the command line does everything: heteroscope --help."
)


def about_qt(errors: str) -> str:
    """Say why Qt may not have started."""
    if missing := missing_libraries(errors):
        return install(missing)
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return _SSH if "SSH_CONNECTION" in os.environ else _NO_DISPLAY
    if "could not connect to display" in errors or "cannot connect" in errors.lower():
        return (
            f"The display {os.environ.get('DISPLAY', '')} does not answer. Log in again with ssh -X, or "
            "check that xauth is installed on this machine and X11Forwarding is allowed in its sshd_config."
        )
    return (
        f"Qt said: {_last_line(errors)}"
        if errors
        else "Install Heteroscope again: pip install --force-reinstall PySide6."
    )


def about_opengl(errors: str) -> str:
    """Say why there may be no OpenGL."""
    if missing := missing_libraries(errors):
        return install(missing)
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return "OpenGL needs a display. " + (_SSH if "SSH_CONNECTION" in os.environ else _NO_DISPLAY)
    if "SSH_CONNECTION" in os.environ:
        return (
            "Forwarded displays often have no OpenGL. Run the window on your own computer on the mounted "
            "project, or use VirtualGL (vglrun heteroscope)."
        )
    return (
        "Install OpenGL: libgl1 and libegl1 (Debian, Ubuntu) or mesa-libGL and mesa-libEGL (Fedora, Rocky), "
        "or the driver of the graphics card. Lists, forms, curves and logs work without it."
    )


def about_scene(errors: str) -> str:
    """Say why drawing may have failed."""
    if missing := missing_libraries(errors):
        return install(missing)
    if importlib.util.find_spec("napari") is None:
        return "napari is not installed: install Heteroscope again."
    if "could not connect" in errors or not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "Drawing needs a display; see above."
    said = f" It said: {_last_line(errors)}" if errors else ""
    return f"Maps cannot be drawn here; LIBGL_ALWAYS_SOFTWARE=1 heteroscope may help.{said}"


def about_computing(errors: str) -> str:
    """Say why computing may have failed."""
    said = f" It said: {_last_line(errors)}" if errors else ""
    return f"Jobs can still run on the processor (cpu as GPU).{said}"


def no_gpu(built_for_cuda: bool) -> str:
    """Say why no graphics card may have been found."""
    if not built_for_cuda:
        return "This torch computes on the processor only. For an NVIDIA card install torch for CUDA."
    if shutil.which("nvidia-smi") is None:
        return "No NVIDIA driver was found. Jobs run on the processor, more slowly."
    return (
        "The driver was found, but no card: see nvidia-smi, CUDA_VISIBLE_DEVICES, and whether the driver is "
        "new enough."
    )


def software_drawing() -> str:
    """Say what slow drawing is due to."""
    if "SSH_CONNECTION" in os.environ:
        return (
            "The processor draws, so turning large maps is slow. VirtualGL (vglrun) uses the card of this "
            "machine."
        )
    return "The processor draws, so turning large maps is slow. Install the driver of the graphics card."


def missing_libraries(errors: str) -> list[str]:
    """Return the shared libraries that Qt misses, from what it said and from its own plugin."""
    found = dict.fromkeys(match[1] for match in _MISSING.finditer(errors))
    plugin = _xcb_plugin()
    if plugin is not None and shutil.which("ldd"):
        done = subprocess.run(["ldd", str(plugin)], check=False, capture_output=True, text=True)
        found.update(dict.fromkeys(match[1] for match in _MISSING.finditer(done.stdout)))
    return list(found)


def install(missing: list[str]) -> str:
    """Return how to install libraries."""
    packages = [_PACKAGES.get(name, (name, name)) for name in missing]
    debian = " ".join(dict.fromkeys(first for first, _ in packages))
    fedora = " ".join(dict.fromkeys(second for _, second in packages))
    return (
        f"Missing: {', '.join(missing)}. Install with: sudo apt install {debian} (Debian, Ubuntu) or "
        f"sudo dnf install {fedora} (Fedora, Rocky)."
    )


def _xcb_plugin() -> Path | None:
    found = importlib.util.find_spec("PySide6")
    for place in (found.submodule_search_locations or []) if found is not None else []:
        plugin = Path(place) / "Qt" / "plugins" / "platforms" / "libqxcb.so"
        if plugin.is_file():
            return plugin
    return None


def _last_line(errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
