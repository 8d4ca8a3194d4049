"""Whether neighbours in a tomogram are alike: a sentence, the numbers, and what chance would give."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget

from jobs.core.figures import Figure, Mark, Series
from jobs.core.placing import NeighbourFacts
from widgets import style
from widgets.figure_plot import FigurePlot

_BINS = 24


class NeighbourPanel(QWidget):
    """Shows how particles compare with their nearest neighbours.

    Signals
    -------
    wanted
        Compare now.
    """

    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tomogram_neighbours")
        about = QLabel(
            "Is the nearest neighbour of a particle in the same state? Compared with the same particles "
            "when their values are shuffled within each tomogram.",
            wordWrap=True,
        )
        style.set_role(about, "caption")
        self.every = QCheckBox("All tomograms")
        self.every.setObjectName("tomogram_neighbours_all")
        self.every.setChecked(True)
        self.button = QPushButton("Compare neighbours")
        self.button.setObjectName("tomogram_neighbours_compare")
        self.button.clicked.connect(self.wanted)
        self.sentence = QLabel("", wordWrap=True)
        self.sentence.setObjectName("tomogram_neighbours_sentence")
        self.distances, self.chance = FigurePlot(), FigurePlot()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SMALL, style.SMALL, style.SMALL, style.SMALL)
        layout.setSpacing(style.SMALL)
        for widget in (about, self.every, self.button, self.sentence):
            layout.addWidget(widget)
        for plot in (self.distances, self.chance):
            plot.setMinimumHeight(150)
            plot.setMaximumHeight(240)
            plot.hide()
            layout.addWidget(plot, 1)
        layout.addStretch(1)

    def show_facts(self, facts: NeighbourFacts) -> None:
        """Show a comparison."""
        style.set_role(self.sentence, "")
        self.sentence.setText(facts.sentence)
        share, edges = _histogram(facts.distance_a)
        self.distances.set_figure(
            Figure(
                "histogram",
                "neighbours",
                "Distance to the nearest neighbour",
                "Å",
                "%",
                edges,
                (Series(f"median {facts.median_a:,.0f} Å", share),),
            )
        )
        self.distances.show()
        known = np.isfinite(facts.agreement) and len(facts.shuffled) > 0
        self.chance.setVisible(bool(known))
        if known:
            scale = 100.0 if facts.is_share else 1.0
            both = np.append(facts.shuffled, facts.agreement) * scale
            share, edges = _histogram(facts.shuffled * scale, (float(both.min()), float(both.max())))
            unit = "% of neighbours alike" if facts.is_share else "correlation of neighbours"
            found = f"{scale * facts.agreement:.0f} %" if facts.is_share else f"{facts.agreement:.2f}"
            self.chance.set_figure(
                Figure(
                    "histogram",
                    "neighbours",
                    "Against shuffled values",
                    unit,
                    "%",
                    edges,
                    (Series(f"shuffled {len(facts.shuffled)} times", share, colour=1),),
                    marks=(Mark(scale * facts.agreement, f"found {found}"),),
                )
            )

    def show_problem(self, text: str) -> None:
        """Say why there is no comparison."""
        style.set_role(self.sentence, "problem")
        self.sentence.setText(text)
        self.distances.hide()
        self.chance.hide()


def _histogram(
    values: np.ndarray, limits: tuple[float, float] | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    finite = np.asarray(values, float)[np.isfinite(values)]
    low, high = limits or (0.0, float(finite.max()) if finite.size else 1.0)
    pad = 0.04 * (high - low) or 0.5
    span = (low if limits is None else low - pad, high + pad)
    counts, edges = np.histogram(finite, _BINS, span)
    return tuple((100 * counts / max(1, len(finite))).tolist()), tuple(edges.tolist())
