"""The two doors: ``heteroscope [PROJECT]`` opens the window, every other command is carried out here.

This is the only place that chooses between them, so that the command line needs no Qt.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

#: As RELION's: look only; offer the job types for tomograms.
_WINDOW_OPTIONS = ("--readonly", "--tomo")
_PACKAGES = ("jobs", "resources", "widgets")


def misplaced_package() -> str:
    """Return a sentence when a folder of ours is shadowed by another distribution's, else ""."""
    import importlib.util

    home = Path(__file__).resolve().parents[1]
    for name in _PACKAGES:
        found = importlib.util.find_spec(name)
        places = list(found.submodule_search_locations or []) if found is not None else []
        if not any(Path(place).resolve() == home / name for place in places):
            where = places[0] if places else "nowhere"
            return (
                f"The package '{name}' of Heteroscope is hidden by another one ({where}). "
                "Install Heteroscope in an environment of its own."
            )
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window or carry out a command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if trouble := misplaced_package():
        print(f"heteroscope: {trouble}", file=sys.stderr)
        return 2
    from app import cli, view_commands

    if view_commands.is_view_command(words):
        return cli.guarded(lambda: _explore(words))
    if words[:1] == ["display"]:
        return cli.guarded(lambda: _display(words[1:]))
    if words[:1] == ["demo"]:
        return cli.guarded(lambda: _demo(words[1:]))
    places = [word for word in words if word not in _WINDOW_OPTIONS]
    if not places or (len(places) < len(words) and len(places) == 1) or not cli.is_command(words[0]):
        if places and not Path(places[0]).is_dir():
            return cli.main(places)  # tells what is wrong with it
        return cli.guarded(lambda: _window(words))
    return cli.main(words)


def _window(words: list[str]) -> int:
    from app.gui import application

    return int(application.main(words))


def _explore(words: list[str]) -> int:
    from app.view_commands import view_request

    job_type, request = view_request(words)
    from app.explorer_services import JobServices

    # its process loads torch while this one loads Qt
    name = str(request.job_dir.relative_to(request.project_dir))
    services = JobServices(request.project_dir, name, job_type)
    try:
        from app.gui import application

        return int(application.explore(job_type, request, services))
    finally:
        services.close()


def _display(words: list[str]) -> int:
    from app.display_command import display_request

    request = display_request(words)
    from app.gui import application

    return int(application.display(request))


def _demo(words: list[str]) -> int:
    from app import demo

    return int(demo.main(words))


if __name__ == "__main__":
    raise SystemExit(main())
