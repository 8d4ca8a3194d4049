"""Aliases, trash, notes, last settings and the mirror of nodes of an open project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.project import aliases, cleaning, notes, trash
from app.project import nodes as node_rules
from app.project.cleaning import CleanedEntry, CleanPlan
from app.project.graph import RUNNING, SUCCEEDED, Process
from app.project.session import Session
from app.project.trash import TrashEntry
from jobs.core.errors import UserError
from jobs.core.job_star import JobStar, read_job_star, write_job_star


class Housekeeping(Session):
    """What is done to jobs that are there already, and to the project as a whole."""

    # -- aliases -------------------------------------------------------------------------------------------

    def set_alias(self, name: str, alias: str) -> Process:
        """Give a job an alias as the user types it; empty takes it away.

        Raises
        ------
        UserError
            When RELION's rules forbid it.
        """
        with self.changing(f"alias of {name}") as change:
            old = self.process(name)
            full = aliases.full_alias(self.path, change.pipeline, old, alias)
            places = node_rules.all_mirror_paths(change.pipeline, change.pipeline.outputs(old.name))
            process = change.pipeline.change_process(old.name, alias=full)
        if process != old:
            aliases.remove_link(self.path, old)
            node_rules.remove_mirror(self.path, places)
        self.show_in_dialogs(process.name)
        return process

    def restore_alias_links(self) -> None:
        """Make missing links of aliases again, as RELION does whenever it reads a project."""
        for process in self.pipeline.processes:
            if process.alias and (self.path / process.name).is_dir():
                aliases.make_link(self.path, process)

    def show_in_dialogs(self, name: str) -> None:
        """Make the alias link of a job, and the mirror entries of what it reads and makes."""
        process = self.pipeline.process(name)
        if process is not None:
            aliases.make_link(self.path, process)
            touched = [*self.pipeline.inputs(name), *self.pipeline.outputs(name)]
            node_rules.make_mirror(self.path, self.pipeline, touched)

    # -- trash ---------------------------------------------------------------------------------------------

    def delete(self, names: str | Sequence[str], *, dependants: bool = True) -> list[str]:
        """Move jobs, and all jobs that use their results, to the trash; returns the names of all of them.

        Parameters
        ----------
        names
            The jobs.
        dependants
            False: jobs that use their results stay; the files they used are then known without a maker,
            until the deleted jobs come back.

        Raises
        ------
        UserError
            When one of them is running, or a directory cannot be moved; nothing is then deleted.
        """
        wanted = [names] if isinstance(names, str) else list(names)
        moves: list[tuple[Path, Path]] = []
        with self.changing("deleting jobs", undo=lambda: trash.undo_moves(moves)) as change:
            doomed = list(dict.fromkeys(self.process(name).name for name in wanted))
            if dependants:
                doomed += change.pipeline.dependants(doomed)
            gone = [self.process(name) for name in doomed]
            for process in gone:
                if process.status == RUNNING:
                    raise UserError(
                        f"{process.name} is running, so nothing was deleted",
                        hint="Abort it first, or mark it as failed if it died",
                    )
            made = [node for name in doomed for node in change.pipeline.outputs(name)]
            places = node_rules.all_mirror_paths(change.pipeline, made)
            trash.delete_jobs(self.path, change.pipeline, doomed, moves, alone=not dependants)
        node_rules.remove_mirror(self.path, places)
        for process in gone:
            aliases.remove_link(self.path, process)
        return doomed

    def undelete(self, path: str | Path) -> list[str]:
        """Bring a deleted job back, with those that were deleted together with it; returns their names.

        Parameters
        ----------
        path
            Job directory in the trash, or the ``deleted_pipeline.star`` or ``job_pipeline.star`` in it.

        Raises
        ------
        UserError
            When there is no record, or a job of that name exists again.
        """
        record, names = trash.find_record(self.path, Path(path))
        moves: list[tuple[Path, Path]] = []
        with self.changing("undeleting jobs", undo=lambda: trash.undo_moves(moves)) as change:
            back = trash.undelete_jobs(self.path, change.pipeline, record, names, moves)
        for name in back:
            self.show_in_dialogs(name)
        return back

    def trash_entries(self) -> list[TrashEntry]:
        """Return the deleted jobs, latest first."""
        return trash.trash_entries(self.path)

    def empty_trash(self) -> int:
        """Remove the trash for ever; returns how many deleted jobs it held."""
        self.require_writable()
        return trash.empty_trash(self.path)

    # -- cleaning ------------------------------------------------------------------------------------------

    def clean_plans(self, name: str = "", *, harsh: bool = False) -> list[CleanPlan]:
        """List what cleaning a job, or all that have succeeded, would move to the trash; changes nothing.

        Jobs without anything to clean are left out, except those that are protected.

        Raises
        ------
        UserError
            When the job has not succeeded.
        """
        if name:
            process = self.process(name)
            cleaning.refuse_unfinished(process)
            return [cleaning.plan(self.path, self.pipeline, process, harsh=harsh)]
        plans = [
            cleaning.plan(self.path, self.pipeline, process, harsh=harsh, whole=True)
            for process in list(self.pipeline.processes)
        ]
        return [one for one in plans if one.files or one.protected]

    def clean(self, plans: Sequence[CleanPlan]) -> list[CleanPlan]:
        """Move the files of plans to the trash; a job that runs again meanwhile is left alone.

        Raises
        ------
        UserError
            When a file cannot be moved; nothing is then cleaned.
        """
        self.require_writable()
        self.refresh()
        still = []
        for one in plans:
            process = self.pipeline.process(one.name)
            if process is not None and process.status == SUCCEEDED:
                nodes = {node.name for node in self.pipeline.outputs(process.name)}
                kept = tuple(file for file in one.files if one.name + file[0] not in nodes)
                still.append(CleanPlan(one.name, kept, one.protected))
        return cleaning.carry_out(self.path, still)

    def cleaned_entries(self) -> list[CleanedEntry]:
        """Return the cleaned files in the trash whose jobs are still there, latest first."""
        return cleaning.cleaned_entries(self.path, self.pipeline)

    def bring_back(self, name: str) -> int:
        """Move all cleaned files of a job back into it; returns how many.

        Raises
        ------
        UserError
            When there are none, or one cannot be moved.
        """
        self.require_writable()
        wanted = self.process(name).name
        entries = [entry for entry in self.cleaned_entries() if entry.name == wanted]
        if not entries:
            raise UserError(f"There are no cleaned files of {wanted} in the trash")
        return sum(cleaning.bring_back(self.path, entry) for entry in entries)

    # -- notes, settings, mirror ---------------------------------------------------------------------------

    @property
    def project_note(self) -> str:
        """The note of the project."""
        return notes.read_note(self.path / notes.PROJECT_NOTE)

    @project_note.setter
    def project_note(self, text: str) -> None:
        self.require_writable()
        notes.write_note(self.path / notes.PROJECT_NOTE, text)

    def print_all_notes(self) -> Path:
        """Write the notes of all jobs into one file and return its place."""
        self.require_writable()
        target = self.path / notes.ALL_NOTES
        notes.write_note(target, notes.all_notes(self.path, self.pipeline))
        return target

    def last_settings(self, hidden_name: str) -> JobStar | None:
        """Return the settings last used for a type (``dynamight``), None when there are none to be read."""
        try:
            return read_job_star(self.path / f".gui_{hidden_name}job.star")
        except UserError:
            return None

    def save_settings(self, hidden_name: str, job_star: JobStar) -> None:
        """Remember the settings of a type for the next new job, here and in RELION."""
        self.require_writable()
        write_job_star(self.path / f".gui_{hidden_name}job.star", job_star)

    def remake_nodes_dir(self) -> int:
        """Make the mirror of nodes anew; returns how many entries it has."""
        self.require_writable()
        return node_rules.rebuild_mirror(self.path, self.pipeline)
