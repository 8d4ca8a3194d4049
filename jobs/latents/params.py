"""The job that opens a latent space of another program: its options and tasks."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, JobType, Kind, RunningOptions, Task, option
from jobs.latents.checks import CHECKS

PARTICLE_KINDS: Final = ("automatic", "single particles", "tilt series")
KERNEL_NAMES: Final = ("epanechnikov", "gaussian")
CONTRAST_CHOICES: Final = ("automatic", "white", "dark")
_LATENT_FILES: Final = "*.pkl *.npy *.cs *.csv *.txt *.star"


def _io(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="I/O", kind=kind, enabled="new", **details)


def _volumes(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="Volumes", kind=kind, enabled="new", **details)


class _FileOptions(JobOptions):
    """Tab I/O: particles, and their latent places."""

    fn_particles: str = _io(
        "",
        kind=Kind.INPUT_NODE,
        label="Particles:",
        help="The particle file of the job that made the latent space, with poses: a STAR file of single "
        "particles or of tilt series, an optimisation set, or the particles .cs file of cryoSPARC.",
        node_labels=(
            "ParticleGroupMetadata.star.relion",
            "ParticleGroupMetadata.star.relion.tomo",
            "ParticleGroupMetadata.star",
            "ParticleGroupMetadata",
            "TomoOptimisationSet.star.relion",
            "TomoOptimisationSet",
        ),
        pattern="*.star *.cs",
        required=True,
    )
    fn_latent: str = _io(
        "",
        kind=Kind.FILE,
        label="Latent coordinates:",
        help="z.pkl or z.N.pkl of cryoDRGN or tomoDRGN; latent_coords.npy or embeddings.pkl of RECOVAR; the "
        "particles .cs file of 3D Variability or 3D Flex; or a table (.npy, .csv, .txt, .star) with a row "
        "per particle. Rows are matched by identifier or name where the file has them; otherwise by order, "
        "and the numbers must fit.",
        pattern=_LATENT_FILES,
        required=True,
    )
    fn_config: str = _io(
        "",
        kind=Kind.FILE,
        label="Its config (optional):",
        help="config.yaml or config.pkl of the training: tells which particles it took (--ind). Empty: the "
        "one beside the latent file.",
        pattern="*.yaml *.yml *.pkl",
    )
    columns: str = _io(
        "",
        kind=Kind.TEXT,
        label="Which coordinates (optional):",
        help="Numbers from 1, ranges and names: 1-4, or the columns of a table. Of RECOVAR's embeddings.pkl "
        "the latent space may stand before a colon, as 10: for ten dimensions. Empty: all.",
    )
    particle_kind: str = _io(
        "automatic",
        kind=Kind.CHOICE,
        label="Kind of particles:",
        help="Files with one row per image of a tilt series look like those of single particles. Automatic: "
        "told by the columns and by the number of latent places.",
        choices=PARTICLE_KINDS,
    )


class _VolumeOptions(JobOptions):
    """Tab Volumes: how states become volumes."""

    nr_volumes: int = _volumes(
        6,
        kind=Kind.INTEGER,
        label="Number of volumes:",
        help="Volumes are made at the centres of so many groups of particles (k-means). Any other state can "
        "be looked at in the explorer.",
        minimum=0,
        low=0,
        high=20,
        step=1,
    )
    effective: int = _volumes(
        0,
        kind=Kind.INTEGER,
        label="Particles per volume (0: automatic):",
        help="So many particles near a state make its volume, counted with their weights: the width of the "
        "kernel follows from it. Few show rare states, many show more detail. Automatic: a tenth of the "
        "particles, but no more than 2000 (20 000 images), and at least 100.",
        minimum=0,
        low=0,
        high=5000,
        step=100,
    )
    kernel: str = _volumes(
        "epanechnikov",
        kind=Kind.CHOICE,
        label="Kernel:",
        help="How the weight of a particle falls with its distance in latent space. Epanechnikov reads the "
        "images of near particles only; Gaussian has a longer tail.",
        choices=KERNEL_NAMES,
    )
    contrast: str = _volumes(
        "automatic",
        kind=Kind.CHOICE,
        label="Protein in the images is:",
        help="Automatic: white for single particles; found from a first map for tilt series.",
        choices=CONTRAST_CHOICES,
    )
    seed: int = _volumes(
        0,
        kind=Kind.INTEGER,
        label="Random seed:",
        help="For half-sets where the particle file has none, and for groups.",
        minimum=0,
        low=0,
        high=100,
        step=1,
    )


class _CompareOptions(JobOptions):
    """Tab Compare: the same particles in another latent space."""

    do_compare: bool = option(
        False,
        label="Compare with another latent space?",
        help="Do both say the same of the particles? Measured by the neighbours that a particle has in both, "
        "and by canonical correlations of halves that were not fitted.",
        tab="Compare",
        kind=Kind.YESNO,
        enabled="continue",
    )
    fn_other: str = option(
        "",
        label="The other one:",
        help="A latent file, or the folder of another job of this type.",
        tab="Compare",
        kind=Kind.FILE,
        pattern=_LATENT_FILES,
        when="do_compare",
    )
    nr_neighbours: int = option(
        20,
        label="Neighbours:",
        help="How many nearest neighbours of a particle are compared.",
        tab="Compare",
        kind=Kind.INTEGER,
        minimum=1,
        low=1,
        high=100,
        step=1,
        when="do_compare",
    )


class LatentsOptions(_CompareOptions, _VolumeOptions, _FileOptions, RunningOptions):
    """All options of a job that opens a latent space."""


JOB_TYPE = JobType(
    key="latents",
    label="relion.external.latents",
    directory="Latents",
    title="Open a latent space",
    summary="Opens latent coordinates of cryoDRGN, RECOVAR or cryoSPARC in the explorer, with volumes.",
    options=LatentsOptions,
    module="jobs.latents",
    tasks=(
        Task(
            "open",
            "Open",
            switch=None,
            worker="jobs.latents.run:run",
            next_step="Press Explore to walk through the latent space: each state gets its volume from the "
            "particles near it.",
        ),
        Task(
            "again",
            "Open again",
            switch=None,
            worker="jobs.latents.run:run",
            resumes=True,
            unless=("volumes/volumes.csv",),
        ),
        Task(
            "compare",
            "Compare",
            switch="do_compare",
            worker="jobs.latents.run_compare:run",
            requires=("latents.json",),
            next_step="Numbers and a sentence are in comparison.json and in the log.",
        ),
    ),
    checks=CHECKS,
    explorer="jobs.latents.explorer_source:source",
    methods="Volumes of states were reconstructed by kernel regression from the particle images with "
    "Heteroscope.",
    result_files=(
        ("latents.csv", "every particle with its latent coordinates"),
        ("latent.npy", "latent coordinates"),
        ("volumes/volumes.csv", "where the volumes are in latent space, and their resolution"),
        ("comparison.json", "how far another latent space says the same"),
    ),
)
