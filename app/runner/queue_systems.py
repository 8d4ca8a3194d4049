"""What queues say about a job: SLURM, PBS, Grid Engine and LSF; every question has a time limit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.runner import queue_words
from app.runner.queue_record import TITLES, UNKNOWN_ID, QueueRecord

#: Seconds that a queue's command has to answer.
ANSWER_S = 10.0
_NOT_THERE = 127
#: Words for a job that has begun and is stopped for a while: SLURM, LSF (by its owner, by the system), PBS.
_SUSPENDED = frozenset({"SUSPENDED", "STOPPED", "USUSP", "SSUSP", "S", "U"})


class Phase(StrEnum):
    """Where a job is, as seen by the queue."""

    PENDING = "pending"
    RUNNING = "running"
    OVER = "over"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class QueueState:
    """What a queue says about a job.

    Attributes
    ----------
    phase
        Where it is.
    word
        The queue's word, in capitals and SLURM's where there is one: ``PENDING``, ``TIMEOUT``.
    reason
        Why it waits or ended, as the queue puts it: ``Resources``.
    node
        Where it runs.
    code
        Exit code of the script, where known.
    trouble
        Why the phase is unknown.
    """

    phase: Phase
    word: str = ""
    reason: str = ""
    node: str = ""
    code: int | None = None
    trouble: str = ""

    @property
    def waits(self) -> bool:
        """True when the job has not begun."""
        return self.phase is Phase.PENDING

    def sentence(self, record: QueueRecord) -> str:
        """Return where the job is, in words."""
        named = "" if record.identifier == UNKNOWN_ID else f"id {record.identifier}"
        if record.system == "shell":
            return f"Running in a shell on {record.host}" if record.host else "Running in a shell"
        if self.phase is Phase.PENDING:
            why = queue_words.waiting_reason(self.reason, record.identifier)
            inside = ", ".join(part for part in (named, f"reason {why}" * bool(why)) if part)
            return f"Queued in {record.title}" + (f" ({inside})" if inside else "")
        known = f" ({record.title} {named})" if named else f" ({record.title})"
        if self.phase is Phase.RUNNING:
            does = "Suspended" if self.word in _SUSPENDED else "Running"
            return f"{does} on node {self.node}{known}" if self.node else f"{does}{known}"
        if self.phase is Phase.OVER:
            return f"Over in {record.title} ({', '.join(part for part in (named, self.word) if part)})"
        told = f"Submitted to {record.title}" + (f" ({named})" if named else "")
        return f"{told}; {self.trouble}" if self.trouble else told


@dataclass(frozen=True)
class _Answer:
    code: int
    out: str
    err: str

    @property
    def trouble(self) -> str:
        lines = [line for line in self.err.splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit code {self.code}"


def _ask(*command: str) -> _Answer:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
    except FileNotFoundError:
        return _Answer(_NOT_THERE, "", f"this machine has no {command[0]}")
    except subprocess.TimeoutExpired:
        return _Answer(-1, "", f"{command[0]} did not answer within {ANSWER_S:.0f} s")
    except OSError as error:
        return _Answer(-1, "", f"{command[0]} cannot be run ({error.strerror})")
    return _Answer(done.returncode, done.stdout, done.stderr)


def _unknown(answer: _Answer, command: str) -> QueueState:
    if answer.code == _NOT_THERE:
        trouble = f"{answer.err}, so only the job's files tell how it goes"
    else:
        said = answer.trouble
        trouble = said if said.startswith(command) else f"{command}: {said}"
    return QueueState(Phase.UNKNOWN, trouble=trouble)


def ask_queue(system: str, identifiers: Sequence[str]) -> dict[str, QueueState]:
    """Return what the queue says about jobs; takes as long as its commands, within their time limits."""
    known = [identifier for identifier in identifiers if identifier != UNKNOWN_ID]
    found = {identifier: QueueState(Phase.UNKNOWN) for identifier in identifiers if identifier == UNKNOWN_ID}
    if known:
        asker = _ASKERS.get(system)
        found |= asker(known) if asker else {i: QueueState(Phase.UNKNOWN) for i in known}
    return found


# ------------------------------------------------------------------------------------------------- SLURM

_SLURM_WAITS = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD"}
)
_SLURM_RUNS = frozenset(
    {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
)
#: Of the parts of a job the one that has most to do yet speaks for all.
_FURTHER = {Phase.UNKNOWN: 0, Phase.OVER: 1, Phase.PENDING: 2, Phase.RUNNING: 3}


def _slurm(identifiers: Sequence[str]) -> dict[str, QueueState]:
    listed = _ask(
        "squeue", "--noheader", "--states=all", f"--jobs={','.join(identifiers)}", "--format=%i|%T|%N|%r"
    )
    found: dict[str, QueueState] = {}
    for line in listed.out.splitlines():
        fields = line.strip().split("|", 3)
        # the parts of an array are 12_0, 12_[1-3], those of a job of several kinds of nodes 12+0
        whole = re.match(r"\d*", fields[0])
        identifier = whole[0] if whole is not None else ""
        if len(fields) == 4 and identifier in identifiers:
            part = _slurm_state(fields[1], fields[3], fields[2])
            known = found.get(identifier)
            if known is None or _FURTHER[part.phase] > _FURTHER[known.phase]:
                found[identifier] = part
    answered = listed.code == 0 or "Invalid job id" in listed.err
    for identifier in identifiers:
        if identifier not in found or found[identifier].phase is Phase.OVER:
            # Who has left the list is asked for one by one: why it ended, and with which exit code.
            state = _slurm_past(identifier) if answered or listed.code == _NOT_THERE else None
            if state is not None:
                found[identifier] = state
            elif identifier not in found:
                found[identifier] = QueueState(Phase.OVER) if answered else _unknown(listed, "squeue")
    return found


def _slurm_past(identifier: str) -> QueueState | None:
    shown = _ask("scontrol", "--oneliner", "show", "job", identifier)
    if shown.code == 0 and (word := _field(shown.out, "JobState")):
        code = _field(shown.out, "ExitCode").partition(":")[0]
        node, reason = _field(shown.out, "NodeList"), _field(shown.out, "Reason")
        return _slurm_state(word, reason, node, int(code) if code.isdigit() else None)
    kept = _ask("sacct", "-n", "-P", "-X", "-j", identifier, "--format=State,ExitCode,NodeList")
    fields = kept.out.splitlines()[0].split("|") if kept.code == 0 and kept.out.strip() else []
    if len(fields) < 3:
        return None
    code = fields[1].partition(":")[0]
    return _slurm_state(fields[0], "", fields[2], int(code) if code.isdigit() else None)


def _slurm_state(word: str, reason: str, node: str, code: int | None = None) -> QueueState:
    word = word.split()[0].rstrip("+").upper()  # sacct: CANCELLED by 1000
    reason = "" if reason in ("None", "(null)") else reason
    node = "" if node in ("(null)", "None assigned") else node
    if word in _SLURM_WAITS:
        return QueueState(Phase.PENDING, word, reason)
    if word in _SLURM_RUNS:
        return QueueState(Phase.RUNNING, word, reason, node)
    return QueueState(Phase.OVER, word, reason, node, code)


def _field(text: str, name: str) -> str:
    found = re.search(rf"(?:^|\s){name}=(\S*)", text)
    return found[1] if found else ""


# ----------------------------------------------------------------------------------- PBS, Grid Engine, LSF


def _pbs(identifiers: Sequence[str]) -> dict[str, QueueState]:
    return {identifier: _pbs_one(identifier) for identifier in identifiers}


def _pbs_one(identifier: str) -> QueueState:
    answer = _ask("qstat", "-f", identifier)
    if "has finished" in answer.err:
        answer = _ask("qstat", "-x", "-f", identifier)
    if answer.code != 0:
        return QueueState(Phase.OVER) if "nknown Job" in answer.err else _unknown(answer, "qstat")
    fields: dict[str, str] = dict(re.findall(r"^\s*([\w.]+) = (.*)$", answer.out, re.MULTILINE))
    letter, node = fields.get("job_state", ""), fields.get("exec_host", "").partition("/")[0]
    if letter in ("R", "E", "S", "U"):
        return QueueState(Phase.RUNNING, letter, "", node)
    if letter in ("F", "C", "X"):
        status = fields.get("Exit_status", fields.get("exit_status", ""))
        code = int(status) if re.fullmatch(r"-?\d+", status) else None
        return QueueState(Phase.OVER, "FAILED" if code else "COMPLETED", "", node, code)
    return QueueState(Phase.PENDING, letter, fields.get("comment", ""))


def _sge(identifiers: Sequence[str]) -> dict[str, QueueState]:
    answer = _ask("qstat", "-u", "*")
    if answer.code != 0:
        return dict.fromkeys(identifiers, _unknown(answer, "qstat"))
    rows = {fields[0]: fields for line in answer.out.splitlines() if (fields := line.split())}
    found: dict[str, QueueState] = {}
    for identifier in identifiers:
        fields = rows.get(identifier, [])
        if len(fields) < 5:
            found[identifier] = QueueState(Phase.OVER)
        elif "q" in fields[4]:  # qw, hqw, Eqw
            found[identifier] = QueueState(Phase.PENDING, fields[4], fields[4] if fields[4] != "qw" else "")
        else:
            node = fields[7].partition("@")[2] if len(fields) > 7 else ""
            found[identifier] = QueueState(Phase.RUNNING, fields[4], "", node)
    return found


def _lsf(identifiers: Sequence[str]) -> dict[str, QueueState]:
    wanted = "jobid stat exec_host exit_code pend_reason delimiter='|'"
    answer = _ask("bjobs", "-a", "-noheader", "-o", wanted, *identifiers)
    if answer.code not in (0, 255):
        return dict.fromkeys(identifiers, _unknown(answer, "bjobs"))
    rows = {
        fields[0]: fields
        for line in answer.out.splitlines()
        if len(fields := line.strip().split("|", 4)) == 5
    }
    found = {}
    for identifier in identifiers:
        if identifier not in rows:
            found[identifier] = QueueState(Phase.OVER)
            continue
        _, word, node, code, reason = (field if field != "-" else "" for field in rows[identifier])
        if word in ("PEND", "PSUSP", "WAIT"):
            found[identifier] = QueueState(Phase.PENDING, word, reason)
        elif word in ("DONE", "EXIT"):
            number = int(code) if code.isdigit() else None
            found[identifier] = QueueState(
                Phase.OVER, "COMPLETED" if word == "DONE" else "FAILED", "", node, number
            )
        else:
            found[identifier] = QueueState(Phase.RUNNING, word, "", node)
    return found


_ASKERS: dict[str, Callable[[Sequence[str]], dict[str, QueueState]]] = {
    "slurm": _slurm,
    "pbs": _pbs,
    "sge": _sge,
    "lsf": _lsf,
}
#: What takes a job out of each queue.
_CANCEL = {"slurm": "scancel", "pbs": "qdel", "sge": "qdel", "lsf": "bkill"}


def cancel_in_queue(system: str, identifier: str) -> str:
    """Take a job out of a queue; returns "" when that was done, else why it was not."""
    program = _CANCEL.get(system)
    if program is None or identifier == UNKNOWN_ID:
        return f"its id in {TITLES.get(system, 'the queue')} is not known"
    answer = _ask(program, identifier)
    return "" if answer.code == 0 else answer.trouble
