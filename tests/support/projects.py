"""Projects made for tests and benchmarks."""

from __future__ import annotations

from pathlib import Path

_TYPES = (
    ("Import", "relion.import.movies", "MicrographMovieGroupMetadata.star.relion", "movies.star"),
    ("MotionCorr", "relion.motioncorr.own", "MicrographGroupMetadata.star.relion", "micrographs.star"),
    ("Extract", "relion.extract", "ParticleGroupMetadata.star.relion", "particles.star"),
    ("Refine3D", "relion.refine3d", "ParticleGroupMetadata.star.relion.refine3d", "run_data.star"),
    ("DynaMight", "dynamight", "DensityMap.mrc.relion.halfmap.dynamight", "backprojection/map_half1.mrc"),
)


def make_big_project(path: Path, n_jobs: int, *, n_running: int = 0, directories: bool = False) -> Path:
    """Write a project of many jobs as RELION 5 leaves it, quickly: each job reads the one before it.

    Parameters
    ----------
    path
        Directory of the project; it is made.
    n_jobs
        Number of jobs, numbered from 1. Each makes four nodes.
    n_running
        How many of the last jobs count as running; the others have succeeded.
    directories
        Make the job directories as well (running jobs always have one).

    Returns
    -------
    Path
        The project file.
    """
    path.mkdir(parents=True, exist_ok=True)
    (path / ".gui_projectdir").touch()
    processes, nodes, inputs, outputs = [], [], [], []
    last = ""
    for number in range(1, n_jobs + 1):
        directory, label, node_label, file = _TYPES[(number - 1) % len(_TYPES)]
        name = f"{directory}/job{number:03d}/"
        running = number > n_jobs - n_running
        processes.append(f"{name} {'None':>10} {label} {'Running' if running else 'Succeeded':>10} ")
        if last:
            inputs.append(f"{last} {name} ")
        last = name + file
        for node in (last, name + "logfile.pdf", name + "run_half1.mrc", name + "run_half2.mrc"):
            nodes.append(f"{node} {node_label:>10} {1:>10} ")
            outputs.append(f"{name} {node} ")
        if directories or running:
            (path / name).mkdir(parents=True)
    tables = [
        (
            "pipeline_processes",
            ("ProcessName", "ProcessAlias", "ProcessTypeLabel", "ProcessStatusLabel"),
            processes,
        ),
        ("pipeline_nodes", ("NodeName", "NodeTypeLabel", "NodeTypeLabelDepth"), nodes),
        ("pipeline_input_edges", ("EdgeFromNode", "EdgeProcess"), inputs),
        ("pipeline_output_edges", ("EdgeProcess", "EdgeToNode"), outputs),
    ]
    text = f"\n# version 50001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter {n_jobs + 1:>23}\n \n"
    for name, labels, rows in tables:
        if rows:
            head = "".join(f"_rlnPipeLine{label} #{at} \n" for at, label in enumerate(labels, start=1))
            text += f"\n# version 50001\n\ndata_{name}\n\nloop_ \n{head}" + "\n".join(rows) + "\n \n"
    target = path / "default_pipeline.star"
    target.write_text(text)
    return target
