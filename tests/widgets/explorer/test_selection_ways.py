"""Selection by groups, by distance, and by kept selections, by the controls that a person uses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from jobs.explore.clusters import groups
from tests.support.exploring import BlobServices
from widgets.explorer.explorer import Explorer
from widgets.explorer.label_lists import read_numbers, write_numbers
from widgets.explorer.named_sets import united
from widgets.explorer.selection_panel import SelectionPanel

Open = Callable[..., Explorer]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(light: QApplication, qtbot: QtBot) -> SelectionPanel:
    """A panel for ten particles."""
    made = SelectionPanel()
    qtbot.addWidget(made)
    made.set_count(10)
    made.show()
    return made


def press(qtbot: QtBot, panel: SelectionPanel, name: str) -> None:
    button = panel.findChild(QToolButton, f"explorer_{name}")
    assert button is not None and button.isEnabled() and button.isVisible()
    qtbot.mouseClick(button, LEFT)


def rows(panel: SelectionPanel) -> list[int]:
    mask = panel.selection.mask
    assert mask is not None
    return np.flatnonzero(mask).tolist()


def test_that_lists_of_groups_are_read_as_people_write_them() -> None:
    assert read_numbers("1, 3, 5-7", 9) == [1, 3, 5, 6, 7]
    assert read_numbers(" 7 - 8 2", 8) == [2, 7, 8]
    assert write_numbers([7, 1, 3, 5, 6]) == "1, 3, 5-7"
    for text, said in (("", "which groups"), ("a", "no number"), ("9", "no group 9"), ("3-2", "no group")):
        with pytest.raises(ValueError, match=said):
            read_numbers(text, 8)


def test_that_kept_selections_are_united_intersected_subtracted_and_inverted() -> None:
    a, b = np.arange(8) < 5, np.arange(8) % 2 == 0
    assert np.array_equal(united([a, b], "union"), a | b)
    assert np.array_equal(united([a, b], "intersection"), a & b)
    assert np.array_equal(united([a, b], "difference"), a & ~b)
    assert np.array_equal(united([a, b], "others"), ~(a | b))


def test_that_selections_are_kept_by_name_and_combined_by_the_buttons(
    qtbot: QtBot, panel: SelectionPanel
) -> None:
    named = panel.ways.named
    press(qtbot, panel, "by_named")
    assert not named.keep_button.isEnabled()
    panel.combine(np.arange(10) < 5, words="low")
    qtbot.keyClicks(named.name, "low")
    qtbot.keyClick(named.name, Qt.Key.Key_Return)
    panel.combine(np.arange(10) % 2 == 0, words="even")
    press(qtbot, panel, "named_keep")
    assert named.names() == ["low", "selection 2"]
    assert [named.list.item(k).text() for k in range(2)] == ["low · 5", "selection 2 · 5"]
    named.choose("low", "selection 2")
    press(qtbot, panel, "named_intersection")
    assert rows(panel) == [0, 2, 4]
    press(qtbot, panel, "named_difference")
    assert rows(panel) == [1, 3]
    press(qtbot, panel, "named_others")
    assert rows(panel) == [5, 7, 9]
    panel.set_mode("add")
    named.choose("low")
    press(qtbot, panel, "named_union")
    assert rows(panel) == [0, 1, 2, 3, 4, 5, 7, 9]
    assert panel.selection.history[-1].startswith("Added low") or "low" in panel.selection.history[-1]
    press(qtbot, panel, "named_forget")
    assert named.names() == ["selection 2"]
    panel.set_count(4)
    assert not named.names()


def test_that_one_part_is_open_at_a_time(qtbot: QtBot, panel: SelectionPanel) -> None:
    press(qtbot, panel, "by_outliers")
    press(qtbot, panel, "by_threshold")
    assert panel.threshold.isVisible() and not panel.ways.outliers.isVisible()
    press(qtbot, panel, "by_groups")
    assert panel.ways.groups.isVisible() and not panel.threshold.isVisible()


def test_that_outliers_are_those_beyond_mean_plus_so_many_deviations(
    qtbot: QtBot, panel: SelectionPanel, rng: np.random.Generator
) -> None:
    latent = rng.normal(size=(10, 3))
    latent[4], latent[7] = 40.0, np.nan
    panel.ways.outliers.set_latent(latent)
    press(qtbot, panel, "by_outliers")
    assert panel.ways.outliers.count.value() == 1.5
    qtbot.mouseClick(panel.ways.outliers.apply_button, LEFT)
    norms = np.delete(np.linalg.norm(latent, axis=1), 7)
    assert panel.ways.outliers.limit == pytest.approx(norms.mean() + 1.5 * norms.std())
    assert rows(panel) == [4]


def test_that_a_mixture_says_how_likely_its_groups_are_and_the_seed_decides(
    rng: np.random.Generator,
) -> None:
    truth = np.repeat([0, 1], [300, 200])
    points = rng.normal(size=(500, 2)) * (3.0, 0.3) + np.array([(0, 0), (0, 3)])[truth]
    found = groups(points, "gmm", 2, 7)
    assert (found.labels == truth).mean() > 0.99
    assert found.probability is not None
    assert found.probability.min() >= 0.5 and found.probability.mean() > 0.99
    again = groups(points, "gmm", 2, 7)
    assert np.array_equal(again.labels, found.labels)
    # between the two groups nothing is sure
    middle = np.abs(points[:, 1] - 1.5) < 0.3
    assert not middle.any() or found.probability[middle].mean() < found.probability[~middle].mean()
    assert groups(points, "kmeans", 2, 7).probability is None


def test_that_groups_found_in_the_explorer_are_selected_by_number_and_certainty(
    qtbot: QtBot, services: BlobServices, open_explorer: Open
) -> None:
    explorer = open_explorer(services)
    explorer.show_tab(explorer.selecting)
    press(qtbot, explorer.selecting, "by_groups")
    picker = explorer.selecting.ways.groups
    picker.method.setCurrentIndex(1)
    picker.seed.setValue(3)
    qtbot.mouseClick(picker.find_button, LEFT)
    qtbot.waitUntil(lambda: picker.labels is not None, timeout=30_000)
    assert "3 groups" in picker.text.text() and "probability" in picker.text.text()
    qtbot.waitUntil(
        lambda: (
            explorer.colours.shown is not None
            and explorer.colours.shown.order.source.key == "extra:cluster (mixture, 3, seed 3)"
        ),
        timeout=10_000,
    )
    assert any(s.key == "extra:probability (mixture, 3)" for s in explorer.colours.columns.sources)
    qtbot.keyClicks(picker.numbers, "1-2")
    picker.sure.setValue(80)
    expected = (picker.labels < 2) & (picker.probability >= 0.8)  # type: ignore[operator]
    assert picker.text.text() == f"{expected.sum():,} particles"
    qtbot.mouseClick(picker.apply_button, LEFT)
    assert np.array_equal(explorer.choice.mask, expected)
    picker.numbers.setText("4")
    assert "There is no group 4" in picker.text.text() and not picker.apply_button.isEnabled()
