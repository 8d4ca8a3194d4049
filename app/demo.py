"""The demo: data with a known motion, a job that learns it while one watches, and the result."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cli_follow import follow
from app.cli_progress import Progress, duration
from app.project.project import NotAProject, Project
from app.runner.gpus import list_gpus
from app.runner.launch import continue_job, start_job
from app.runner.outcome import Outcome
from app.runner.spawn import program_environment
from app.runner.stored import read_stored
from app.virtual_screen import Screen, find_screen
from jobs import registry
from jobs.core.declaration import from_values
from jobs.core.errors import UserError

DEFAULT_FOLDER = "heteroscope-demo"
#: The window that shows the job; named, not imported, because this module opens no window itself.
_WINDOW = "app.gui.demo_window"
_PICTURES = "screenshots"
_FOUND = "found_displacements.npz"
#: The last pictures are taken a few seconds after the end of the job (s).
_LAST_PICTURES_S = 60.0
ABORTED = 130
#: What follows the training: the switch of the task, and what is said.
STEPS = (
    ("do_inverse", "Finding the way back from every moved molecule, and measuring how well it is known."),
    ("do_reconstruct", "Reconstructing both half-maps with every particle's motion undone."),
)
#: A result is left alone for so long before the next task begins, so that it can be pictured (s).
_PAUSE_S = 6.0


@dataclass(frozen=True)
class Wishes:
    """What was asked for on the command line.

    Attributes
    ----------
    folder
        Of the project.
    n_images
        To simulate.
    n_gaussians
        Of the model.
    max_minutes
        Limit of the training.
    seed
        Of the training.
    window
        Whether a window may be opened at all.
    hidden
        Whether it must not appear on the screen (pictures of it are taken all the same).
    """

    folder: Path
    n_images: int = 2000
    n_gaussians: int = 1000
    max_minutes: float = 5.0
    seed: int = 1
    window: bool = True
    hidden: bool = False


def main(argv: Sequence[str]) -> int:
    """Run the demo; returns the exit code (0 shown, 1 a job failed, 2 wrong usage, 130 aborted)."""
    try:
        return run(_wishes(argv))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("The demo was stopped; everything made so far stays in its folder.", file=sys.stderr)
        return ABORTED


def _wishes(argv: Sequence[str]) -> Wishes:
    parser = argparse.ArgumentParser(
        prog="heteroscope demo",
        description="Simulates images of a molecule with a hinge, learns its motion while you watch, and "
        "compares what was found with the truth. Takes less than ten minutes on two processor cores.",
    )
    parser.add_argument(
        "folder", nargs="?", default=DEFAULT_FOLDER, help=f"of the project [{DEFAULT_FOLDER}]"
    )
    parser.add_argument(
        "--images", type=int, default=Wishes.n_images, help="images to simulate [%(default)s]"
    )
    parser.add_argument(
        "--gaussians", type=int, default=Wishes.n_gaussians, help="of the model [%(default)s]"
    )
    parser.add_argument(
        "--max-minutes", type=float, default=Wishes.max_minutes, help="limit of the training [%(default)s]"
    )
    parser.add_argument("--seed", type=int, default=Wishes.seed, help="of the training [%(default)s]")
    parser.add_argument("--no-window", action="store_true", help="neither a window nor pictures of it")
    parser.add_argument(
        "--hidden", action="store_true", help="only pictures of the window, also where a screen is"
    )
    given = parser.parse_args(argv)
    return Wishes(
        folder=Path(given.folder),
        n_images=given.images,
        n_gaussians=given.gaussians,
        max_minutes=given.max_minutes,
        seed=given.seed,
        window=not given.no_window,
        hidden=given.hidden,
    )


def run(wishes: Wishes) -> int:
    """Do what the demo does, step by step."""
    started = time.monotonic()
    project = open_or_create(wishes.folder)
    folder = Path(project.path).resolve()
    progress = Progress()
    progress.say(f"The project of the demo is {folder}.")

    simulated = _finished_simulation(project, wishes.n_images)
    if simulated:
        progress.say(f"The images in {simulated} are used again.")
    else:
        progress.say(f"Simulating {wishes.n_images} images of a molecule with a hinge.")
        simulated, outcome = _run_job(project, "simulate", simulation(wishes), progress)
        if outcome.exit_code:
            return _stopped(folder / simulated, outcome)

    progress.say(f"Learning its motion; at most {wishes.max_minutes:g} minutes.")
    name = _start(project, "dynamight", training(wishes, simulated))
    with _window(wishes, folder, name, progress) as window:
        outcome = follow(project, name, progress)
        if outcome.exit_code:
            return _stopped(folder / name, outcome)
        _compare(folder, simulated, name, progress)
        for switch, words in STEPS:
            window.pause()
            progress.say(words)
            go_on(project, name, switch)
            outcome = follow(project, name, progress)
            if outcome.exit_code:
                return _stopped(folder / name, outcome)
        _tell(folder, name, progress, duration(time.monotonic() - started))
        window.wait(progress)
    print(folder / name)
    return 0


def open_or_create(folder: Path) -> Project:
    """Return the project in `folder`; in an empty or new folder one is made.

    Raises
    ------
    UserError
        When the folder holds other things, or cannot be made.
    """
    if folder.is_dir():
        try:
            return Project.open(folder)
        except NotAProject:
            pass  # an empty folder may become one
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        hint = "Name another folder: heteroscope demo DIR"
        raise UserError(f"the folder cannot be used ({error.strerror})", path=folder, hint=hint) from error
    if not is_empty:
        hint = "Name an empty or a new folder: heteroscope demo DIR"
        raise UserError("the folder holds other files and no project", path=folder, hint=hint)
    return Project.create(folder)


def simulation(wishes: Wishes) -> dict[str, str]:
    """Return the options of the simulation, in words of the command line."""
    return {"recipe": "R1", "nr_images": str(wishes.n_images)}


def training(wishes: Wishes, simulated: str) -> dict[str, str]:
    """Return the options of the training, in RELION's words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return {
        "fn_star": f"{simulated}particles.star",
        "fn_map": f"{simulated}consensus.mrc",
        "nr_gaussians": str(wishes.n_gaussians),
        "gpu_id": "0" if list_gpus() else "",
        "do_preload": "Yes",
        "nr_threads": str(min(cores, 8)),
        "seed": str(wishes.seed),
        "max_minutes": f"{wishes.max_minutes:g}",
    }


def _start(project: Project, key: str, values: dict[str, str]) -> str:
    job_type = registry.job_type(key)
    options, problems = from_values(job_type.options, values)
    for problem in problems:
        if problem.severity == "error":
            raise UserError(problem.message, hint=problem.hint)
    return start_job(project, job_type, options)


def go_on(project: Project, name: str, switch: str) -> None:
    """Continue a job with one of its tasks, as Continue! does."""
    stored = read_stored(project.path, name)
    chosen = {task.switch: task.switch == switch for task in stored.job_type.tasks if task.switch}
    continue_job(project, name, stored.job_type, stored.options.model_copy(update=chosen))


def _run_job(project: Project, key: str, values: dict[str, str], progress: Progress) -> tuple[str, Outcome]:
    name = _start(project, key, values)
    return name, follow(project, name, progress)


def _finished_simulation(project: Project, n_images: int) -> str:
    """Return an earlier simulation of this project with as many images, "" when there is none."""
    project.check_completion()
    label = registry.job_type("simulate").label
    for process in reversed(project.pipeline.processes):
        particles = Path(project.path) / process.name / "particles.star"
        if process.type_label == label and process.status == "Succeeded" and particles.is_file():
            rows = sum("@" in line for line in particles.read_text(encoding="utf-8").splitlines())
            if rows == n_images:
                return process.name
    return ""


# -- the window ----------------------------------------------------------------------------------------------


class _Window:
    """The process that shows the window, or takes its pictures; or none."""

    def __init__(self, process: subprocess.Popen[bytes] | None, pictures: Path | None) -> None:
        self.process = process
        self.pictures = pictures

    def pause(self) -> None:
        """Leave time for the pictures of a result, where pictures are taken."""
        if self.process is not None and self.pictures is not None:
            time.sleep(_PAUSE_S)

    def wait(self, progress: Progress) -> None:
        """Wait until the window was closed, or until the last picture has been taken."""
        if self.process is None:
            return
        if self.pictures is None:
            if self.process.poll() is None:
                progress.say("The result is open in the window; close it to end the demo.")
            self.process.wait()
            return
        try:
            self.process.wait(_LAST_PICTURES_S)
        except subprocess.TimeoutExpired:
            progress.say("The last pictures of the window were not finished in time.")
        taken = sorted(self.pictures.glob("*.png"))
        where = f"{len(taken)} screenshots of the window are in {self.pictures}."
        progress.say(where if taken else "No screenshots could be taken; the log is beside them.")

    def close(self) -> None:
        """End the process if it is still there; a job that runs goes on."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def _window(wishes: Wishes, folder: Path, name: str, progress: Progress) -> Iterator[_Window]:
    """Show a job in the window, or let pictures of it be taken where nobody could see it."""
    if not wishes.window:
        yield _Window(None, None)
        return
    with find_screen(hidden=wishes.hidden) as screen:
        window = _open_window(screen, folder, name)
        if window.pictures is not None:
            progress.say(f"Nobody sees a screen here, so pictures of the window go to {window.pictures}.")
        try:
            yield window
        finally:
            window.close()


def _open_window(screen: Screen, folder: Path, name: str) -> _Window:
    command = [sys.executable, "-P", "-m", _WINDOW, str(folder), name]
    pictures = None
    if not screen.is_seen:
        pictures = folder / _PICTURES
        pictures.mkdir(exist_ok=True)
        for old in pictures.glob("*.png"):
            old.unlink()
        command += ["--pictures", str(pictures), "--runs", str(1 + len(STEPS))]
    log = folder / (f"{_PICTURES}/window.log" if pictures else "window.log")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            env=program_environment(screen.environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the job; the window is closed afterwards
        )
    return _Window(process, pictures)


# -- the end -------------------------------------------------------------------------------------------------


def _stopped(job_dir: Path, outcome: Outcome) -> int:
    print(f"The demo ends here. {outcome.sentence} Its log is {job_dir / 'run.out'}.", file=sys.stderr)
    return outcome.exit_code


def _compare(folder: Path, simulated: str, name: str, progress: Progress) -> None:
    """Evaluate the trained model at the beads whose motion is known, and print how much of it was found."""
    found = folder / name / _FOUND
    points = folder / simulated / "beads.star"
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "app",
            "dynamight",
            "displacements",
            name,
            "--points",
            points,
            "--out",
            found,
        ],
        cwd=folder,
        env=program_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not found.is_file():
        reason = (done.stderr.strip().splitlines() or ["it left no result"])[-1]
        progress.say(f"The comparison with the truth was not possible: {reason}")
        return
    for line in comparison(folder / simulated / "ground_truth.npz", found):
        print(line)


def comparison(truth_file: Path, found_file: Path) -> list[str]:
    """Return in words how much of a known motion was found.

    Parameters
    ----------
    truth_file
        ``ground_truth.npz`` of a simulation.
    found_file
        Displacements of its beads, as ``heteroscope dynamight displacements`` writes them.
    """
    import numpy as np

    from jobs.simulate.score import score
    from jobs.simulate.truth import GroundTruth

    with np.load(found_file, allow_pickle=False) as found:
        result = score(found["displacement"], GroundTruth.load(truth_file), found["image_name"])
    return [
        "Compared with the truth, which only the simulation knows:",
        f"  order of the states (rank correlation)   {result.spearman:.3f}   (1 is perfect)",
        f"  error of the moving part                 {result.rmsd_moving_a:.2f} Å   "
        f"({result.none_moving_a:.2f} Å if no motion were found)",
        f"  error of the part that stands still      {result.rmsd_static_a:.2f} Å",
        f"  size of the motion                       {100 * result.gain:.0f} %   of the true one",
    ]


def _tell(folder: Path, name: str, progress: Progress, took: str) -> None:
    progress.say(f"Done in {took}. The results are in {folder / name}:")
    for path, meaning in registry.job_type("dynamight").result_files:
        if (folder / name / path).is_file():
            progress.say(f"  {path}: {meaning}")
    progress.say(f"To look at them again: heteroscope {folder}")
