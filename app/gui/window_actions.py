"""The actions on the window: what it shows and how, and help."""

from __future__ import annotations

from app.gui.action_info import PROJECT, ActionInfo

WINDOW_ACTIONS = (
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
