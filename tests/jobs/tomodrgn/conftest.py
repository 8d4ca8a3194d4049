"""A small trained folder, made once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.core import worker
from jobs.core.context import WorkerContext
from jobs.core.folder import JobFolder, make_record
from jobs.core.metrics import MetricsWriter
from jobs.tomodrgn import train
from jobs.tomodrgn.params import JOB_TYPE, TomoDrgnOptions

STAR = "data/tomodrgn/10076_both_32_sim.star"


def context_of(project: Path, name: str, options: TomoDrgnOptions, task: str = "train") -> WorkerContext:
    """What the worker gives a task, without its process."""
    folder = JobFolder(project, name)
    run = folder.next_run()
    folder.write_options(run, make_record(JOB_TYPE, options, project_dir=project, run=run, task=task))
    return WorkerContext(
        options=options,
        folder=folder,
        project_dir=project,
        task=JOB_TYPE.task(task),
        run=run,
        seed=options.seed,
        device="cpu",
        metrics=MetricsWriter(folder.metrics, run, task),
        devices=("cpu",),
    )


def run_task(project: Path, name: str, options: TomoDrgnOptions, task: str) -> int:
    """Do a task of a job as its worker does, in a run of its own; returns the exit code."""
    folder = JobFolder(project, name)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.clear_markers()
    run = folder.next_run()
    folder.write_options(run, make_record(JOB_TYPE, options, project_dir=project, run=run, task=task))
    return worker.run_worker(JOB_TYPE, ["--project", str(project), "--job", name, "--run", str(run)])


def small_options(shared: Path, **changed: object) -> TomoDrgnOptions:
    """Tiny networks, few particles."""
    values: dict[str, object] = {
        "fn_star": str(shared / STAR),
        "datadir": str(shared / "data" / "tomodrgn"),
        "zdim": 3,
        "contrast": "uninvert",
        "n_epochs": 2,
        "do_consensus": False,
        "use_first_nptcls": 16,
        "enc_dim_a": 16,
        "out_dim_a": 8,
        "enc_dim_b": 16,
        "dec_dim": 24,
        "dec_layers": 2,
    }
    return TomoDrgnOptions(**{**values, **changed})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """The folder of a finished training with a latent space, two epochs long; tests only read it."""
    project = tmp_path_factory.mktemp("tomodrgn")
    context = context_of(project, "TomoDRGN/job001/", small_options(shared))
    train.run(context)
    context.metrics.close()
    return context.folder.path


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, any_device: None) -> Iterator[None]:
    """Lets workers run within the process of the tests; what they change in it is put back."""
    monkeypatch.setattr(worker, "set_threads", lambda n: None)
    monkeypatch.chdir(Path.cwd())
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts back what a command that chooses a device leaves in the environment."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
