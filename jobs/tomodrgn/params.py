"""The tomoDRGN job: heterogeneity of particles of tilt series, its options and its tasks."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, JobType, Kind, RunningOptions, Task, option
from jobs.tomodrgn.analysis_options import AnalysisOptions
from jobs.tomodrgn.analysis_tasks import ANALYSIS_TASKS
from jobs.tomodrgn.captions import captions
from jobs.tomodrgn.checks import CHECKS
from jobs.tomodrgn.cleaning import CLEAN_GENTLY, CLEAN_HARSHLY
from jobs.tomodrgn.model_options import ModelOptions
from jobs.tomodrgn.next_steps import NEXT_STEPS
from jobs.tomodrgn.sources import SOURCES
from jobs.tomodrgn.task_options import TaskOptions
from jobs.tomodrgn.training_options import TrainingOptions

__all__ = ["CONTRASTS", "FINAL_WEIGHTS", "JOB_TYPE", "MODEL_KINDS", "TomoDrgnOptions"]

FINAL_WEIGHTS: Final = "weights.pkl"
MODEL_KINDS: Final = ("train_vae", "train_nn")
CONTRASTS: Final = ("auto", "white", "dark", "uninvert")
_WEIGHTS: Final = "weights.*.pkl"


def _io(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "new")
    return option(default, label=label, help=help, tab="I/O", kind=kind, **details)


class _IoOptions(JobOptions):
    """Tab I/O: the particles, and which model is trained on them."""

    fn_star: str = _io(
        "",
        "Input particles of tilt series:",
        "Particles with poses, extracted as series of 2D images: by Warp or M (one row per image), by "
        "WarpTools or RELION 5 (the optimisation set), or by nextPYP. Refine to the best consensus map "
        "first.",
        kind=Kind.INPUT_NODE,
        node_labels=(
            "ParticleGroupMetadata.star.relion.tomo",
            "ParticleGroupMetadata.star.relion",
            "ParticleGroupMetadata.star",
            "ParticleGroupMetadata",
            "TomoOptimisationSet.star.relion",
            "TomoOptimisationSet",
        ),
        pattern="*.star",
        required=True,
        cli=("--particles",),
    )
    datadir: str = _io(
        "",
        "Folder of the images (optional):",
        "Where the image stacks are, when they are not where the STAR file says.",
        kind=Kind.FOLDER,
        cli=("--datadir",),
    )
    model_kind: str = _io(
        "train_vae",
        "What is trained:",
        "train_vae: an encoder and a decoder, which give every particle a place in a latent space and a "
        "volume. train_nn: the decoder alone, one volume for all, to see what the data hold.",
        kind=Kind.CHOICE,
        choices=MODEL_KINDS,
    )
    zdim: int | None = _io(
        None,
        "Dimension of the latent space:",
        "How many numbers describe the state of a particle; needed for train_vae, without effect for "
        "train_nn. 8 to 128 are usual.",
        kind=Kind.INTEGER,
        minimum=1,
        maximum=1024,
        placeholder="8 to 128",
        cli=("--zdim",),
    )
    contrast: str = _io(
        "auto",
        "Sign of the images:",
        "auto: found from the data and stated in the log. white, dark: what protein is in the images. "
        "uninvert: as tomoDRGN takes them with --uninvert-data. A hollow map means the wrong choice.",
        kind=Kind.CHOICE,
        choices=CONTRASTS,
    )
    source_software: str = _io(
        "auto",
        "Who wrote the STAR file:",
        "auto: found from its columns and blocks. Anything else is compared with what is found, and refused "
        "when it is not so.",
        kind=Kind.CHOICE,
        choices=SOURCES,
        cli=("--source-software",),
    )
    angpix: float | None = _io(
        None,
        "Pixel size (optional):",
        "Overrides the pixel size of the STAR file, or stands in where it has none.",
        kind=Kind.NUMBER,
        minimum=0.001,
        unit="Å",
        cli=("--Apix", "--apix"),
    )
    fn_ind: str = _io(
        "",
        "Only these particles (optional):",
        "A .pkl, .npy or text file with numbers of particles, counted from 0 in the order in which the file "
        "names them first.",
        kind=Kind.FILE,
        pattern="*.pkl *.npy *.txt",
        cli=("--ind", "--ind-ptcls"),
    )
    fn_ind_imgs: str = _io(
        "",
        "Only these images (optional):",
        "A .pkl, .npy or text file with numbers of images, counted from 0 in the order of the file.",
        kind=Kind.FILE,
        pattern="*.pkl *.npy *.txt",
        cli=("--ind-imgs",),
    )
    load: str = _io(
        "",
        "Start from weights (optional):",
        "A weights.pkl of an earlier training with networks of the same shapes; latest: the newest "
        "checkpoint of this job.",
        kind=Kind.TEXT,
        cli=("--load",),
    )


class TomoDrgnOptions(
    AnalysisOptions, TaskOptions, TrainingOptions, ModelOptions, _IoOptions, RunningOptions
):
    """All options of a tomoDRGN job; the tabs stand in the order I/O, Model, Training, Tasks, Running."""


JOB_TYPE = JobType(
    key="tomodrgn",
    label="relion.external.tomodrgn",
    directory="TomoDRGN",
    title="TomoDRGN heterogeneity",
    summary="Learns the states of particles of tilt series and a volume for each, by networks.",
    options=TomoDrgnOptions,
    module="jobs.tomodrgn",
    tasks=(
        Task(
            "train",
            "Train",
            switch=None,
            worker="jobs.tomodrgn.train:run",
            many_devices=True,
            next_step=NEXT_STEPS["train"],
        ),
        Task(
            "resume",
            "Resume the training",
            switch=None,
            worker="jobs.tomodrgn.train:run",
            many_devices=True,
            resumes=True,
            unless=(FINAL_WEIGHTS,),
            next_step=NEXT_STEPS["train"],
        ),
        Task(
            "more",
            "Train for more epochs",
            switch="do_more_epochs",
            worker="jobs.tomodrgn.train:run",
            many_devices=True,
            requires=(_WEIGHTS,),
            next_step=NEXT_STEPS["train"],
        ),
        Task(
            "eval_vol",
            "Make volumes",
            switch="do_eval_vol",
            worker="jobs.tomodrgn.eval_vol:run",
            requires=(_WEIGHTS,),
            next_step=NEXT_STEPS["eval_vol"],
        ),
        Task(
            "eval_images",
            "Embed images",
            switch="do_eval_images",
            worker="jobs.tomodrgn.eval_images:run",
            requires=(_WEIGHTS,),
            next_step=NEXT_STEPS["eval_images"],
        ),
        Task(
            "backproject",
            "Backproject",
            switch="do_backproject",
            worker="jobs.tomodrgn.task_backproject:run",
            next_step=NEXT_STEPS["backproject"],
        ),
        Task(
            "filter",
            "Write a selection",
            switch="do_filter",
            worker="jobs.tomodrgn.task_filter:run",
            next_step=NEXT_STEPS["filter"],
        ),
        *ANALYSIS_TASKS,
    ),
    checks=CHECKS,
    captions=captions,
    explorer="jobs.tomodrgn.explorer_source:source",
    tomograms="jobs.tomodrgn.tomogram_source:places",
    citation="Powell and Davis (2024) Learning structural heterogeneity from cryo-electron sub-tomograms "
    "with tomoDRGN. Nature Methods, doi:10.1038/s41592-024-02210-z.",
    methods="Structural heterogeneity of particles of tilt series was learnt with the tomoDRGN approach "
    "(Powell and Davis, 2024) as implemented in Heteroscope.",
    modes=("tomo",),
    clean_gently=CLEAN_GENTLY,
    clean_harshly=CLEAN_HARSHLY,
    result_files=(
        ("config.pkl", "settings of the training"),
        (FINAL_WEIGHTS, "trained networks"),
        ("z.pkl", "latent place of every particle, and how sure it is"),
        ("reconstruct.mrc", "the volume of a train_nn model"),
        ("run.log", "losses of every epoch"),
    ),
)
