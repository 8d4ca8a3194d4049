"""Files of ways through a latent space, and the tasks that write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import UserError
from jobs.formats.pickles import read_pickles, write_pickles
from jobs.tomodrgn import analysis_plots as plots
from jobs.tomodrgn.analysis_latent import Floats, pca
from jobs.tomodrgn.analysis_staging import Reporter, staged
from jobs.tomodrgn.traversal import Graph, along_components, count_near, neighbour_graph, shortest_path

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.tomodrgn.params import TomoDrgnOptions

Array = NDArray[Any]

#: Steps of a graph that are drawn.
_MOST_EDGES: Final = 20_000


def write_components(
    z: Floats,
    out: Path,
    reporter: Reporter,
    *,
    components: Sequence[int] | None = None,
    n: int = 10,
    limits: tuple[float, float] = (5.0, 95.0),
    percentiles: bool = False,
) -> list[Path]:
    """Write ``pc<i>.txt`` with the latent places along each component; tells how many particles are near."""
    found = along_components(z, components, n, limits, percentiles)
    with staged(out) as place:
        for k, places in found.items():
            np.savetxt(place / f"pc{k + 1}.txt", places, fmt="%.8g")
            near = " ".join(map(str, count_near(z, places).tolist()))
            reporter.say(f"PC{k + 1}: particles within a distance of 3 of each place: {near}")
    return [out / f"pc{k + 1}.txt" for k in found]


def write_path(
    z: Floats,
    anchors: Sequence[int],
    out: Path,
    reporter: Reporter,
    *,
    neighbours: int = 10,
    average: float | None = None,
    umap: Array | None = None,
    ending: str = "png",
) -> list[int]:
    """Write the way through anchors as indices and places, and pictures of it; returns its particles."""
    graph = neighbour_graph(z, neighbours, average, reporter.progress)
    reporter.say(
        f"{graph.edges.nnz} steps between {len(z):,} particles, none longer than {graph.longest:.4g}"
    )
    path = shortest_path(graph, anchors, reporter.progress)
    rows = np.array(path, np.int64)
    with staged(out) as place:
        np.savetxt(place / "path_particle_indices.txt", rows, fmt="%d")
        write_pickles(place / "path_particle_indices.pkl", rows)
        write_pickles(place / "path_particle_embeddings.pkl", z[rows].astype(np.float32))
        np.savetxt(place / "z_values.txt", z[rows], fmt="%.8g")
        shown = pca(z).coordinates[:, :2] if z.shape[1] > 1 else np.column_stack([z[:, 0], z[:, 0]])
        planes = [plots.Plane(shown, ("PC1", "PC2"), "latent_graph")]
        if umap is not None:
            planes.append(plots.Plane(umap, ("UMAP1", "UMAP2"), "umap_graph"))
        for plane in planes:
            _save_graph(graph, plane, None, place / f"{plane.stem}.{ending}")
            _save_graph(graph, plane, rows, place / f"{plane.stem}_path.{ending}")
    steps = np.linalg.norm(np.diff(z[rows], axis=0), axis=1)
    reporter.say(f"The way has {len(path):,} particles and a length of {steps.sum():.4g}")
    return path


def _save_graph(graph: Graph, plane: plots.Plane, path: Array | None, target: Path) -> None:
    from matplotlib.collections import LineCollection

    figure, (axes,) = plots.new_figure(size=5.0)
    plots.scatter(axes, plane, "0.7")
    edges = graph.edges.tocoo()
    some = np.random.default_rng(0).permutation(edges.nnz)[:_MOST_EDGES]
    begin, end = (index[some] for index in edges.coords)
    lines = np.stack([plane.points[begin], plane.points[end]], axis=1)
    axes.add_collection(LineCollection(list(lines), colors="0.8", linewidths=0.3, zorder=0))
    if path is not None:
        axes.plot(plane.points[path, 0], plane.points[path, 1], "o-", color="tab:red", markersize=3)
    plots.save(figure, target)


def umap_beside(z_file: Path, count: int) -> Array | None:
    """The UMAP of the same particles from the newest ``analyze.N`` beside a file of places, if there is one.

    Of ``z.N.pkl`` it is that of epoch N.
    """
    words = z_file.name.split(".")
    epoch = words[1] if len(words) > 2 and words[1].isdigit() else "*"
    found = sorted(
        z_file.parent.glob(f"analyze.{epoch}/umap.pkl"), key=lambda path: (len(path.parent.name), path)
    )
    if not found:
        return None
    plane = np.asarray(read_pickles(found[-1])[0])
    return plane if plane.shape == (count, 2) else None


def read_anchors(words: Sequence[str]) -> list[int]:
    """Read anchors: numbers of particles from 0, or files of such.

    Raises
    ------
    UserError
        When one is neither.
    """
    found: list[int] = []
    for word in words:
        if word.isdigit():
            found.append(int(word))
        elif Path(word).is_file():
            try:
                values = (
                    np.loadtxt(word, ndmin=1) if not word.endswith(".pkl") else read_pickles(Path(word))[0]
                )
                found += [int(value) for value in np.asarray(values).ravel()]
            except (OSError, ValueError) as error:
                raise UserError(f"these are no numbers of particles ({error})", path=Path(word)) from None
        else:
            raise UserError(f"an anchor is the number of a particle, from 0, not '{word}'")
    return found


def run(context: WorkerContext) -> None:
    """Write ways through the latent space into ``traversal.NNN``."""
    from jobs.tomodrgn.analyze import JobReporter, resolve_epoch
    from jobs.tomodrgn.old_folders import open_folder

    options = cast("TomoDrgnOptions", context.options)
    folder = open_folder(context.folder.path)
    number, key = resolve_epoch(folder, None if options.epoch < 0 else options.epoch)
    z = folder.latent(key)[0]
    out = context.folder.path / f"traversal.{context.run:03d}"
    reporter = JobReporter(context)
    anchors = read_anchors(options.traverse_anchors.replace(",", " ").split())
    if anchors:
        umap = umap_beside(context.folder.path / f"z.{number}.pkl", len(z))
        average = options.traverse_average or None
        write_path(
            z, anchors, out, reporter, neighbours=options.traverse_neighbours, average=average, umap=umap
        )
    else:
        write_components(
            z, out, reporter, n=options.traverse_points, percentiles=options.traverse_percentiles
        )
    context.say(f"The places are in {context.folder.name}{out.name}/; Make volumes takes them as a file")
