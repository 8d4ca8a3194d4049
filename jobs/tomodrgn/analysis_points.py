"""The particles of an analysis as a cloud of points that the window shows, with all their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from jobs.core.figures import Figure, Series
from jobs.tomodrgn.latent_columns import IMAGE_NAME, ParticleColumns

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.analysis_steps import Analysis

#: Columns at most, and of them components.
MOST: Final = 30
_COMPONENTS: Final = 8
_NAMES, _POINTS = "analyze_particle_names", "analyze_particles"


def point_columns(found: Analysis) -> dict[str, NDArray[np.float32]]:
    """Return the columns ``(P,)`` of the particles: plane, components, group, and numbers of their file."""
    columns: dict[str, NDArray[Any]] = {}
    if found.umap is not None:
        columns |= {f"UMAP{k + 1}": found.umap[:, k] for k in range(2)}
    coordinates = found.pca.coordinates
    columns |= {f"PC{k + 1}": coordinates[:, k] for k in range(min(_COMPONENTS, coordinates.shape[1]))}
    columns["group"] = found.groups.labels
    columns["norm of z"] = np.sqrt((coordinates.astype(float) ** 2).sum(1))
    if found.particles is not None:
        of_file = ParticleColumns(found.particles)
        for name in of_file:
            if len(columns) >= MOST:
                break
            if name == IMAGE_NAME:
                continue
            values = of_file[name]
            # what is the same for all tells nothing
            if values.dtype.kind in "iuf" and np.isfinite(values).any() and np.ptp(values) > 0:
                columns[name] = values
    return {name: np.asarray(values, np.float32) for name, values in columns.items()}


def show_points(context: WorkerContext, task: str, found: Analysis) -> None:
    """Write the cloud, coloured by group; nothing for a latent space of one dimension."""
    columns = point_columns(found)
    axes = ("UMAP1", "UMAP2") if found.umap is not None else ("PC1", "PC2")
    if not set(axes) <= set(columns):
        return
    context.save_snapshot(_POINTS, np.stack(list(columns.values()), axis=1))
    arrays = [_POINTS]
    if found.particles is not None:
        context.save_snapshot(_NAMES, ParticleColumns(found.particles)[IMAGE_NAME].astype(str))
        arrays.append(_NAMES)
    context.save_figure(
        "analyze_0_particles",
        Figure(
            kind="scatter",
            task=task,
            title="Particles",
            x_title=axes[0],
            y_title=axes[1],
            series=tuple(Series(name, ()) for name in columns),
            arrays=tuple(arrays),
            colour="group",
        ),
    )
