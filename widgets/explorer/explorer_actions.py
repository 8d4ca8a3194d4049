"""What can be done in the explorer by menu and key, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExplorerAction:
    """One action: text, tip, shortcut, and the menu in which it stands."""

    key: str
    text: str
    tip: str
    shortcut: str = ""
    menu: str = "save"
    checkable: bool = False
    separated: bool = False


ACTIONS: tuple[ExplorerAction, ...] = (
    ExplorerAction(
        "save_map", "&Map of this state", "Write the shown state at full size into maps/", "Ctrl+S"
    ),
    ExplorerAction(
        "save_movie",
        "M&ovie as maps",
        "Write every frame of the trajectory as a map into movies/, with a script for ChimeraX",
        "Ctrl+M",
    ),
    ExplorerAction(
        "save_model",
        "Moved &atomic model",
        "Write the movie with the atomic model moved along, one model per frame",
    ),
    ExplorerAction("save_path", "&Path as a table…", "Write the latent states of the trajectory"),
    ExplorerAction(
        "save_mp4",
        "&Video (mp4)",
        "Write what the map pane shows along the trajectory",
        "Ctrl+Shift+M",
        separated=True,
    ),
    ExplorerAction("save_gif", "Video (&gif)", "The same as an animated picture"),
    ExplorerAction("save_frames", "&Frames (png)", "The same as one picture per frame"),
    ExplorerAction("save_picture", "Pi&cture (png)", "Write what the map pane shows now", "Ctrl+Shift+S"),
    ExplorerAction(
        "save_star",
        "Selected particles (&STAR)",
        "Write the selection with all columns into subsets/",
        separated=True,
    ),
    ExplorerAction("save_cs", "Selected particles (.c&s)…", "Write the selection of a cryoSPARC data set"),
    ExplorerAction("save_indices", "Selected particles (&indices)", "Write their places in the STAR file"),
    ExplorerAction(
        "train_subset",
        "&Train on the selection",
        "Write the selection and begin a new job with it",
        "Ctrl+T",
    ),
    ExplorerAction(
        "atoms", "&Atomic model…", "Show an atomic model that moves with the map", "Ctrl+Shift+A", "view"
    ),
    ExplorerAction(
        "pin",
        "&Compare with this state",
        "Keep this state beside those that are chosen next, and show the difference",
        "Ctrl+B",
        "view",
        checkable=True,
    ),
    ExplorerAction(
        "snap",
        "&Nearest particle",
        "Clicks and trajectories go to the nearest particle; off: to the exact place in latent space",
        "N",
        "view",
        checkable=True,
    ),
    ExplorerAction("play", "&Play", "Play the trajectory, or stop", "Ctrl+Space", "view"),
    ExplorerAction(
        "second",
        "&Second plot",
        "Show the same particles in another layout below, linked with the first",
        "Ctrl+2",
        "view",
        checkable=True,
    ),
    ExplorerAction(
        "data",
        "&Table, columns and angles",
        "Show any two columns, a table of the selection, and the angles in a window of their own",
        "Ctrl+D",
        "view",
    ),
    ExplorerAction(
        "consensus_state", "Show the &consensus", "Show the consensus structure", "Ctrl+0", "view"
    ),
    ExplorerAction(
        "clusters",
        "Find c&lusters…",
        "Divide the particles into clusters and colour by them",
        "Ctrl+K",
        "view",
    ),
)
