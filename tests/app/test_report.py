"""Reports: one page that any browser shows, with everything about a job and nothing from elsewhere."""

from __future__ import annotations

import base64
import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import imageio.v3 as imageio
import mrcfile
import numpy as np
import pytest

from app.cli import main
from app.project.project import Project
from app.report.clouds import read_cloud
from app.report.contents import TaskPart, read_contents
from app.report.log_words import closing_words
from app.report.page import page
from app.report.pictures import metric_plots
from app.report.plots import Line, draw_lines
from app.report.png import png_bytes
from app.report.scatter_picture import scatter_plots
from app.report.style import style_sheet
from app.report.writing import write_report
from jobs import registry
from jobs.core.figures import Fact, Figure, Mark, Series
from jobs.core.folder import JobFolder, make_record
from jobs.core.job_star import JobStar, write_job_star
from widgets.palette import DARK, LIGHT

MOTION = "DynaMight/job002/"
REFINEMENT = "Refine3D/job001/"
_VOID = {"meta", "img", "br", "link"}
_NAUGHTY = "<script>alert(1)</script> & \"quoted\" 'too'"


class Page(HTMLParser):
    """Reads a page as strictly as no browser does: what is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.counts: dict[str, int] = {}
        self.identities: set[str] = set()
        self.unnamed_pictures = 0
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action")]
        if identity := given.get("id"):
            assert identity not in self.identities
            self.identities.add(identity)
        self.unnamed_pictures += tag == "img" and not given.get("alt")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words += f" {data.strip()}"


def write_map(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grid = np.mgrid[:32, :32, :32] - 16
    with mrcfile.new(path) as file:
        file.set_data(np.exp(-(grid**2).sum(0) / 40).astype(np.float32))
        file.voxel_size = 2.5


def refine(folder: Path, name: str) -> None:
    """What a refinement of another program leaves."""
    write_map(folder / "run_class001.mrc")
    settings = JobStar("relion.refine3d", values={"sym_name": "D2", "odd": "5", "nr_mpi": "3"})
    write_job_star(folder / "job.star", settings)
    (folder / "note.txt").write_text(
        " ++++ Executing new job on Tue Nov 17 09:14:02 2026\n ++++ with the following command(s): \n"
        "`which relion_refine` --o Refine3D/job001/run\n ++++ \n"
    )


def fill(folder: JobFolder, root: Path) -> None:
    """What three finished tasks leave: records, metrics, figures, snapshots, maps and a log."""
    job_type = registry.job_type("dynamight")
    options = job_type.options.model_validate(
        {"fn_star": "data/particles.star", "fn_map": f"{REFINEMENT}run_class001.mrc", "nr_gaussians": 500}
    )
    metrics = []
    for run, task in enumerate(("train", "inverse", "reconstruct"), 1):
        record = make_record(
            job_type, options, project_dir=root, run=run, task=task, is_continue=run > 1, command=["python"]
        )
        folder.write_options(
            run, record.model_copy(update={"started": f"2026-01-0{run}T10:00:00+00:00", "host": "node7"})
        )
        for step in range(1, 9):
            values = {"rms_displacement_A_half1": 0.4 * step, "rms_displacement_A_half2": 0.42 * step}
            line = {"t": 1767261600 + step, "run": run, "task": task, "phase": task, "step": step, "of": 8}
            metrics.append({**line, **(values | {"held_out_gain_nats": 3.0 * step} if run == 1 else {})})
    folder.metrics.write_text("".join(json.dumps(line) + "\n" for line in metrics))
    folder.snapshots.mkdir()
    fsc = Figure(
        "curves",
        "reconstruct",
        "FSC of the half-maps",
        "spatial frequency (1/Å)",
        "FSC",
        x=(0.0, 0.05, 0.1, 0.15),
        series=(Series("motion undone 8.39 Å", (1.0, 0.9, float("nan"), 0.1)),),
        marks=(Mark(0.143, "0.143"),),
        reciprocal=True,
        facts=(Fact("Resolution", "8.39 Å", "FSC 0.143"),),
    )
    error = Figure(
        "histogram",
        "inverse",
        "Round-trip error",
        "off (Å)",
        "% of places",
        x=(0.001, 0.01, 0.1),
        series=(Series("half 1, median 0.008 Å", (60.0, 40.0)),),
        logarithmic=True,
    )
    maps = Figure(
        "maps", "reconstruct", "Means", series=(Series(_NAUGHTY, ()),), arrays=("mean",), voxel_size_a=2.5
    )
    for name, figure in (("fsc", fsc), ("error", error), ("maps", maps)):
        (folder.snapshots / f"{name}.json").write_text(figure.to_json(), encoding="utf-8")
    rng = np.random.default_rng(1)
    np.save(folder.snapshots / "mean.npy", rng.random((32, 32, 32), np.float32))
    np.save(folder.snapshots / "latent.npy", rng.normal(size=(300, 4)).astype(np.float32))
    np.save(folder.snapshots / "latent_colour.npy", rng.random(300, np.float32))
    write_map(folder.path / "backprojection/map_half1.mrc")
    folder.run_out.write_text(
        "DynaMight flexibility: Estimate motions, run 1 of DynaMight/job002/ on cuda:0\n"
        f"train: 1 of 8\rtrain: 8 of 8\nFound: 3 Å of motion {_NAUGHTY}\nResults are in here\n"
        "DynaMight flexibility: Deformed backprojection, run 3 of DynaMight/job002/ on cpu\n"
        "reconstruct: 8 of 8\nResolution at FSC 0.143: 8.39 Å.\n"
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A refinement of another program, and a job of three finished tasks that takes its map."""
    project = Project.create(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/particles.star").write_text("particles")
    project.new_job(
        "Refine3D",
        "relion.refine3d",
        outputs=[("run_class001.mrc", "DensityMap.mrc.relion.refine3d")],
        status="Succeeded",
        prepare=refine,
    )
    project.new_job(
        "DynaMight",
        "dynamight",
        inputs=[
            ("data/particles.star", "ParticleGroupMetadata.star.relion"),
            (f"{REFINEMENT}run_class001.mrc", "DensityMap.mrc.relion.refine3d"),
        ],
        outputs=[("backprojection/map_half1.mrc", "DensityMap.mrc.relion.halfmap.dynamight")],
        status="Succeeded",
        alias="the_hinge",
        prepare=lambda folder, name: None,
    )
    fill(JobFolder(tmp_path, MOTION), tmp_path)
    return project


def report(project: Project, name: str = MOTION, *, with_ancestors: bool = False) -> str:
    """Write a report and return its text."""
    return write_report(project, name, with_ancestors=with_ancestors).read_text(encoding="utf-8")


def test_that_a_report_is_one_well_formed_page_that_needs_nothing_else(project: Project) -> None:
    text = report(project, with_ancestors=True)
    read = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert all(a.startswith(("data:image/png;base64,", "#")) for a in read.addresses)
    assert {a[1:] for a in read.addresses if a.startswith("#")} <= read.identities
    assert not re.search(r"url\(|@import|<link|<iframe|<object", text)
    assert read.unnamed_pictures == 0
    assert read.counts["h1"] == 1
    assert len(text) < 5_000_000
    assert [p.name for p in (project.path / MOTION).glob("*report*")] == ["report.html"]


def test_that_curves_histograms_maps_and_latent_space_of_all_tasks_are_drawn(project: Project) -> None:
    text = report(project)
    drawings = [ET.fromstring(found) for found in re.findall(r"<svg .*?</svg>", text, re.DOTALL)]
    titles = [drawing.findtext("{http://www.w3.org/2000/svg}title") or "" for drawing in drawings]
    for wanted in ("FSC of the half-maps: motion undone 8.39 Å", "Round-trip error", "rms displacement (Å)"):
        assert any(title.startswith(wanted) for title in titles)
    assert any(title.startswith("Flowchart of") for title in titles)
    for drawing in drawings:
        width, height = (float(drawing.attrib[key]) for key in ("width", "height"))
        assert width > 0
        assert height > 0
        assert "nan" not in ET.tostring(drawing, "unicode").replace("nance", "")
    # input, snapshot and result; three slices each, with a bar of a round length
    assert len(re.findall("slice across [zyx] through the middle", text)) == 9
    assert text.count("20 Å</span>") == 3
    assert "Density of 300 particles" in text
    assert "Rms displacement (Å) of 300 particles" in text


def test_that_scatter_figures_are_drawn_with_their_groups(project: Project) -> None:
    folder = project.path / MOTION / "snapshots"
    rng = np.random.default_rng(0)
    group = np.arange(90) % 3
    plane = np.stack([10.0 * group, 5.0 + group**2], axis=1) + rng.normal(scale=0.1, size=(90, 2))
    points = np.column_stack([rng.normal(size=(90, 2)), plane, group])
    points[7, 0] = np.nan
    np.save(folder / "points.npy", points)
    names = ("PC1", "PC2", "UMAP1", "UMAP2", "group")
    figure = Figure(
        "scatter",
        "train",
        "Particles",
        *("UMAP1", "UMAP2"),
        series=tuple(Series(name, ()) for name in names),
        colour="group",
        arrays=("points",),
    )
    (folder / "a_particles.json").write_text(figure.to_json())
    text = report(project)
    assert "UMAP2 over UMAP1, coloured by group" in text and "PC2 over PC1, coloured by group" in text
    assert "89 particles" in text and "90 particles" in text
    cloud = read_cloud(figure, folder)
    assert cloud is not None
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', scatter_plots(cloud)[0])
    assert picture is not None
    image = imageio.imread(base64.b64decode(picture[1]), extension=".png")
    colours = set()
    for k in range(3):  # in the middle of each group is its own colour
        x, y = plane[group == k].mean(0)
        low, high = plane.min(0) - 0.04 * np.ptp(plane, axis=0), plane.max(0) + 0.04 * np.ptp(plane, axis=0)
        at = (np.array([x, y]) - low) / (high - low) * 640
        colours.add(tuple(image[int(640 - at[1]), int(at[0]), :3].tolist()))
    assert len(colours) == 3
    (folder / "points.npy").write_bytes(b"damaged")
    assert "over UMAP1" not in report(project)


def test_that_the_page_says_what_was_done_and_how_far_to_trust_it(project: Project) -> None:
    words = Page(report(project)).words
    assert "the_hinge (DynaMight/job002)" in words
    assert "Done in 3 runs, begun on 1 January 2026" in words
    assert "estimate motions, estimate inverse deformations and deformed backprojection" in words
    assert "It succeeded." in words
    assert "Resolution at FSC 0.143: 8.39 Å." in words
    assert "Results are in here" not in words
    assert "rms displacement (Å) 3.2 3.36 5 %" in words
    assert "held-out gain 24 nats" in words
    assert "Round-trip error: half 1, median 0.008 Å" in words
    assert "All 2 input files are unchanged since the run." in words
    (project.path / "data/particles.star").write_text("other particles")
    assert (
        "Inputs are not what they were when the job ran: data/particles.star" in Page(report(project)).words
    )


def test_that_error_estimates_are_found_in_files_and_in_the_words_of_the_job(project: Project) -> None:
    folder = project.path / MOTION
    for path in (folder / "snapshots").glob("*.json"):
        path.unlink()
    assert "No error estimates were found" in Page(report(project)).words
    (folder / "forward_deformations").mkdir()
    (folder / "forward_deformations/gaussian_errors.star").write_text("data_\n")
    with (folder / "run.out").open("a") as file:
        file.write("The motion is 3.1 ± 0.2 Å\n")
    words = Page(report(project)).words
    assert "Error estimates are in DynaMight/job002/forward_deformations/gaussian_errors.star." in words
    assert "The motion is 3.1 ± 0.2 Å." in words


def test_that_options_inputs_outputs_commands_and_versions_are_listed(project: Project) -> None:
    text = report(project)
    words = Page(text).words
    row = re.search(r'<tr class="changed"><th[^>]*>Number of Gaussians</th>(.*?)</tr>', text)
    assert row is not None
    assert re.findall(r">([^<>]+)<", row[1]) == ["500", "10000", "nr_gaussians"]
    assert "options are not at their defaults; these are marked with ●" in words
    assert "Refine3D/job001" in words
    assert re.search(r"\b[0-9a-f]{64}\b", words)
    assert "reconstruction of half-set 1 with the motion undone" in words
    assert "heteroscope run dynamight --project" in words
    assert "torch" in words


def test_that_methods_cite_everything_that_took_part(project: Project) -> None:
    alone = Page(report(project)).words
    assert "doi:10.1038/s41592-024-02377-5" in alone
    assert "BSD 3-Clause" in alone
    assert "doi:10.1016/j.jsb.2012.09.006" not in alone
    together = Page(report(project, with_ancestors=True)).words
    assert "doi:10.1016/j.jsb.2012.09.006" in together
    assert "was run as job Refine3D/job001. Settings: symmetry D2." in together
    assert "Jobs before it" in together


def test_that_no_text_of_files_or_people_becomes_markup(project: Project) -> None:
    process = project.pipeline.process(MOTION)
    assert process is not None
    contents = read_contents(project, process._replace(alias=f"DynaMight/{_NAUGHTY}/"))
    read = Page(page(contents, _NAUGHTY, datetime.now(UTC)))
    assert read.counts["script"] == 1
    assert read.words.count("<script>alert(1)</script>") == 3
    assert read.words.count("script> & \"quoted\" 'too'") >= 5


@pytest.mark.parametrize("status", ["Failed", "Running", "Aborted", "Scheduled"])
def test_that_unfinished_jobs_have_reports_that_say_so(tmp_path: Path, status: str) -> None:
    project = Project.create(tmp_path)
    project.new_job("DynaMight", "dynamight", status=status, prepare=lambda folder, name: None)
    folder = JobFolder(tmp_path, "DynaMight/job001/")
    if status != "Scheduled":
        job_type = registry.job_type("dynamight")
        record = make_record(job_type, job_type.options(), project_dir=tmp_path, run=1, task="train")
        folder.write_options(1, record)
        folder.run_out.write_text(
            "DynaMight: Estimate motions, run 1 of DynaMight/job001/ on cpu\nHalf done\n"
        )
        folder.run_err.write_text("The stack has 12 sections, 13 were asked for.\n")
        folder.metrics.write_text('{"t": 1, "run": 1, "task": "train", "phase": "start"}\n{"t": 2, "bro')
    read = Page(report(project, "DynaMight/job001/"))
    told = {
        "Failed": "It failed.",
        "Running": "It is still running",
        "Aborted": "It was aborted.",
        "Scheduled": "It has not been started yet.",
    }
    assert told[status] in read.words
    if status != "Scheduled":
        assert "what is shown is unfinished" in read.words
        assert "Half done" in read.words


def test_that_a_job_of_another_program_is_told_but_its_folder_left_alone(project: Project) -> None:
    folder = project.path / REFINEMENT
    (folder / "postprocess.star").write_text(
        "data_fsc\n\nloop_\n_rlnResolution #1\n_rlnFourierShellCorrelationCorrected #2\n"
        + "".join(f"{k / 100} {1 - k / 30:.3f}\n" for k in range(30))
    )
    before = sorted(p.name for p in folder.iterdir())
    path = write_report(project, REFINEMENT)
    assert path == project.path / "report_Refine3D_job001.html"
    assert sorted(p.name for p in folder.iterdir()) == before
    read = Page(path.read_text(encoding="utf-8"))
    assert "Started on 17 November 2026" in read.words
    assert "Resolution, corrected" in read.words
    assert "which relion_refine" in read.words
    assert "DynaMight/job002" in read.words
    assert read.counts["svg"] == 1


def test_that_the_command_writes_where_it_is_told(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "away.html"
    assert main(["report", "the_hinge", "--project", str(tmp_path), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    Page(out.read_text(encoding="utf-8"))
    assert main(["report", "2", "--project", str(tmp_path), "--out", str(tmp_path / "no/where.html")]) == 2
    assert main(["report", "7", "--project", str(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_that_a_project_is_told_with_its_jobs_and_the_methods_of_a_chain(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--project", str(tmp_path), "--methods-of", "the_hinge"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    read = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Jobs 2 Succeeded 2" in read.words
    assert "DynaMight/job002 the_hinge DynaMight flexibility Succeeded" in read.words
    assert read.counts["svg"] == 1
    assert "doi:10.1038/s41592-024-02377-5" in read.words
    assert "doi:10.1016/j.jsb.2012.09.006" in read.words


def test_that_quantities_of_one_kind_share_a_plot(project: Project) -> None:
    lines = [
        {
            "run": 1,
            "task": "reconstruct",
            "step": k,
            "of": 4,
            "resolution_all_A": 9 - k,
            "resolution_moving_A": 8.0,
        }
        | {"resolution_static_A": 7 - k / 2}
        for k in range(1, 5)
    ]
    task = TaskPart("reconstruct", "Deformed backprojection", tuple(lines))
    drawing = metric_plots(task)
    assert re.findall("<title>(.*?)</title>", drawing) == ["resolution (Å): all; static"]


def test_that_damaged_pictures_are_left_out(project: Project) -> None:
    snapshots = project.path / MOTION / "snapshots"
    for path in snapshots.iterdir():
        path.write_bytes(b"rubbish")
    (project.path / MOTION / "backprojection/map_half1.mrc").write_bytes(b"rubbish")
    (project.path / MOTION / "options.002.json").write_text("{")
    words = Page(report(project)).words
    assert "It succeeded." in words
    assert "Number of Gaussians" in words


def test_that_the_last_words_of_each_run_are_found(tmp_path: Path) -> None:
    log = tmp_path / "run.out"
    log.write_text(
        "A: B, run 1 of X/job001/ on cpu\nfirst\nstep: 1 of 2\rstep: 2 of 2\nsecond\n\n"
        "A: C, run 2 of X/job001/ on cpu\nstep: 1,000 of 2,000, 3 s left\n"
    )
    assert closing_words(log) == {1: ("second",)}
    assert closing_words(tmp_path / "missing") == {}


def test_that_a_curve_without_numbers_or_with_one_is_drawn(tmp_path: Path) -> None:
    nan = float("nan")
    for y in ((nan, nan, nan), (nan, 2.0, nan), (3.0, 3.0, 3.0)):
        ET.fromstring(draw_lines([Line("a", (1.0, 2.0, 3.0), y)], "step", "", "t"))


def test_that_pictures_are_readable_png_files() -> None:
    picture = np.arange(5 * 7 * 4, dtype=np.uint8).reshape(5, 7, 4)
    assert (imageio.imread(png_bytes(picture), extension=".png") == picture).all()
    assert (imageio.imread(png_bytes(picture[..., 0]), extension=".png") == picture[..., 0]).all()


def test_that_drawings_keep_the_colour_of_paper_in_the_dark() -> None:
    rules = style_sheet()
    wanted = f'svg [fill="{LIGHT.surface}"]{{fill:{DARK.surface}}}'
    assert wanted in rules
    assert rules.count(f'svg [fill="{LIGHT.surface}"]') == 1
