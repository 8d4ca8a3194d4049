"""The actions on the project and on its lists of jobs."""

from __future__ import annotations

from app.gui.action_info import PROJECT, READY, WRITABLE, ActionInfo

PROJECT_ACTIONS = (
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
)
