"""The ISAC2 job: its options, tasks and results."""

from __future__ import annotations

from typing import Final

from jobs.core.declaration import JobType, NodeSpec, RunningOptions, Task
from jobs.isac2.alignment_options import AlignmentOptions
from jobs.isac2.checks import CHECKS
from jobs.isac2.classification_options import ClassificationOptions, InputOptions
from jobs.isac2.input_facts import captions, images_suit
from jobs.isac2.next_steps import NEXT_STEPS
from jobs.isac2.task_options import TaskOptions

#: The classes for RELION, and the file that says that all results of a classification are written.
CLASSES: Final = "run_optimiser.star"
COMPLETE: Final = "results_complete"
#: Says that no limit, were it raised, would let the classification go on.
EXHAUSTED: Final = "nothing_left"
CLASSES_LABEL: Final = "OptimiserData.star.relion.class2d"
AVERAGES_LABEL: Final = "Image2DGroupMetadata.star.relion.classaverages"
PARTICLES_LABEL: Final = "ParticleGroupMetadata.star.relion.class2d"


class Isac2Options(TaskOptions, AlignmentOptions, ClassificationOptions, InputOptions, RunningOptions):
    """All options of an ISAC2 job; tabs stand in the order I/O, Classification, Alignment, Tasks, Running."""


JOB_TYPE = JobType(
    key="isac2",
    label="relion.external.isac2",
    directory="ISAC2",
    title="ISAC2 stable 2D classes",
    summary="Finds 2D classes of equal size whose members keep together when they are aligned again.",
    options=Isac2Options,
    module="jobs.isac2",
    tasks=(
        Task(
            "classify",
            "Classify",
            switch=None,
            worker="jobs.isac2.task_classify:run",
            many_devices=True,
            next_step=NEXT_STEPS["classify"],
        ),
        Task(
            "resume",
            "Go on with the classification",
            switch=None,
            worker="jobs.isac2.task_classify:run",
            many_devices=True,
            resumes=True,
            unless=(EXHAUSTED,),
            next_step=NEXT_STEPS["classify"],
        ),
        Task(
            "evaluate",
            "Write an evaluation report",
            switch="do_evaluate",
            worker="jobs.isac2.task_results:evaluate",
            requires=(CLASSES,),
            next_step=NEXT_STEPS["evaluate"],
        ),
        Task(
            "full_size",
            "Make full-size averages",
            switch="do_full_size",
            worker="jobs.isac2.task_full_size:full_size",
            requires=(CLASSES,),
            outputs=(NodeSpec("full_size/run_optimiser.star", CLASSES_LABEL),),
            next_step=NEXT_STEPS["full_size"],
        ),
        Task(
            "substack",
            "Write particles of chosen classes",
            switch="do_substack",
            worker="jobs.isac2.task_results:substack",
            requires=(CLASSES,),
            next_step=NEXT_STEPS["substack"],
        ),
        Task(
            "restart",
            "Restart after a main iteration",
            switch="do_restart",
            worker="jobs.isac2.task_classify:restart",
            many_devices=True,
            requires=("main001/finished",),
            next_step=NEXT_STEPS["classify"],
        ),
    ),
    checks=(*CHECKS, images_suit),
    captions=captions,
    classes="jobs.isac2.class_list:class_files",
    citation="Yang, Fang, Chittuluru, Asturias and Penczek (2012) Iterative stable alignment and clustering "
    "of 2D transmission electron microscope images. Structure 20, 237-247.",
    methods="Stable 2D class averages were found by iterative stable alignment and clustering (ISAC; Yang et "
    "al., 2012) as implemented in Heteroscope.",
    modes=("spa",),
    # Working images and the state of the run are read by nothing once it has ended, the pictures of
    # generations only by the gallery.
    clean_gently=("stack_ali2d*", "main*/generation*/original_class_averages*"),
    clean_harshly=("generations/*", "main*/generation*/*.hdf", "main*/class_averages.hdf"),
    result_files=(
        (CLASSES, "the classes for RELION's Select and for the gallery"),
        ("run_data.star", "particles in classes, with class and alignment"),
        ("run_classes.mrcs", "class averages"),
        ("run_unaccounted_data.star", "particles in no class, and why"),
        ("full_size/run_classes.mrcs", "class averages at the size of the images, corrected for the CTF"),
        ("class_averages.hdf", "class averages with their members, as SPHIRE reads them"),
        ("ordered_class_averages.hdf", "class averages in an order in which neighbours look alike"),
        ("all_parameters.txt", "alignment of every particle"),
        ("evaluation/report.html", "evaluation report"),
    ),
)
