"""A cluster for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.runner.queue_watch import WATCH
from tests.support.slurm import Slurm, running_slurm


@pytest.fixture(scope="session")
def cluster() -> Iterator[Slurm]:
    with running_slurm() as slurm:
        yield slurm


@pytest.fixture
def slurm(cluster: Slurm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    monkeypatch.setenv("SLURM_CONF", str(cluster.config))
    WATCH.forget()
    yield cluster
    WATCH.forget()
    cluster.cancel_all()
    cluster.repair()
