"""What a killed worker had begun to write is gone when the job goes on; everything else stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from jobs.core.leftovers import remove_leftovers

_KILLED = """
import os, signal, sys
from pathlib import Path
from jobs.formats.files import replacing
with replacing(Path(sys.argv[1]) / "graphs" / "points004.xyz") as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_that_what_a_killed_process_had_begun_to_write_is_removed(tmp_path: Path) -> None:
    (tmp_path / "graphs").mkdir()
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    (begun,) = (tmp_path / "graphs").iterdir()
    assert remove_leftovers(tmp_path) == [begun]
    assert not begun.exists()


def test_that_only_half_written_files_are_removed(tmp_path: Path) -> None:
    kept = {"run.out", ".hidden", "notes.tmp", "RELION_JOB_EXIT_FAILURE", ".gui_job.star", "a.tmp.mrc"}
    begun = {".volume.npy.4711.tmp", "outcome.001.json.tmp4711", ".004.pth.99.tmp"}
    for name in kept | begun:
        (tmp_path / name).touch()
    scratch = tmp_path / ".simulate.x_1ab2"
    scratch.mkdir()
    (scratch / "particles.mrcs").touch()
    assert {path.name for path in remove_leftovers(tmp_path)} == begun | {scratch.name}
    assert {path.name for path in tmp_path.iterdir()} == kept
