"""The DynaMight job: RELION's options, names and rules, the original's further options, the tasks."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import JobOptions, JobType, Kind, NodeSpec, RunningOptions, Task, option
from jobs.dynamight.advanced import AdvancedOptions
from jobs.dynamight.atomic_options import AtomicOptions, check_atomic_model
from jobs.dynamight.backproject_options import BackprojectOptions
from jobs.dynamight.bodies_options import BODIES_STAR, MOTIONS_STAR, BodiesOptions, check_bodies
from jobs.dynamight.checks import CHECKPOINTS, CHECKS, FINAL_CHECKPOINT
from jobs.dynamight.cleaning import CLEAN_GENTLY, CLEAN_HARSHLY
from jobs.dynamight.inverse_options import InverseOptions
from jobs.dynamight.next_steps import NEXT_STEPS
from jobs.dynamight.rigid_options import RigidOptions, check_rigid

__all__ = [
    "CHECKPOINTS",
    "FINAL_CHECKPOINT",
    "HALF_MAP_LABEL",
    "INVERSE_CHECKPOINT",
    "JOB_TYPE",
    "DynaMightOptions",
]

INVERSE_CHECKPOINT = "inverse_deformations/inv_chkpt.pth"
HALF_MAP_LABEL = "DensityMap.mrc.relion.halfmap.dynamight"


def _io(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="I/O", kind=kind, **details)


def _task(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="Tasks", kind=kind, **details)


class _IoOptions(JobOptions):
    """Tab I/O: what the motions are estimated from."""

    fn_star: str = _io(
        "",
        kind=Kind.INPUT_NODE,
        label="Input images STAR file:",
        help="Particles with poses, from a refinement: their motions are estimated. Particle images, "
        "defoci, angles and shifts are read from here. Refine to the best consensus map first.",
        node_labels=(
            "ParticleGroupMetadata.star.relion",
            "ParticleGroupMetadata.star",
            "ParticleGroupMetadata",
        ),
        pattern="*.star *.cs",
        enabled="new",
        required=True,
        cli=("--refinement-star-file",),
    )
    fn_map: str = _io(
        "",
        kind=Kind.INPUT_NODE,
        label="Consensus map:",
        help="Map of the same refinement, in the box and with the pixel size of the particles. The Gaussians "
        "start in its density. Without a map they start from a reconstruction of the particles.",
        node_labels=("DensityMap.mrc", "DensityMap"),
        pattern="*.mrc *.map",
        enabled="new",
        cli=("--initial-model",),
    )
    nr_gaussians: int = _io(
        10000,
        kind=Kind.INTEGER,
        label="Number of Gaussians:",
        help="How many Gaussians describe the molecule. One or two per amino acid or nucleotide are a good "
        "start; more describe finer motions and take longer.",
        low=5000,
        high=40000,
        step=1000,
        minimum=1,
        enabled="new",
        cli=("--n-gaussians",),
    )
    initial_threshold: float | None = _io(
        None,
        kind=Kind.NUMBER,
        label="Initial map threshold (optional):",
        help="Density level above which Gaussians are placed. Choose it so that flexible parts are still "
        "seen at this level and noise in the solvent is not. Empty: found automatically.",
        enabled="new",
        cli=("--initial-threshold",),
    )
    reg_factor: float = _io(
        1.0,
        kind=Kind.NUMBER,
        label="Regularization factor:",
        help="Weight of the restraints on the motion relative to the images. Above 1 the motion is smoother "
        "and smaller, below 1 it is freer and noisier.",
        low=0.2,
        high=5,
        step=0.1,
        minimum=0,
        enabled="new",
        cli=("--regularization-factor",),
    )
    fn_dynamight_exe: str = _io(
        "relion_python_dynamight",
        kind=Kind.TEXT,
        label="DynaMight executable:",
        help="Program that RELION calls when this job is started from RELION. Started from here, the job "
        "runs inside this program and the field has no effect.",
        enabled="new",
    )
    gpu_id: str = _io(
        "0",
        kind=Kind.GPU,
        multiple=True,
        label="Which (single) GPU to use:",
        help="Number of a GPU, as nvidia-smi counts. Several, such as 0,1, share the training: the results "
        "are the same; with two GPUs, each trains one half-set. Other tasks use the first. Empty or cpu: no "
        "GPU. On a computer without any GPU the processor is used.",
        cli=("--gpu-id",),
    )
    do_preload: bool = _io(
        False,
        kind=Kind.YESNO,
        label="Preload images in RAM?",
        help="Yes: all particle images are read into memory once, which is faster if they fit. "
        "No: they are read from disk as needed.",
        cli=("--preload-images",),
    )


class _TaskOptions(JobOptions):
    """Tab Tasks: what can be done once the motions are known."""

    fn_checkpoint: str = _task(
        "",
        kind=Kind.FILE,
        label="Checkpoint file:",
        help="State of the trained model to work with. Empty: the final one of this job "
        "(checkpoint_final.pth).",
        pattern="*.pth",
        browse_from=CHECKPOINTS,
        enabled="continue",
        cli=("--checkpoint-file",),
    )
    do_visualize: bool = _task(
        False,
        kind=Kind.YESNO,
        label="Do visualization?",
        help="Opens the latent space beside the molecule, to look at its states and to make movies.",
        enabled="continue",
    )
    halfset: int = _task(
        1,
        kind=Kind.INTEGER,
        label="Half-set to visualize:",
        help="1 or 2: particles of that half-set. 0: particles held out for validation, for which both "
        "models are compared to show how certain the motion is.",
        low=0,
        high=2,
        step=1,
        minimum=0,
        maximum=2,
        when="do_visualize",
        cli=("--half-set",),
        cli_task="visualise",
    )
    do_inverse: bool = _task(
        False,
        kind=Kind.YESNO,
        label="Do inverse-deformation estimation?",
        help="Finds the way back, from the moved to the consensus structure, and measures the round trip. "
        "The deformed backprojection does without.",
        enabled="continue",
    )
    nr_epochs: int = _task(
        200,
        kind=Kind.INTEGER,
        label="Number of epochs to perform:",
        help="How often the networks for the way back see all particles. Without effect for the numerical "
        "method (the default, see the tab Advanced), which is more accurate and needs one pass.",
        low=50,
        high=500,
        step=10,
        minimum=1,
        when="do_inverse",
        cli=("--n-epochs",),
        cli_task="inverse",
    )
    do_store_deform: bool = _task(
        False,
        kind=Kind.YESNO,
        label="Store deformations in RAM?",
        help="Yes: the displaced places of all particles are kept in memory between the epochs of the "
        "networks for the way back. Without effect for the numerical method, which needs each only once.",
        when="do_inverse",
        cli=("--save-deformations",),
        cli_task="inverse",
    )
    do_reconstruct: bool = _task(
        False,
        kind=Kind.YESNO,
        label="Do deformed backprojection?",
        help="Reconstructs both half-maps with every particle's motion undone.",
        enabled="continue",
    )
    backproject_batchsize: int = _task(
        10,
        kind=Kind.INTEGER,
        label="Backprojection batchsize:",
        help="How many images are processed at once. Larger is faster and needs more GPU memory.",
        low=1,
        high=500,
        step=10,
        minimum=1,
        when="do_reconstruct",
        cli=("--batch-size", "--backprojection-batch-size"),
        cli_task="reconstruct",
    )


class DynaMightOptions(
    BackprojectOptions,
    InverseOptions,
    RigidOptions,
    AtomicOptions,
    AdvancedOptions,
    BodiesOptions,
    _TaskOptions,
    _IoOptions,
    RunningOptions,
):
    """All options of a DynaMight job; the tabs stand in the order I/O, Tasks, Advanced, Running."""


JOB_TYPE = JobType(
    key="dynamight",
    label="dynamight",
    directory="DynaMight",
    title="DynaMight flexibility",
    summary="Learns how a molecule moves from the particles of a refinement, one motion per particle.",
    options=DynaMightOptions,
    module="jobs.dynamight",
    tasks=(
        Task(
            "train",
            "Estimate motions",
            switch=None,
            worker="jobs.dynamight.train:run",
            many_devices=True,
            next_step=NEXT_STEPS["train"],
        ),
        Task(
            "resume",
            "Resume the training",
            switch=None,
            worker="jobs.dynamight.train:run",
            many_devices=True,
            resumes=True,
            unless=(FINAL_CHECKPOINT,),
            next_step=NEXT_STEPS["train"],
        ),
        Task("visualise", "Visualise", switch="do_visualize", worker="", viewer=True),
        Task(
            "inverse",
            "Estimate inverse deformations",
            switch="do_inverse",
            worker="jobs.dynamight.inverse:run",
            next_step=NEXT_STEPS["inverse"],
        ),
        Task(
            "reconstruct",
            "Deformed backprojection",
            switch="do_reconstruct",
            worker="jobs.dynamight.backproject:run",
            outputs=(
                NodeSpec("backprojection/map_half1.mrc", HALF_MAP_LABEL),
                NodeSpec("backprojection/map_half2.mrc", HALF_MAP_LABEL),
            ),
            next_step=NEXT_STEPS["reconstruct"],
        ),
        Task(
            "masks",
            "Search for rigid bodies",
            switch="do_masks",
            worker="jobs.dynamight.bodies_masks:run",
        ),
        Task(
            "transforms",
            "Rigid-body transforms",
            switch="do_rigid_transforms",
            worker="jobs.dynamight.bodies_transforms:run",
        ),
    ),
    checks=(*CHECKS, check_rigid, check_atomic_model, check_bodies),
    explorer="jobs.dynamight.explorer_source:source",
    view="jobs.dynamight.viewing:from_options",
    view_commands=(("explore-latent-space", "jobs.dynamight.viewing:from_command"),),
    citation="Schwab et al. (2024) DynaMight: estimating molecular motions with improved reconstruction "
    "from cryo-EM images. Nature Methods, doi:10.1038/s41592-024-02377-5.",
    methods="Molecular motions were estimated with the DynaMight approach (Schwab et al., 2024) as "
    "implemented in Heteroscope.",
    modes=("spa",),
    clean_gently=CLEAN_GENTLY,
    clean_harshly=CLEAN_HARSHLY,
    result_files=(
        (FINAL_CHECKPOINT, "trained model"),
        ("forward_deformations/particles.star", "particles with latent coordinates and displacements"),
        ("forward_deformations/gaussian_errors.star", "Gaussians, how far they move, and how sure that is"),
        (INVERSE_CHECKPOINT, "inverse deformations"),
        ("backprojection/map_half1.mrc", "reconstruction of half-set 1 with the motion undone"),
        ("backprojection/map_half2.mrc", "reconstruction of half-set 2 with the motion undone"),
        ("backprojection/map.mrc", "mean of both without far solvent, to look at and to model in"),
        (BODIES_STAR, "rigid bodies for multi-body refinement"),
        (MOTIONS_STAR, "rotation and shift of every rigid body in every particle"),
    ),
)
