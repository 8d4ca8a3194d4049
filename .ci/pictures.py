"""Makes the pictures of the README from the result of `make demo`: window, flowchart and explorer.

Each is made in the light and in the dark theme; the README shows that of its reader.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "resources" / "pictures"
SIZE = (1280, 800)
LATEST_S = 120.0
LARGEST_BYTES = 300_000
#: Jobs of the demo: the one that learns, and the one that simulates what it learns from.
JOB, DATA = "DynaMight/job002", "Simulate/job001"


def command(project: Path, *words: str) -> str:
    """Run one of our commands in a project, and return the last word it prints."""
    line = [sys.executable, "-P", "-m", "app", *words]
    home = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, cwd=project, env=home, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}")
    return done.stdout.split()[-1] if done.stdout.split() else ""


def furnish(project: Path) -> str:
    """Add what a project has after some days of work to that of the demo; return the job to show."""
    command(project, "alias", JOB, "hinge")
    command(project, "tag", JOB, "add", "figure 2")
    still = command(project, "run", "simulate", "--recipe", "R2", "--nr_images", "200").rstrip("/")
    command(project, "alias", still, "no_motion")
    for star, volume in (
        (f"{still}/particles.star", f"{still}/consensus.mrc"),
        (f"{DATA}/particles.star", f"{JOB}/backprojection/map_half1.mrc"),
    ):
        command(project, "new", "dynamight", "--fn_star", star, "--fn_map", volume)
    return JOB + "/"


def main(demo: Path) -> int:
    """Copy the project, open it in the window and take the pictures."""
    if not (demo / JOB / "RELION_JOB_EXIT_SUCCESS").exists():
        raise SystemExit(f"{demo} holds no finished demo: `make demo DIR={demo}` first.")
    with tempfile.TemporaryDirectory(prefix="heteroscope-pictures-") as private:
        os.environ["XDG_CONFIG_HOME"] = private
        project = Path(private) / "hinge"
        shutil.copytree(demo, project, symlinks=True, ignore=shutil.ignore_patterns("screenshots", "*.log"))
        photograph(project, furnish(project))
    for path in sorted(FOLDER.glob("*.png")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
        if path.stat().st_size > LARGEST_BYTES:
            raise SystemExit(f"{path.name} is larger than {LARGEST_BYTES / 1000:.0f} kB")
    return 0


def photograph(project: Path, job: str) -> None:
    """Take the pictures."""
    from PySide6.QtWidgets import QLabel

    from app.gui.application import make_application, open_window
    from app.gui.screenshots import grab
    from app.settings import Settings
    from widgets import style

    settings = Settings(theme="light")
    application = make_application(sys.argv[:1], settings)
    window = open_window(settings, project)
    window.resize(*SIZE)

    def wait(met: Callable[[], bool], settle_s: float = 1.5) -> None:
        end = time.monotonic() + LATEST_S
        while not met():
            application.processEvents()
            time.sleep(0.01)
            if time.monotonic() > end:
                raise SystemExit("The window did not show in time what was to be pictured.")
        end = time.monotonic() + settle_s
        while time.monotonic() < end:
            application.processEvents()
            time.sleep(0.01)

    def take(name: str) -> None:
        themes: tuple[tuple[style.Theme, str], ...] = (("dark", "_dark"), ("light", ""))
        for theme, ending in themes:
            style.apply_theme(application, theme)
            wait(lambda: True, 2.0)
            grab(window, FOLDER / f"{name}{ending}.png", size=SIZE)

    wait(lambda: job in window.entries)
    window.select(job, started=True)
    window.panes.reveal("monitor")
    wait(lambda: window.overview.story is not None, 4.0)
    window.message_bar.clear()
    window.statusBar().clearMessage()
    place = window.findChild(QLabel, "status_project")
    assert place is not None
    place.setText("/data/projects/hinge")  # where the copy really lies is nobody's concern
    take("window")
    window.panes.reveal("flowchart")
    window.panes.reveal("io")
    wait(lambda: True, 3.0)
    take("flowchart")
    window.explorer_commands.explore()
    commands = window.explorer_commands
    wait(
        lambda: (
            commands.explorer is not None
            and commands.explorer.shown_state is not None
            and commands.explorer.plane is not None
        )
    )
    explorer = commands.explorer
    assert explorer is not None
    explorer.show_tab(explorer.paths)
    explorer.paths.choose("axis")
    way = explorer.travel
    wait(lambda: bool(way.travelling.done.size) and bool(way.travelling.done.all()))
    explorer.player.go_to(explorer.player.count - 1)
    wait(lambda: True, 3.0)
    take("explorer")
    window.close()
    wait(lambda: True, 1.0)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "demo").resolve()))
