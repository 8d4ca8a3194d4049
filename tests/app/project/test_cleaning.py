"""Cleaning jobs by their type, gently and harshly, and taking it back; what jobs take on the disk."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from app.project.cleaning_rules import rule_for
from app.project.disk_use import DiskUse, in_words
from app.project.project import Project
from app.project.refinements import iteration_of
from jobs.core.errors import UserError
from tests.app.project.conftest import MAP, PARTICLES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipeliner.project_graph import ProjectGraph


def make_job(
    project: Project,
    directory: str,
    label: str,
    files: list[str],
    outputs: list[tuple[str, str]] | None = None,
    status: str = "Succeeded",
) -> str:
    """Enter a job with files of one hundred bytes each."""

    def prepare(folder: Path, _name: str) -> None:
        for file in files:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 100)

    return project.new_job(directory, label, outputs=outputs or [], status=status, prepare=prepare).name


def iterations(kind: str, *numbers: int) -> list[str]:
    return [f"run_it{number:03d}_{end}" for number in numbers for end in (f"{kind}", "optimiser.star")]


#: Directory, label, files that gentle cleaning takes, those that only harsh cleaning takes, those that stay.
CASES = [
    (
        "MotionCorr",
        "relion.motioncorr.own",
        ["Movies/a.log", "Movies/a.err"],
        ["Movies/a.mrc", "Movies/a.star"],
        ["corrected_micrographs.star", "logfile.pdf"],
    ),
    ("CtfFind", "relion.ctffind", ["Movies/a_avrot.txt", "gctf0.out"], [], ["micrographs_ctf.star"]),
    ("AutoPick", "relion.autopick.log", ["Movies/a.spi"], [], ["Movies/a_autopick.star", "summary.star"]),
    (
        "Extract",
        "relion.extract",
        ["Movies/a_extract.star"],
        ["Movies/a.mrcs"],
        ["particles.star"],
    ),
    ("Class2D", "relion.class2d", iterations("classes.mrcs", 0, 1), [], iterations("classes.mrcs", 2)),
    ("Class3D", "relion.class3d.tomo", iterations("class001.mrc", 24), [], iterations("class001.mrc", 25)),
    (
        "Refine3D",
        "relion.refine3d",
        iterations("half1_class001.mrc", 0, 1),
        [],
        [*iterations("half1_class001.mrc", 2), "run_data.star", "run_class001.mrc"],
    ),
    (
        "MultiBody",
        "relion.multibody",
        iterations("data.star", 0),
        ["analyse_component001_bin001.mrc"],
        [*iterations("data.star", 1), "analyse_eigenvectors.dat"],
    ),
    (
        "CtfRefine",
        "relion.ctfrefine",
        ["Movies/a_wAcc_optics-group_1.mrc", "Movies/a_fit.star"],
        [],
        ["particles_ctf_refine.star", "beamtilt_0.mrc"],
    ),
    (
        "Polish",
        "relion.polish",
        ["Movies/a_FCC_cc.mrc", "Movies/a_FCC_w0.mrc"],
        ["Movies/a_shiny.mrcs", "Movies/a_shiny.star"],
        ["shiny.star", "Movies/a_tracks.star"],
    ),
    (
        "Subtract",
        "relion.subtract",
        [],
        ["Particles/subtracted_rank1.mrcs"],
        ["particles_subtracted.star"],
    ),
    (
        "DynaMight",
        "dynamight",
        ["forward_deformations/checkpoints/004.pth"],
        ["snapshots/latent.npy", "forward_deformations/volumes/volume_half1_019.mrc"],
        ["forward_deformations/checkpoints/checkpoint_final.pth", "forward_deformations/particles.star"],
    ),
    ("PostProcess", "relion.postprocess", [], [], ["postprocess.mrc", "a/b.log"]),
    ("External", "relion.external", [], [], ["results/x.mrc", "run_it000_data.star"]),
]


@pytest.mark.parametrize(
    ("directory", "label", "gentle", "harsh", "stay"), CASES, ids=[case[0] for case in CASES]
)
def test_that_cleaning_takes_what_relion_takes_of_each_type_and_nothing_else(
    project: Project, directory: str, label: str, gentle: list[str], harsh: list[str], stay: list[str]
) -> None:
    name = make_job(project, directory, label, [*gentle, *harsh, *stay])
    folder = project.path / name
    [listed] = project.clean_plans(name)
    assert sorted(path for path, _ in listed.files) == sorted(gentle)
    assert all((folder / path).exists() for path in gentle), "a list is no cleaning"
    for plans, taken in ((project.clean_plans(name), gentle), (project.clean_plans(name, harsh=True), harsh)):
        [done] = project.clean(plans)
        assert sorted(path for path, _ in done.files) == sorted(taken)
        assert done.size == 100 * len(taken)
        assert all((project.path / "Trash" / name / path).exists() for path in taken)
    assert all((folder / path).exists() for path in stay)
    assert [p.name for p in ProjectGraph(pipeline_dir=project.path).process_list] == [name]


def test_that_files_in_the_graph_and_their_iteration_stay(project: Project) -> None:
    files = iterations("data.star", 1, 2, 3)
    outputs = [("run_it001_optimiser.star", "OptimiserData.star.relion.class2d")]
    name = make_job(project, "Class2D", "relion.class2d", files, outputs)
    [listed] = project.clean_plans(name)
    assert {iteration_of(path) for path, _ in listed.files} == {(2, 0)}


def test_that_micrographs_in_the_graph_survive_harsh_cleaning(project: Project) -> None:
    name = make_job(project, "Extract", "relion.extract", ["M/a.mrcs", "M/b.mrcs"], [("M/a.mrcs", PARTICLES)])
    [listed] = project.clean_plans(name, harsh=True)
    assert [path for path, _ in listed.files] == ["M/b.mrcs"]


def test_that_power_spectra_named_in_the_results_stay(project: Project) -> None:
    name = make_job(project, "CtfFind", "relion.ctffind", ["Movies/a_PS.ctf", "Movies/a.log"])
    (project.path / name / "micrographs_ctf.star").write_text(f"m.mrc {name}Movies/a_PS.ctf:mrc 10000\n")
    [listed] = project.clean_plans(name)
    assert [path for path, _ in listed.files] == ["Movies/a.log"]


@pytest.mark.parametrize("status", ["Running", "Failed", "Aborted", "Scheduled"])
def test_that_only_jobs_that_have_succeeded_are_cleaned(project: Project, status: str) -> None:
    name = make_job(project, "AutoPick", "relion.autopick", ["M/a.spi"], status=status)
    with pytest.raises(UserError, match="only jobs that have succeeded"):
        project.clean_plans(name)
    assert project.clean_plans(harsh=True) == []


def test_that_a_job_marked_as_finished_without_its_final_checkpoint_keeps_the_others(
    project: Project,
) -> None:
    name = make_job(project, "DynaMight", "dynamight", ["forward_deformations/checkpoints/004.pth"])
    assert project.clean_plans(name, harsh=True)[0].files == ()


def test_that_a_protected_job_is_spared_when_all_are_cleaned_harshly_but_not_alone(project: Project) -> None:
    files = ["M/a_extract.star", "M/a.mrcs", "NO_HARSH_CLEAN"]
    name = make_job(project, "Extract", "relion.extract", files)
    [every] = project.clean_plans(harsh=True)
    assert every.protected
    assert [path for path, _ in every.files] == ["M/a_extract.star"]
    [alone] = project.clean_plans(name, harsh=True)
    assert [path for path, _ in alone.files] == ["M/a.mrcs", "M/a_extract.star"]


def test_that_a_job_continued_after_the_list_was_made_is_left_alone(project: Project) -> None:
    name = make_job(project, "AutoPick", "relion.autopick", ["M/a.spi"])
    plans = project.clean_plans(name)
    project.continue_job(name)
    assert project.clean(plans) == []
    assert (project.path / name / "M/a.spi").exists()


def test_that_cleaned_files_come_back_and_new_ones_are_not_overwritten(project: Project) -> None:
    name = make_job(project, "AutoPick", "relion.autopick", ["M/a.spi", "M/b.spi"])
    project.clean(project.clean_plans(name))
    [entry] = project.cleaned_entries()
    assert (entry.name, entry.files, entry.size) == (name, 2, 200)
    assert project.trash_entries() == []
    (project.path / name / "M/b.spi").write_text("new")
    assert project.bring_back(name) == 1
    assert (project.path / name / "M/a.spi").stat().st_size == 100
    assert (project.path / name / "M/b.spi").read_text() == "new"
    (project.path / name / "M/b.spi").unlink()
    assert project.bring_back(name) == 1
    assert not (project.path / "Trash" / name).exists()
    with pytest.raises(UserError, match="no cleaned files"):
        project.bring_back(name)


def test_that_cleaned_files_are_not_mixed_with_a_deleted_job_of_that_number(project: Project) -> None:
    name = make_job(project, "AutoPick", "relion.autopick", ["M/a.spi"])
    old = project.path / "Trash" / name
    old.mkdir(parents=True)
    (old / "job.star").write_text("an overwritten job")
    project.clean(project.clean_plans(name))
    assert (project.path / "Trash" / "AutoPick" / "job001.1" / "job.star").exists()
    assert [entry.files for entry in project.cleaned_entries()] == [1]


def test_that_a_file_that_cannot_be_moved_leaves_everything_in_its_place(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make_job(project, "AutoPick", "relion.autopick", ["M/a.spi", "M/b.spi"])
    plans = project.clean_plans(name)
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "b.spi":
            raise PermissionError(13, "Permission denied", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UserError, match="nothing was cleaned"):
        project.clean(plans)
    assert sorted(path.name for path in (project.path / name / "M").iterdir()) == ["a.spi", "b.spi"]


def test_that_marking_a_refinement_as_finished_enters_its_last_iteration(project: Project) -> None:
    files = [*iterations("half1_class001.mrc", 0, 7), "run_it007_data.star", "run_it008_data.star"]
    name = make_job(project, "Refine3D", "relion.refine3d", files, [("run_class001.mrc", MAP)], "Running")
    project.mark_finished(name)
    found = {node.name.removeprefix(name): node.label for node in project.job_outputs(name)}
    assert found == {
        "run_it007_data.star": "ParticleGroupMetadata.star.relion.refine3d",
        "run_it007_half1_class001.mrc": "DensityMap.mrc.relion.halfmap.refine3d",
        "run_it007_optimiser.star": "OptimiserData.star.relion.refine3d",
    }
    graph = ProjectGraph(pipeline_dir=project.path)
    assert len(graph.process_list[0].output_nodes) == 3
    assert all(other.name in found for other in (project.path / name).iterdir() if other.name in found)


def test_that_one_job_of_a_chain_can_be_deleted_alone_and_comes_back_in_its_place(chain: Project) -> None:
    before = chain.producers("DynaMight/job003/"), chain.pipeline.counter
    assert chain.delete("Refine3D/job002/", dependants=False) == ["Refine3D/job002/"]
    assert [process.name for process in chain.pipeline.processes] == ["Import/job001/", "DynaMight/job003/"]
    assert [node.name for node in chain.job_inputs("DynaMight/job003/")] == ["Refine3D/job002/map.mrc"]
    assert (chain.path / "Trash/Refine3D/job002/deleted_pipeline.star").exists()
    assert len(ProjectGraph(pipeline_dir=chain.path).process_list) == 2
    chain.undelete("Trash/Refine3D/job002")
    assert (chain.producers("DynaMight/job003/"), chain.pipeline.counter) == before
    assert len(ProjectGraph(pipeline_dir=chain.path).process_list) == 3


def test_that_disk_use_is_counted_once_and_again_only_when_something_changed(project: Project) -> None:
    name = make_job(project, "AutoPick", "relion.autopick", ["M/a.spi", "b.star"])
    watch = DiskUse(project.path)
    seen = watch.step(project.pipeline)
    assert seen is not None
    use = seen.jobs[name]
    assert (use.gentle, use.harsh, use.protected) == (100, 100, False)
    own = sum(path.stat().st_size for path in (project.path / name).rglob("*") if path.is_file())
    assert use.size == own == seen.size
    assert watch.step(project.pipeline) is None
    project.clean(project.clean_plans(name))
    watch.forget([name])
    seen = watch.step(project.pipeline)
    assert seen is not None
    assert (seen.jobs[name].size, seen.jobs[name].gentle, seen.trash) == (own - 100, 0, 100)
    project.delete(name)
    watch.again()
    seen = watch.step(project.pipeline)
    assert seen is not None
    assert seen.jobs == {}
    assert seen.trash >= own


def test_that_looking_takes_a_little_at_a_time(project: Project) -> None:
    names = [make_job(project, "AutoPick", "relion.autopick", ["a.spi"]) for _ in range(5)]
    watch = DiskUse(project.path)
    looks = 0
    while not watch.seen().complete:
        watch.step(project.pipeline, budget_s=1e-9)
        looks += 1
        assert looks < 50
    assert set(watch.seen().jobs) == set(names)
    assert looks >= 5


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1234, "1.2 kB"),
        (35_100_000, "35 MB"),
        (9_960_000, "10 MB"),
        (10**15, "1.0 PB"),
    ],
)
def test_that_sizes_are_written_as_people_read_them(size: int, text: str) -> None:
    assert in_words(size) == text


def test_that_types_nobody_knows_are_never_cleaned() -> None:
    assert rule_for("somebody.elses").empty
    assert rule_for("relion.importtomo").empty
