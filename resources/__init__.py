"""Icons, templates, help pages and the changelog, found through `importlib.resources`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def _folder(name: str) -> Path:
    """Return a data folder of this package as a real path (the program is never run from a zip file)."""
    return Path(str(files("resources"))) / name


def _existing(path: Path, kind: str) -> Path:
    if not path.is_file():
        present = ", ".join(sorted(p.stem for p in path.parent.glob("*") if p.is_file())) or "none"
        raise FileNotFoundError(f"There is no {kind} called {path.stem!r}; present are: {present}.")
    return path


def icon(name: str) -> Path:
    """Return the path of an SVG icon.

    Parameters
    ----------
    name : str
        Name without extension, for example ``"run"``.

    Raises
    ------
    FileNotFoundError
        When there is no such icon; the message lists those present.
    """
    return _existing(_folder("icons") / f"{name}.svg", "icon")


def icon_names() -> tuple[str, ...]:
    """Return the names of all icons, sorted."""
    return tuple(sorted(p.stem for p in _folder("icons").glob("*.svg")))


def template(name: str) -> Path:
    """Return the path of a template (submission script and the like) by its full file name.

    Raises
    ------
    FileNotFoundError
        When there is no such template; the message lists those present.
    """
    return _existing(_folder("templates") / name, "template")


def help_page(name: str) -> Path:
    """Return the path of a help page in Markdown.

    Parameters
    ----------
    name : str
        A job type's key (``"dynamight"``) or a topic (``"getting_started"``), without extension.

    Raises
    ------
    FileNotFoundError
        When there is no such page; the message lists those present.
    """
    return _existing(_folder("help") / f"{name}.md", "help page")


def help_pages() -> tuple[str, ...]:
    """Return the names of all help pages, sorted."""
    return tuple(sorted(p.stem for p in _folder("help").glob("*.md")))


def changelog() -> Path:
    """Return the path of the list of changes shown under Help > What is new."""
    return _existing(_folder("CHANGELOG.md"), "file")
