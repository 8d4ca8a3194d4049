"""Makes the pictures of the README from the result of `make demo`: window, flowchart and explorer."""

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
    job = "DynaMight/job001"
    command(project, "alias", job, "hinge")
    command(project, "tag", job, "add", "figure 2")
    still = command(project, "run", "simulate", "--recipe", "R2", "--nr_images", "200")
    particles = f"{still.rstrip('/')}/particles.star"
    consensus = f"{still.rstrip('/')}/consensus.mrc"
    sharper = f"{job}/backprojection/map_half1.mrc"
    for star, volume in ((particles, consensus), ("data/particles.star", sharper)):
        command(project, "new", "dynamight", "--fn_star", star, "--fn_map", volume)
    command(project, "alias", still, "no_motion")
    return job + "/"


def main(demo: Path) -> int:
    """Copy the project, open it in the window and take the pictures."""
    if not (demo / "DynaMight" / "job001" / "RELION_JOB_EXIT_SUCCESS").exists():
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

    wait(lambda: job in window.entries)
    window.select(job, started=True)
    window.panes.reveal("monitor")
    wait(lambda: window.overview.story is not None, 4.0)
    window.message_bar.clear()
    window.statusBar().clearMessage()
    place = window.findChild(QLabel, "status_project")
    assert place is not None
    place.setText("/data/projects/hinge")  # where the copy really lies is nobody's concern
    grab(window, FOLDER / "window.png", size=SIZE)
    window.panes.reveal("flowchart")
    window.panes.reveal("io")
    wait(lambda: True, 3.0)
    grab(window, FOLDER / "flowchart.png", size=SIZE)
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
    grab(window, FOLDER / "explorer.png", size=SIZE)
    window.close()
    wait(lambda: True, 1.0)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "demo").resolve()))
