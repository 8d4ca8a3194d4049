"""Somebody whom the set-up of a Dynamo project tells what it does."""

from __future__ import annotations


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def check_abort(self) -> None:
        """Go on."""

    def progress(self, phase: str, step: int, of: int) -> None:
        """Keep nothing."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)
