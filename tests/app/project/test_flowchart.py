"""The project as a chart: words on its lines, places of its jobs, tags, and drawings of it."""

from __future__ import annotations

import gc
import random
import re
import time
import zlib
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app import cli
from app.flowchart_page import chart_jobs, write_flowchart
from app.project.flowchart import Flowchart, make_flowchart, only_ancestors
from app.project.flowchart_layout import Layout, lay_out
from app.project.project import Project
from app.project.tags import N_COLOURS, TagFile, Tags
from app.vector_file import elided, text_width
from jobs.core.errors import UserError
from tests.support.workflow import make_workflow
from widgets.graph_data import GraphJob

N_MANY = 10_000


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of 25 jobs, which no test changes."""
    return make_workflow(tmp_path_factory.mktemp("flow") / "apo")


@pytest.fixture
def own_workflow(tmp_path: Path) -> Project:
    """The same, to be changed."""
    return make_workflow(tmp_path / "apo")


def places(layout: Layout) -> list[tuple[int, int]]:
    return list(zip(layout.layers.tolist(), layout.columns.tolist(), strict=True))


def label(chart: Flowchart, source: int, target: int) -> str:
    return next(k.label for k in chart.links if (k.source, k.target) == (source - 1, target - 1))


def many_links() -> list[tuple[int, int]]:
    """Links of a large project: mostly a job uses one of the last sixty, sometimes any."""
    chance = random.Random(4)
    links = [(chance.randrange(max(0, k - 60), k), k) for k in range(1, N_MANY)]
    return links + [(chance.randrange(k), k) for k in range(3, N_MANY, 3)]


# -- what goes where -----------------------------------------------------------------------------------------


def test_that_lines_say_what_goes_along_them(workflow: Project) -> None:
    chart = make_flowchart(workflow.pipeline)
    assert label(chart, 5, 6) == "particles"
    assert label(chart, 17, 18) == "mask"
    assert label(chart, 16, 18) == "2 half-maps"
    assert label(chart, 4, 5) == "coordinates"
    assert label(chart, 21, 23) == "particles, map"


def test_that_a_job_stands_below_all_it_depends_on(workflow: Project) -> None:
    chart = make_flowchart(workflow.pipeline)
    layers = chart.layout.layers
    assert chart.links
    assert all(layers[link.target] > layers[link.source] for link in chart.links)


def test_that_no_two_jobs_share_a_place() -> None:
    links = many_links()
    found = places(lay_out(N_MANY, links))
    assert len(set(found)) == N_MANY


def test_that_the_same_project_is_always_laid_out_alike(workflow: Project) -> None:
    first, second = make_flowchart(workflow.pipeline), make_flowchart(workflow.pipeline)
    assert places(first.layout) == places(second.layout)
    assert first.layout.lanes == second.layout.lanes


def test_that_nothing_moves_when_a_job_is_added() -> None:
    links = [(source, target) for source, target in many_links() if target < 300]
    before = places(lay_out(300, links))
    after = places(lay_out(301, [*links, (120, 300), (7, 300)]))
    assert after[:300] == before


def test_that_a_chain_goes_straight_on() -> None:
    layout = lay_out(6, list(pairwise(range(6))))
    assert places(layout) == [(k, 0) for k in range(6)]


def test_that_an_input_made_for_one_job_stands_just_above_it() -> None:
    # 0 -> 1 -> 2 -> 3 and a mask, imported last, that only job 3 uses
    layout = lay_out(5, [(0, 1), (1, 2), (2, 3), (4, 3)])
    assert layout.layers[4] == layout.layers[3] - 1
    assert abs(int(layout.columns[4]) - int(layout.columns[3])) == 1


def test_that_a_line_past_other_jobs_runs_in_a_lane_between_columns() -> None:
    layout = lay_out(3, [(0, 1), (1, 2), (0, 2)])
    assert layout.lanes == (None, None, 0)


def test_that_a_job_continued_with_results_of_a_later_one_breaks_nothing() -> None:
    layout = lay_out(3, [(0, 1), (1, 2), (2, 0)])
    assert places(layout) == [(0, 0), (1, 0), (2, 0)]


def test_that_parts_without_a_link_stand_beside_each_other() -> None:
    layout = lay_out(5, [(0, 1), (2, 3)])
    columns = layout.columns.tolist()
    assert columns[0] == columns[1] == 0
    assert columns[2] == columns[3] == 1
    assert columns[4] == 2


def test_that_ten_thousand_jobs_are_laid_out_in_less_than_two_seconds() -> None:
    links = many_links()
    # What other tests have left in memory is not to be searched meanwhile.
    gc.collect()
    gc.freeze()
    for shape in (links, list(pairwise(range(N_MANY))), [(0, k) for k in range(1, N_MANY)], []):
        start = time.process_time()
        lay_out(N_MANY, shape)
        assert time.process_time() - start < 2.0


def test_that_an_empty_project_has_an_empty_chart(project_dir: Path) -> None:
    chart = make_flowchart(Project.create(project_dir).pipeline)
    assert chart.jobs == ()
    assert chart.layout.layers.shape == (0,)


def test_that_the_chart_of_one_job_holds_its_ancestors_only(workflow: Project) -> None:
    chart = only_ancestors(make_flowchart(workflow.pipeline), "Extract/job005/")
    assert [job.number for job in chart.jobs] == [1, 2, 3, 4, 5]
    assert chart.layout.layers.tolist() == [0, 1, 2, 3, 4]


# -- tags ----------------------------------------------------------------------------------------------------

JOB = "Refine3D/job016/"


def test_that_tags_outlive_alias_deletion_and_undeletion(own_workflow: Project) -> None:
    TagFile(own_workflow.path).add(JOB, "final")
    own_workflow.set_alias(JOB, "renamed")
    own_workflow.set_status("DynaMight/job023/", "Aborted")
    own_workflow.delete([JOB])
    own_workflow.undelete(own_workflow.path / "Trash" / JOB)
    assert own_workflow.process(JOB).name == JOB
    assert [tag.word for tag in TagFile(own_workflow.path).read().of(JOB)] == ["final"]


def test_that_the_project_file_knows_nothing_of_tags(own_workflow: Project) -> None:
    before = (own_workflow.path / "default_pipeline.star").read_text()
    TagFile(own_workflow.path).add(JOB, "final")
    assert (own_workflow.path / "default_pipeline.star").read_text() == before
    assert not list((own_workflow.path / ".heteroscope").glob(".tags*"))


def test_that_a_change_keeps_what_others_wrote_meanwhile(tmp_path: Path) -> None:
    mine, theirs = TagFile(tmp_path), TagFile(tmp_path)
    mine.add("A/job001/", "good")
    theirs.add("B/job002/", "bad")
    mine.add("A/job001/", "final")
    assert theirs.read().by_job == {"A/job001/": ("good", "final"), "B/job002/": ("bad",)}


def test_that_each_new_tag_has_another_colour_and_keeps_it(tmp_path: Path) -> None:
    file = TagFile(tmp_path)
    words = [f"tag {k}" for k in range(N_COLOURS)]
    file.set("A/job001/", words)
    assert [tag.colour for tag in file.read().of("A/job001/")] == list(range(N_COLOURS))
    file.remove("A/job001/", "tag 3")
    file.add("B/job002/", "tag 3")
    assert file.read().of("B/job002/")[0].colour == 3


@pytest.mark.parametrize("word", ["", "   ", "a,b", "two\nlines", "x" * 33])
def test_that_a_word_unfit_for_a_tag_is_refused_and_nothing_changes(tmp_path: Path, word: str) -> None:
    file = TagFile(tmp_path)
    file.add("A/job001/", "good")
    with pytest.raises(UserError):
        file.add("A/job001/", word)
    assert file.read().by_job == {"A/job001/": ("good",)}


def test_that_damaged_tags_are_seen_as_none_and_never_overwritten(tmp_path: Path) -> None:
    file = TagFile(tmp_path)
    file.add("A/job001/", "good")
    file.path.write_text("{ nonsense")
    assert TagFile(tmp_path).read() == Tags()
    with pytest.raises(UserError, match=r"cannot be read") as caught:
        TagFile(tmp_path).add("A/job001/", "other")
    assert str(file.path) in str(caught.value)
    assert file.path.read_text() == "{ nonsense"


# -- on paper ------------------------------------------------------------------------------------------------


def draw(project: Project, path: Path) -> Path:
    jobs, links = chart_jobs(make_flowchart(project.pipeline), Tags({JOB: ("final",)}, {"final": 1}))
    return write_flowchart(path, jobs, links, "apo <1> & (2)")


def test_that_an_svg_shows_title_date_every_job_and_the_tags(workflow: Project, tmp_path: Path) -> None:
    root = ElementTree.parse(draw(workflow, tmp_path / "graph.svg")).getroot()
    words = [found.text for found in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == "apo <1> & (2)"
    assert re.match(r"25 jobs · \d{4}-\d\d-\d\d \d\d:\d\d · Heteroscope", words[1] or "")
    assert all(job.name.rstrip("/") in words for job in workflow.pipeline.processes)
    assert {"shiny_refined", "2 half-maps", "final", "Failed"} <= set(words)
    assert list(tmp_path.iterdir()) == [tmp_path / "graph.svg"]


def test_that_a_pdf_is_one_whole_page_with_letters_that_can_be_searched(
    workflow: Project, tmp_path: Path
) -> None:
    data = draw(workflow, tmp_path / "graph.pdf").read_bytes()
    start = int(data.rpartition(b"startxref\n")[2].split()[0])
    assert data[start:].startswith(b"xref\n0 8\n")
    for number, line in enumerate(data[start:].splitlines()[3:10], 1):
        assert data[int(line[:10]) :].startswith(f"{number} 0 obj".encode())
    content = zlib.decompress(re.findall(rb"stream\n(.*)\nendstream", data, re.S)[0]).decode("cp1252")
    assert "(apo <1> & \\(2\\)) Tj" in content
    assert content.count("(Succeeded) Tj") == 21
    assert "e+" not in content
    assert "nan" not in content


def test_that_a_very_long_chart_still_fits_the_largest_page_of_a_pdf(tmp_path: Path) -> None:
    jobs = [GraphJob(f"A/job{k:03d}/", k, layer=k) for k in range(1_000)]
    data = write_flowchart(tmp_path / "long.pdf", jobs, [], "long").read_bytes()
    box = re.search(rb"MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is not None
    assert max(float(box[1]), float(box[2])) <= 14_400


def test_that_long_words_are_shortened_to_their_room() -> None:
    shown = elided("a very long alias that nobody wants to read", 12, 90)
    assert shown.endswith("…")
    assert text_width(shown, 12) <= 90
    assert elided("short", 12, 90) == "short"


# -- the command line ----------------------------------------------------------------------------------------


def test_that_tags_are_added_listed_and_removed_from_the_command_line(
    own_workflow: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--project", str(own_workflow.path)]
    assert cli.main(["tag", "16", "add", "final", "EMPIAR 10345", *where]) == 0
    assert capsys.readouterr().out == "final\nEMPIAR 10345\n"
    assert cli.main(["tag", "consensus", "remove", "final", *where]) == 0
    assert capsys.readouterr().out == "EMPIAR 10345\n"
    assert cli.main(["tag", JOB, "remove", "final", *where]) == 2
    assert "has no tag 'final'" in capsys.readouterr().err
    assert cli.main(["tag", JOB, "add", *where]) == 2
    assert cli.main(["tag", JOB, "add", "final", "--colour", "green", *where]) == 0
    assert dict(TagFile(own_workflow.path).read().colours)["final"] == 7


def test_that_the_command_line_draws_what_a_job_came_from(
    own_workflow: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "graph.svg"
    words = ["flowchart", "--project", str(own_workflow.path), "--out", str(out)]
    assert cli.main([*words, "--job", "Extract/job005"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert "5 jobs" in out.read_text()
    assert "Class2D" not in out.read_text()
    assert cli.main([*words[:-1], str(tmp_path / "graph.gif")]) == 2
    assert "End the name in .svg or .pdf" in capsys.readouterr().err
    assert cli.main([*words[:-1], str(tmp_path / "no folder" / "graph.svg")]) == 2
    assert "cannot be written" in capsys.readouterr().err
