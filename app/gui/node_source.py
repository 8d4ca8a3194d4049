"""Files of the project for the node picker; called by its thread, answered by the project lane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from app.gui.bridge import Bridge
from app.gui.workplace import Workplace
from app.node_details import node_details
from widgets.node_source import NodeCandidate

_WAIT_S = 10.0


class ProjectNodes:
    """The nodes of the open project, with what their headers say; headers are read once."""

    def __init__(self, bridge: Bridge, workplace: Workplace) -> None:
        self._bridge = bridge
        self._workplace = workplace
        self._details: dict[tuple[Path, float], dict[str, Any]] = {}

    def candidates(self, labels: Sequence[str]) -> Sequence[NodeCandidate]:
        """Return the existing files whose label suits; only the first dot-part counts, as in RELION."""
        prefixes = tuple(label.partition(".")[0] for label in labels)
        root, nodes = self._bridge.wait_for(lambda: self._workplace.nodes(prefixes), _WAIT_S)
        found = []
        for path, label, job in nodes:
            try:
                changed = (root / path).stat().st_mtime
            except OSError:
                continue
            found.append(
                NodeCandidate(
                    path, label, job, datetime.fromtimestamp(changed), self._read(root / path, changed)
                )
            )
        return found

    def _read(self, path: Path, changed: float) -> dict[str, Any]:
        key = (path, changed)
        if key not in self._details:
            self._details[key] = node_details(path)
        return self._details[key]
