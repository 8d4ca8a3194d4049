"""The actions of the window as data: text, shortcut, tip, and when each may be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Situation:
    """What decides which actions may be used.

    Attributes
    ----------
    project
        A project is open.
    writable
        It is not read-only.
    job
        A job of the lists is shown, not a new one.
    ours
        Its type is one of this program's.
    status
        Its status in RELION's words, empty without a job.
    waits
        It is in the queue for a device, or in that of a cluster, and has not begun.
    can_run
        The form is complete and something has changed since the last start.
    explorable
        Its results have a latent space.
    """

    project: bool = False
    writable: bool = False
    job: bool = False
    ours: bool = False
    status: str = ""
    waits: bool = False
    can_run: bool = False
    why_not_run: str = ""
    explorable: bool = False


@dataclass(frozen=True)
class Need:
    """A condition of an action, with the sentence that explains why it can not be used now."""

    met: Callable[[Situation], bool]
    otherwise: str


PROJECT = Need(lambda s: s.project, "Open a project first.")
WRITABLE = Need(lambda s: s.project and s.writable, "The project is open for reading only.")
JOB = Need(lambda s: s.job, "Choose a job in the lists first.")
OURS = Need(lambda s: s.ours, "This job belongs to another program, which has to do that.")
RUNNING = Need(lambda s: s.status == "Running" or s.waits, "The job is not running.")
IDLE = Need(lambda s: s.status != "Running" or s.waits, "The job is running: abort it first.")
UNFINISHED = Need(lambda s: s.status not in ("", "Succeeded"), "The job is finished already.")
SUCCEEDED = Need(
    lambda s: s.status == "Succeeded",
    "Only jobs that have succeeded can be cleaned: an unfinished one may need its files.",
)
NOT_FAILED = Need(lambda s: s.status not in ("", "Failed"), "The job is marked as failed already.")
EXPLORABLE = Need(lambda s: s.explorable, "This job has no latent space to explore.")
READY = Need(lambda s: s.can_run, "")


@dataclass(frozen=True)
class ActionInfo:
    """One action: what is shown, and the name of the method of `Commands` that does it."""

    key: str
    text: str
    tip: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    needs: tuple[Need, ...] = ()
    checkable: bool = False

    def hindrance(self, situation: Situation) -> str:
        """Return why the action can not be used now, or an empty text when it can."""
        for need in self.needs:
            if not need.met(situation):
                return need.otherwise or situation.why_not_run or "Not now."
        return ""


_ALL = (
    # the project
    ActionInfo("new_project", "&New project…", "Start a project in a folder", ("Ctrl+N",), "new"),
    ActionInfo("open_project", "&Open project…", "Open a RELION project folder", ("Ctrl+O",), "open"),
    ActionInfo(
        "close_project",
        "&Close project",
        "Close the project; jobs go on running",
        ("Ctrl+W",),
        needs=(PROJECT,),
    ),
    ActionInfo(
        "reread",
        "&Re-read project",
        "Read the project file again now",
        ("Alt+R", "F5"),
        "refresh",
        (PROJECT,),
    ),
    ActionInfo(
        "edit_project_note",
        "&Edit project note…",
        "Free text kept with the project",
        ("Alt+E",),
        "note",
        (PROJECT,),
    ),
    ActionInfo(
        "print_all_notes",
        "&Print all notes",
        "Gather the notes of all jobs in one file",
        needs=(PROJECT, WRITABLE),
    ),
    ActionInfo(
        "remake_nodes",
        "Remake .&Nodes folder",
        "Rebuild the folder from which RELION's Browse buttons choose",
        ("Alt+N",),
        needs=(PROJECT, WRITABLE),
    ),
    ActionInfo(
        "empty_trash",
        "Empty &trash…",
        "Remove deleted jobs for good",
        ("Alt+T",),
        "delete",
        needs=(PROJECT, WRITABLE),
    ),
    ActionInfo(
        "display",
        "&Display…",
        "Show any file: map, images, table, curves, text or pages",
        ("Alt+D",),
        "search",
    ),
    ActionInfo("show_welcome", "Show &start screen", "Recent projects and the demo", ("Alt+Z",)),
    ActionInfo("preferences", "&Preferences…", "Theme, abort time and queue", ("Ctrl+,",), "settings"),
    ActionInfo("quit", "&Quit", "Close the window; jobs go on running", ("Ctrl+Q", "Alt+Q")),
    # jobs
    ActionInfo("run", "&Run!", "Start the job", ("Ctrl+Return",), "run", needs=(PROJECT, WRITABLE, READY)),
    ActionInfo(
        "schedule",
        "Sc&hedule",
        "Enter the job in the project without starting it",
        ("Ctrl+Shift+Return",),
        "schedule",
        needs=(PROJECT, WRITABLE, READY),
    ),
    ActionInfo(
        "show_command",
        "Check co&mmand…",
        "Show the command that would be run, with the number the job would get",
        ("Ctrl+Shift+C",),
        "command",
        needs=(PROJECT,),
    ),
    ActionInfo(
        "save_job_star",
        "&Save job.star…",
        "Save the settings shown, also as defaults",
        ("Alt+S",),
        "save",
        (PROJECT,),
    ),
    ActionInfo(
        "load_job_star",
        "&Load job.star…",
        "Fill the form from a file of settings",
        ("Alt+L",),
        "open",
        (PROJECT,),
    ),
    ActionInfo(
        "order_alphabetically",
        "Order &alphabetically",
        "Sort the finished jobs by name",
        ("Alt+A",),
        needs=(PROJECT,),
    ),
    ActionInfo(
        "order_chronologically",
        "Order &chronologically",
        "Newest finished job first",
        ("Alt+C",),
        needs=(PROJECT,),
    ),
    ActionInfo(
        "undelete", "&Undelete jobs…", "Bring jobs back from the trash", ("Alt+U",), needs=(PROJECT, WRITABLE)
    ),
    ActionInfo(
        "toggle_overwrite",
        "Toggle &overwrite button",
        "Run the shown job again from scratch in its own folder",
        ("Alt+O",),
        needs=(PROJECT, WRITABLE),
        checkable=True,
    ),
    ActionInfo(
        "run_scheduled",
        "Run sche&duled jobs…",
        "Start the waiting jobs one after another",
        icon="queue",
        needs=(PROJECT, WRITABLE),
    ),
    ActionInfo(
        "stop_scheduled",
        "S&top scheduled jobs…",
        "Start no further scheduled jobs; the one that runs goes on",
        icon="abort",
        needs=(PROJECT, WRITABLE),
    ),
    ActionInfo(
        "clean_gently",
        "&Gently clean all jobs…",
        "Move what no job needs any more to the trash, after a look at the list",
        ("Alt+G",),
        needs=(PROJECT, WRITABLE),
    ),
    ActionInfo(
        "clean_harshly",
        "&Harshly clean all jobs…",
        "Also what can be made again at a cost; protected jobs are spared",
        ("Alt+H",),
        needs=(PROJECT, WRITABLE),
    ),
    ActionInfo(
        "disk_use",
        "Disk &use…",
        "What each job takes, and what cleaning would free",
        needs=(PROJECT,),
    ),
    ActionInfo("schedule_log", "Schedule &log…", "What happened in schedules", icon="log", needs=(PROJECT,)),
    # the shown job
    ActionInfo("edit_note", "Edit &note", "Write into the note of this job", icon="note", needs=(JOB,)),
    ActionInfo("set_alias", "&Alias…", "Give this job a name", icon="edit", needs=(JOB, WRITABLE)),
    ActionInfo(
        "edit_tags",
        "&Tags…",
        "Put coloured words on this job, to find it by",
        ("Ctrl+T",),
        "alias",
        needs=(PROJECT, JOB, WRITABLE),
    ),
    ActionInfo(
        "abort",
        "A&bort",
        "Ask the running job to stop, or take a waiting one out of the queue",
        ("Ctrl+.",),
        "abort",
        needs=(JOB, WRITABLE, RUNNING, OURS),
    ),
    ActionInfo(
        "mark_finished",
        "Mark as &finished",
        "Enter the job as succeeded",
        icon="finished",
        needs=(JOB, WRITABLE, UNFINISHED),
    ),
    ActionInfo(
        "mark_failed",
        "Mark as fai&led",
        "Enter the job as failed",
        icon="failed",
        needs=(JOB, WRITABLE, NOT_FAILED),
    ),
    ActionInfo(
        "clone",
        "&Clone",
        "Take over these settings into a new job",
        ("Ctrl+D",),
        "copy",
        needs=(PROJECT, JOB, OURS),
    ),
    ActionInfo(
        "explore",
        "E&xplore",
        "Walk through the latent space of this job, beside the moving map",
        ("Ctrl+E",),
        "explorer",
        needs=(PROJECT, JOB, EXPLORABLE),
    ),
    ActionInfo(
        "compare_job",
        "Co&mpare with…",
        "Show the options of this job beside those of another",
        ("Ctrl+M",),
        needs=(PROJECT, JOB),
    ),
    ActionInfo(
        "copy_methods_text",
        "Copy methods te&xt",
        "Sentences for a methods section: what was done, settings, versions, citation",
        needs=(PROJECT, JOB, OURS),
    ),
    ActionInfo(
        "make_report",
        "Repor&t…",
        "Write this job as a web page with plots, maps, parameters and methods text, and open it",
        ("Ctrl+Shift+R",),
        "report",
        needs=(PROJECT, JOB),
    ),
    ActionInfo(
        "clean_job",
        "&Gentle clean…",
        "Move files of this job that nothing needs any more to the trash",
        needs=(JOB, WRITABLE, SUCCEEDED),
    ),
    ActionInfo(
        "clean_job_harshly",
        "Ha&rsh clean…",
        "Also files of this job that can be made again at a cost",
        needs=(JOB, WRITABLE, SUCCEEDED),
    ),
    ActionInfo(
        "bring_back",
        "Bring bac&k cleaned files",
        "Move what cleaning took from this job out of the trash again",
        icon="restore",
        needs=(JOB, WRITABLE),
    ),
    ActionInfo(
        "delete",
        "&Delete…",
        "Move this job, and those which use its results, to the trash",
        ("Ctrl+Del",),
        "delete",
        needs=(JOB, WRITABLE, IDLE),
    ),
    ActionInfo("open_folder", "&Open folder", "Show the files of this job", icon="folder", needs=(JOB,)),
    # the window
    ActionInfo(
        "show_flowchart",
        "Show flow&chart",
        "The jobs of the project and what goes between them",
        ("Ctrl+G",),
        "flowchart",
        needs=(PROJECT,),
    ),
    ActionInfo(
        "export_flowchart",
        "&Export flowchart…",
        "Save the flowchart as SVG or PDF",
        icon="export",
        needs=(PROJECT,),
    ),
    ActionInfo(
        "tomo_mode",
        "To&mography mode",
        "Offer the job types for tomograms, as relion --tomo does; jobs of all types stay in the lists",
        checkable=True,
    ),
    ActionInfo("reset_layout", "&Reset layout", "Put all panes back to their places"),
    ActionInfo("find_in_log", "&Find in log", "Search run.out and run.err", ("Ctrl+F",), "search"),
    ActionInfo("help_start", "&Getting started", "How to run a first job", ("F1",), "help"),
    ActionInfo("help_job", "About this &job type", "What the options of the job type mean", ("Shift+F1",)),
    ActionInfo("help_explorer", "The e&xplorer", "How to walk through latent space"),
    ActionInfo("selftest", "&Graphics self-test…", "What draws and computes on this machine, and what to do"),
    ActionInfo("whats_new", "&What is new", "Changes in this version"),
    ActionInfo("about", "&About Heteroscope", "Version and licence"),
)

ACTIONS: dict[str, ActionInfo] = {info.key: info for info in _ALL}

SEPARATOR = ""

#: Menus in order, as keys of actions; ``*name`` stands for a part that the window fills itself.
MENUS: dict[str, tuple[str, ...]] = {
    "&File": (
        "new_project",
        "open_project",
        "*recent",
        "close_project",
        SEPARATOR,
        "display",
        SEPARATOR,
        "reread",
        "edit_project_note",
        "print_all_notes",
        "remake_nodes",
        "empty_trash",
        SEPARATOR,
        "show_welcome",
        "preferences",
        SEPARATOR,
        "quit",
    ),
    "&Jobs": (
        "run",
        "schedule",
        "show_command",
        "toggle_overwrite",
        SEPARATOR,
        "save_job_star",
        "load_job_star",
        SEPARATOR,
        "order_alphabetically",
        "order_chronologically",
        SEPARATOR,
        "run_scheduled",
        "stop_scheduled",
        "schedule_log",
        SEPARATOR,
        "disk_use",
        "clean_gently",
        "clean_harshly",
        "undelete",
    ),
    "Job act&ions": (
        "explore",
        "*display",
        SEPARATOR,
        "edit_note",
        "set_alias",
        "edit_tags",
        "clone",
        "compare_job",
        "copy_methods_text",
        "make_report",
        "open_folder",
        SEPARATOR,
        "abort",
        "mark_finished",
        "mark_failed",
        SEPARATOR,
        "clean_job",
        "clean_job_harshly",
        "bring_back",
        "delete",
    ),
    "&View": (
        "*panes",
        SEPARATOR,
        "show_flowchart",
        "export_flowchart",
        SEPARATOR,
        "find_in_log",
        SEPARATOR,
        "*theme",
        "tomo_mode",
        SEPARATOR,
        "reset_layout",
    ),
    "Hel&p": (
        "help_start",
        "help_job",
        "help_explorer",
        "*topics",
        SEPARATOR,
        "selftest",
        "whats_new",
        SEPARATOR,
        "about",
    ),
}

#: The menu that opens on a right click on a job.
JOB_MENU = MENUS["Job act&ions"]


def action_info(key: str) -> ActionInfo:
    """Return the declaration of an action.

    Raises
    ------
    KeyError
        When there is none of this name; the message suggests the nearest.
    """
    try:
        return ACTIONS[key]
    except KeyError:
        import difflib

        near = difflib.get_close_matches(key, ACTIONS, n=1)
        raise KeyError(f"no action {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")) from None
