"""A project as people leave it after some weeks: branches, masks, a failure, aliases."""

from __future__ import annotations

from pathlib import Path

from app.project.project import Project

_LABELS = {
    "movies.star": "MicrographMovieGroupMetadata.star.relion",
    "micrographs.star": "MicrographGroupMetadata.star.relion",
    "picks.star": "MicrographCoordsGroup.star.relion",
    "particles.star": "ParticleGroupMetadata.star.relion",
    "optimiser.star": "OptimiserData.star.relion",
    "averages.star": "Image2DGroupMetadata.star.relion",
    "map.mrc": "DensityMap.mrc.relion",
    "half1.mrc": "DensityMap.mrc.relion.halfmap.refine3d",
    "half2.mrc": "DensityMap.mrc.relion.halfmap.refine3d",
    "mask.mrc": "Mask3D.mrc.relion",
    "fsc.star": "ProcessData.star.relion.postprocess",
    "forward.npz": "DensityMap.mrc.relion.halfmap.dynamight",
}
_REFINED = "particles.star map.mrc half1.mrc half2.mrc"
#: directory, label, alias, status, inputs as number/file, outputs
_STEPS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("Import", "relion.import.movies", "", "Succeeded", "", "movies.star"),
    ("MotionCorr", "relion.motioncorr.own", "", "Succeeded", "1/movies.star", "micrographs.star"),
    ("CtfFind", "relion.ctffind.ctffind4", "", "Succeeded", "2/micrographs.star", "micrographs.star"),
    ("AutoPick", "relion.autopick.log", "", "Succeeded", "3/micrographs.star", "picks.star"),
    ("Extract", "relion.extract", "", "Succeeded", "3/micrographs.star 4/picks.star", "particles.star"),
    ("Class2D", "relion.class2d", "first_classes", "Succeeded", "5/particles.star", "optimiser.star"),
    ("Select", "relion.select", "templates", "Succeeded", "6/optimiser.star", "averages.star particles.star"),
    (
        "AutoPick",
        "relion.autopick.ref2d",
        "",
        "Succeeded",
        "3/micrographs.star 7/averages.star",
        "picks.star",
    ),
    ("Extract", "relion.extract", "bin2", "Succeeded", "3/micrographs.star 8/picks.star", "particles.star"),
    ("Class2D", "relion.class2d", "", "Aborted", "9/particles.star", "optimiser.star"),
    ("Class2D", "relion.class2d", "", "Succeeded", "9/particles.star", "optimiser.star"),
    ("Select", "relion.select", "good_classes", "Succeeded", "11/optimiser.star", "particles.star"),
    ("InitialModel", "relion.initialmodel", "", "Succeeded", "12/particles.star", "map.mrc"),
    ("Class3D", "relion.class3d", "", "Succeeded", "12/particles.star 13/map.mrc", "optimiser.star map.mrc"),
    ("Select", "relion.select", "", "Succeeded", "14/optimiser.star", "particles.star"),
    ("Refine3D", "relion.refine3d", "consensus", "Succeeded", "15/particles.star 14/map.mrc", _REFINED),
    ("MaskCreate", "relion.maskcreate", "", "Succeeded", "16/map.mrc", "mask.mrc"),
    (
        "PostProcess",
        "relion.postprocess",
        "",
        "Succeeded",
        "16/half1.mrc 16/half2.mrc 17/mask.mrc",
        "fsc.star map.mrc",
    ),
    ("CtfRefine", "relion.ctfrefine", "", "Succeeded", "16/particles.star 18/fsc.star", "particles.star"),
    (
        "Polish",
        "relion.polish",
        "shiny",
        "Succeeded",
        "19/particles.star 18/fsc.star 2/micrographs.star",
        "particles.star",
    ),
    (
        "Refine3D",
        "relion.refine3d",
        "shiny_refined",
        "Succeeded",
        "20/particles.star 16/map.mrc 17/mask.mrc",
        _REFINED,
    ),
    ("Refine3D", "relion.refine3d", "", "Failed", "15/particles.star 13/map.mrc", _REFINED),
    ("DynaMight", "dynamight", "hinge", "Running", "21/particles.star 21/map.mrc 17/mask.mrc", "forward.npz"),
    ("Class3D", "relion.class3d", "", "Scheduled", "21/particles.star 21/map.mrc", "optimiser.star"),
    ("Import", "relion.import.other", "model", "Succeeded", "", "map.mrc"),
)


def make_workflow(path: Path) -> Project:
    """Make a project of 25 jobs; their folders hold nothing but what this program puts there."""
    path.mkdir(parents=True, exist_ok=True)
    project = Project.create(path)
    names: list[str] = []
    for directory, label, alias, status, inputs, outputs in _STEPS:
        given = []
        for word in inputs.split():
            number, _, file = word.partition("/")
            given.append((f"{names[int(number) - 1]}{file}", _LABELS[file]))
        made = [(file, _LABELS[file]) for file in outputs.split()]
        process = project.new_job(directory, label, inputs=given, outputs=made, alias=alias)
        names.append(process.name)
        if status != "Running":
            project.set_status(process.name, status)
    return project
