"""Coloured words that people put on jobs, kept in a file of the project which RELION does not touch.

RELION rewrites ``default_pipeline.star`` from memory and drops what it does not know, so tags live in
``.heteroscope/tags.json``. They are kept by the name of the job, which neither an alias nor a stay in the
trash changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobs.core.errors import UserError

_FOLDER = ".heteroscope"
_FILE = "tags.json"
_VERSION = 1
#: The colours that tags take in turn, by their numbers; each theme has a shade of its own for each.
COLOUR_NAMES = ("blue", "orange", "teal", "magenta", "olive", "grey", "red", "green")
N_COLOURS = len(COLOUR_NAMES)
_LONGEST = 32


@dataclass(frozen=True)
class Tag:
    """A word and the number of its colour, from 0 to `N_COLOURS` - 1."""

    word: str
    colour: int


@dataclass(frozen=True)
class Tags:
    """The tags of a project.

    Attributes
    ----------
    by_job
        Words by name of the job (``Refine3D/job029/``), in the order in which they were given.
    colours
        Number of the colour of each word ever used.
    """

    by_job: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    colours: Mapping[str, int] = field(default_factory=dict)

    def of(self, job: str) -> tuple[Tag, ...]:
        """Return the tags of a job."""
        return tuple(Tag(word, self.colours.get(word, 0)) for word in self.by_job.get(job, ()))

    def known(self) -> tuple[Tag, ...]:
        """Return the tags that any job has, in alphabetical order."""
        words = {word for words in self.by_job.values() for word in words}
        return tuple(Tag(word, self.colours.get(word, 0)) for word in sorted(words, key=str.lower))


def check_tag(word: str) -> str:
    """Return what is wrong with a tag, empty when nothing is."""
    word = word.strip()
    if not word:
        return "A tag needs at least one letter"
    if len(word) > _LONGEST:
        return f"A tag has at most {_LONGEST} letters"
    if not word.isprintable() or "," in word:
        return "A tag cannot hold commas or line breaks"
    return ""


class TagFile:
    """Reads and changes the tags of a project.

    Parameters
    ----------
    project_dir
        The project.
    """

    def __init__(self, project_dir: str | Path) -> None:
        self.path = Path(project_dir) / _FOLDER / _FILE
        self._seen: tuple[int, int] | None = None
        self._tags = Tags()

    def read(self) -> Tags:
        """Return the tags; quick when the file has not changed. A damaged file counts as one without tags."""
        seen = self._stat()
        if seen != self._seen:
            try:
                self._tags = self._load() if seen is not None else Tags()
            except UserError:
                self._tags = Tags()
            self._seen = seen
        return self._tags

    def set(self, job: str, words: Sequence[str], colours: Mapping[str, int] | None = None) -> Tags:
        """Give a job these tags and no others; see :meth:`change`."""
        return self.change(job, lambda _old: words, colours)

    def add(self, job: str, word: str) -> Tags:
        """Give a job one tag more; see :meth:`change`."""
        return self.change(job, lambda old: (*old, word))

    def remove(self, job: str, word: str) -> Tags:
        """Take a tag from a job; see :meth:`change`.

        Raises
        ------
        UserError
            When the job does not have it.
        """

        def without(old: tuple[str, ...]) -> Sequence[str]:
            if word.strip() not in old:
                there = f"It has {', '.join(old)}" if old else "It has none"
                raise UserError(f"{job} has no tag {word.strip()!r}", hint=there)
            return [other for other in old if other != word.strip()]

        return self.change(job, without)

    def change(
        self,
        job: str,
        make: Callable[[tuple[str, ...]], Sequence[str]],
        chosen: Mapping[str, int] | None = None,
    ) -> Tags:
        """Change the tags of one job; those of the others stay as they are on disk.

        A new word takes the next colour; those in `chosen` have the colour that a person gave them, on all
        jobs.

        Raises
        ------
        UserError
            When a word is not fit for a tag, or the file is damaged or cannot be written.
        """
        with self._alone():
            tags = self._load()
            words = tuple(dict.fromkeys(word.strip() for word in make(tags.by_job.get(job, ()))))
            for word in words:
                if trouble := check_tag(word):
                    raise UserError(trouble, hint=f"The tag was {word!r}")
            by_job = {name: kept for name, kept in {**tags.by_job, job: words}.items() if kept}
            colours = dict(tags.colours)
            for word in words:
                colours.setdefault(word, len(colours) % N_COLOURS)
            colours.update({word: number % N_COLOURS for word, number in (chosen or {}).items()})
            self._tags = Tags(by_job, colours)
            self._write(self._tags)
            self._seen = self._stat()
        return self._tags

    def _stat(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _load(self) -> Tags:
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return Tags(
                {str(job): tuple(str(word) for word in words) for job, words in stored["tags"].items()},
                {str(word): int(colour) % N_COLOURS for word, colour in stored["colours"].items()},
            )
        except FileNotFoundError:
            return Tags()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                "The tags of the project cannot be read",
                path=self.path,
                hint="Move this file away to start with none",
            ) from error

    def _write(self, tags: Tags) -> None:
        content = {
            "version": _VERSION,
            "tags": {job: list(words) for job, words in tags.by_job.items()},
            "colours": dict(tags.colours),
        }
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            temporary.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise self._not_written(error) from error

    def _not_written(self, error: OSError) -> UserError:
        return UserError(f"The tags cannot be written ({error.strerror or error})", path=self.path)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other windows and commands from changing the tags meanwhile."""
        try:
            self.path.parent.mkdir(exist_ok=True)
            place = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise self._not_written(error) from error
        try:
            # file systems without locks do without: a change takes a moment
            with contextlib.suppress(OSError):
                fcntl.flock(place, fcntl.LOCK_EX)
            yield
        finally:
            os.close(place)
