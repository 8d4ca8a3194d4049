"""Tasks that find out about a trained tomoDRGN job."""

from __future__ import annotations

from typing import Final

from jobs.core.tasks import Task

_WEIGHTS: Final = "weights.*.pkl"

ANALYSIS_TASKS: Final = (
    Task(
        "analyze",
        "Analyse the latent space",
        switch="do_analyze",
        worker="jobs.tomodrgn.analyze:run",
        requires=(_WEIGHTS,),
        next_step="Groups are selected in the explorer or by Write a selection; the notebook beside the "
        "plots opens the same results in Jupyter.",
    ),
)
