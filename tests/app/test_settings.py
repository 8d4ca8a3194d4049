"""Preferences survive damage, older and newer versions, and places that cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings, load, save, settings_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def test_that_every_field_comes_back_as_it_was_saved(path: Path) -> None:
    settings = Settings(
        theme="dark", geometry=bytes(range(256)), layout=b"\x00\xff", grace_s=5.5, queue_per_gpu=True
    )
    settings.add_recent("/data/project")
    assert save(settings, path)
    assert load(path).model_dump() == settings.model_dump()
    assert [p.name for p in path.parent.iterdir()] == ["settings.json"]


def test_that_there_are_defaults_where_there_is_no_file(path: Path) -> None:
    assert load(path).model_dump() == Settings().model_dump()
    assert load(path).warnings == ()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00\x01", '"text"'])
def test_that_a_damaged_file_gives_defaults_and_a_warning(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    settings = load(path)
    assert settings.model_dump() == Settings().model_dump()
    assert len(settings.warnings) == 1
    assert str(path) in settings.warnings[0]


def test_that_invalid_entries_are_dropped_one_by_one(path: Path) -> None:
    path.parent.mkdir()
    stored = {"theme": "purple", "grace_s": -1, "layout": 7, "font_scale": 1.5, "recent_projects": ["/a"]}
    path.write_text(json.dumps(stored))
    settings = load(path)
    assert (settings.theme, settings.grace_s, settings.layout) == ("system", 30.0, b"")
    assert (settings.font_scale, settings.recent_projects) == (1.5, ["/a"])
    assert sorted(text.split("'")[1] for text in settings.warnings) == ["grace_s", "layout", "theme"]


def test_that_entries_of_a_newer_version_survive_saving(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"version": 99, "hologram": {"on": True}, "theme": "light"}))
    settings = load(path)
    assert settings.theme == "light"
    assert save(settings, path)
    assert json.loads(path.read_text())["hologram"] == {"on": True}


def test_that_a_folder_in_the_place_of_the_file_prevents_nothing(path: Path) -> None:
    path.mkdir(parents=True)
    settings = load(path)
    assert settings.warnings
    assert save(settings, path) is False


def test_that_an_invalid_value_can_not_be_assigned() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.theme = "purple"  # type: ignore[assignment]
    assert settings.theme == "system"


def test_that_recent_projects_are_unique_and_the_newest_comes_first(tmp_path: Path) -> None:
    settings = Settings()
    for number in [*range(20), 7]:
        settings.add_recent(tmp_path / f"p{number}")
    names = [Path(text).name for text in settings.recent_projects]
    assert names[:3] == ["p7", "p19", "p18"]
    assert len(names) == len(set(names)) == 12


def test_that_the_file_lies_where_the_desktop_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_path() == tmp_path / "heteroscope" / "settings.json"
