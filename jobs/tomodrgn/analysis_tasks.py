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
    Task(
        "convergence",
        "Has it converged?",
        switch="do_convergence",
        worker="jobs.tomodrgn.convergence_task:run",
        requires=(_WEIGHTS,),
        next_step="summary.txt says what the heuristics mean; Train for more epochs goes on.",
    ),
    Task(
        "analyze_volumes",
        "Analyse volumes",
        switch="do_analyze_volumes",
        worker="jobs.tomodrgn.analyze_volumes:run",
        next_step="Volumes of each group are averaged in the folder of the k-means.",
    ),
    Task(
        "traverse",
        "Ways through the latent space",
        switch="do_traverse",
        worker="jobs.tomodrgn.traversal_files:run",
        requires=(_WEIGHTS,),
        next_step="Make volumes takes the written places as a file with latent places.",
    ),
)
