"""Preferences of the person at the screen; a bad settings file never prevents a start."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

_log = logging.getLogger(__name__)

#: Rises when a field changes its meaning; :func:`_migrate` then knows how to read the older form.
VERSION = 1
_MAX_RECENT = 12


class Settings(BaseModel):
    """Preferences, each followed by its meaning. Assigning an invalid value raises ValidationError."""

    model_config = ConfigDict(
        validate_assignment=True, extra="ignore", ser_json_bytes="base64", val_json_bytes="base64"
    )

    version: int = VERSION
    """Form of the file."""
    theme: Literal["system", "light", "dark"] = "system"
    """Colours of the window."""
    recent_projects: list[str] = Field(default_factory=list)
    """Projects opened before, the newest first."""
    geometry: bytes = b""
    """Place and size of the window, as Qt saves them."""
    layout: bytes = b""
    """Arrangement of the panes, as Qt saves it."""
    font_scale: float = Field(default=1.0, ge=0.5, le=3.0)
    """Size of text relative to the system's."""
    grace_s: float = Field(default=30.0, ge=0.0, le=3600.0)
    """Seconds an aborted job has to stop by itself before it is ended."""
    queue_per_gpu: bool = True
    """Run! lets jobs for the same GPU (or the CPU) wait for each other."""
    cpu_jobs: int = Field(default=1, ge=1, le=64)
    """How many jobs may compute on the CPU at the same time."""
    gpu_busy_percent: float = Field(default=25.0, ge=1.0, le=100.0)
    """A GPU of whose memory other programs hold more than this counts as busy."""
    refresh_s: float = Field(default=0.3, ge=0.1, le=60.0)
    """Seconds between two looks at the project and at the shown job."""
    log_history_mb: float = Field(default=2.0, ge=0.01, le=100.0)
    """How much of a long log is shown at first, in MiB."""
    notify_end: bool = True
    """Tell with a notification of the desktop when a job ends."""
    flowchart_down: bool = True
    """The flowchart grows downwards, not to the right."""
    flowchart_zoom: float = Field(default=0.0, ge=0.0, le=10.0)
    """Zoom of the flowchart, 0 = as it fits."""
    tomo: bool = False
    """Offer the job types for tomograms instead of those for single particles."""
    show_advanced: bool = True
    """Show the tabs with options for advanced use."""

    _warnings: list[str] = PrivateAttr(default_factory=list)
    _unknown: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be used when the settings were read, one sentence each."""
        return tuple(self._warnings)

    @classmethod
    def load(cls, path: Path | None = None) -> Settings:
        """Read the settings; see :func:`load`."""
        return load(path)

    def save(self, path: Path | None = None) -> bool:
        """Write the settings; see :func:`save`."""
        return save(self, path)

    def add_recent(self, project: str | Path) -> None:
        """Put a project at the head of the recent ones."""
        text = str(Path(project).resolve())
        others = [known for known in self.recent_projects if known != text]
        self.recent_projects = [text, *others][:_MAX_RECENT]


def settings_path() -> Path:
    """Return the place of the settings file (below XDG_CONFIG_HOME on Linux)."""
    return platformdirs.user_config_path("heteroscope") / "settings.json"


def load(path: Path | None = None) -> Settings:
    """Read the settings, whatever state the file is in.

    Parameters
    ----------
    path
        The file; None = the user's own.

    Returns
    -------
    Settings
        Invalid entries have their default and are named in ``.warnings``; unknown ones are kept aside
        and written back, so that an older version does not lose what a newer one stored.
    """
    path = path or settings_path()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        return _with_warnings(
            Settings(), [f"{path}: the settings could not be read ({error}); defaults are used."]
        )
    if not isinstance(stored, dict):
        return _with_warnings(Settings(), [f"{path}: the settings are not a JSON object; defaults are used."])
    stored = _migrate(stored)
    known = Settings.model_fields
    good: dict[str, Any] = {}
    warnings: list[str] = []
    for name, value in stored.items():
        if name not in known or name == "version":
            continue
        try:
            one = Settings.model_validate_json(json.dumps({name: value}))
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            warnings.append(f"{path}: '{name}' is not usable ({reason}); the default is used.")
        else:
            good[name] = getattr(one, name)
    settings = _with_warnings(Settings(**good), warnings)
    settings._unknown.update({name: value for name, value in stored.items() if name not in known})
    return settings


def _with_warnings(settings: Settings, warnings: list[str]) -> Settings:
    for text in warnings:
        _log.warning(text)
    settings._warnings.extend(warnings)
    return settings


def _migrate(stored: dict[str, Any]) -> dict[str, Any]:
    """Bring an older form up to date; there is none before version 1 yet."""
    return stored


def save(settings: Settings, path: Path | None = None) -> bool:
    """Write the settings (temporary name, then rename).

    Returns
    -------
    bool
        False when that was not possible (full disk, no permission): preferences are not worth an error.
    """
    path = path or settings_path()
    content = {**settings._unknown, **json.loads(settings.model_dump_json())}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        _log.warning("%s: the settings could not be written (%s).", path, error)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        return False
    return True
