"""The line to a process that holds models: who may ask next, and what is dropped for something newer."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.core import remote_wire
from jobs.core.errors import AbortRequested, UserError
from jobs.core.remote_process import Ending, ModelProcess
from jobs.core.remote_wire import Message, WireError


class Superseded(AbortRequested):
    """A newer request has taken the place of this one, which was not answered."""


class ModelFailure(UserError):
    """The model could not do what it was asked for.

    Attributes
    ----------
    details
        What a programmer wants to see: the traceback, or the last lines the process wrote.
    """

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message, hint=hint)
        self.details = details


class ModelEnded(ModelFailure):
    """The process that held the model is gone; opening the model again starts a new one."""


class Wish:
    """Requests made for one purpose, which are dropped together when a newer wish takes their place."""

    def __init__(self) -> None:
        self.overtaken = False


class _Ticket:
    """A request that waits for its turn or is being answered."""

    def __init__(self, model: int | None, wish: Wish | None) -> None:
        self.model, self.wish = model, wish
        self.begun = self.dropped = False


class Line:
    """A process with models, and the requests to it, which are answered one at a time in their order.

    Every method may be called from every thread; none holds the interpreter's lock while it waits.

    Parameters
    ----------
    arguments
        Command line after ``python -P -m``.
    folder
        Current folder of the process.

    Raises
    ------
    UserError
        If no process can be started.
    """

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self._turn = threading.Condition()
        self._tickets: deque[_Ticket] = deque()
        self._sending = threading.Lock()
        self._ending: Ending | None = None
        self._closed = False
        self._greeted = False
        self._process = ModelProcess(arguments, folder)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether requests can be answered, as far as is known."""
        return self._ending is None and not self._closed and self._process.runs

    def log(self) -> str:
        """Return the last that the process has written, such as warnings of libraries."""
        return self._process.log()

    def ask(
        self,
        head: Mapping[str, Any],
        arrays: Mapping[str, Any] | None = None,
        *,
        model: int | None = None,
        wish: Wish | None = None,
    ) -> Message:
        """Wait for the turn, ask, and wait for the answer.

        Parameters
        ----------
        head, arrays
            The request, see :func:`jobs.core.remote_wire.pack`.
        model
            Number of the model that is asked, for :meth:`drop`.
        wish
            What the request belongs to.

        Raises
        ------
        Superseded
            If the request was dropped before it had begun, or the line was closed meanwhile.
        UserError
            What the model said was wrong; :class:`ModelFailure` for anything unexpected.
        ModelEnded
            If the process is gone.
        """
        ticket = _Ticket(model, wish)
        with self._turn:
            if self._closed:
                raise self._ended()
            self._tickets.append(ticket)
            try:
                self._turn.wait_for(lambda: self._may_begin(ticket))
            except BaseException:
                self._leave(ticket)
                raise
            ticket.begun = True
        try:
            message = self._exchange(head, arrays)
        finally:
            with self._turn:
                self._leave(ticket)
        if "error" in message.head:
            raise _as_exception(message.head["error"])
        return message

    def post(self, head: Mapping[str, Any]) -> None:
        """Say something small that needs no answer, without waiting for the turn."""
        with self._sending, contextlib.suppress(OSError):  # whoever asks next is told that it is gone
            if self.usable:
                remote_wire.send(self._process.channel, remote_wire.pack(head))

    def drop(self, model: int | None = None) -> None:
        """Drop the requests that have not begun, of one model or all; their callers get Superseded."""
        with self._turn:
            for ticket in self._tickets:
                if not ticket.begun and (model is None or ticket.model == model):
                    ticket.dropped = True
            self._turn.notify_all()

    def look_again(self) -> None:
        """Let waiting requests notice that their wish was overtaken."""
        with self._turn:
            self._turn.notify_all()

    def close(self, *, wait: bool = True) -> None:
        """End the process at once; everyone who waits for an answer gets Superseded.

        Parameters
        ----------
        wait
            Until the process is gone, which takes longest when it holds a GPU; False returns at once.
        """
        with self._turn:
            if not self._closed:
                self._closed = True
                self._turn.notify_all()
                if self._process.runs:
                    # Whoever waits for an answer hears the line go dead.
                    self._process.kill()
                elif self._ending is None:
                    self._ending = self._process.ending()
                self._let_go_when_free()
        if wait:
            self._process.wait()
        else:
            threading.Thread(target=self._process.wait, name="heteroscope-model-end", daemon=True).start()

    def _may_begin(self, ticket: _Ticket) -> bool:
        if self._closed or ticket.dropped or (ticket.wish is not None and ticket.wish.overtaken):
            raise Superseded("something newer was asked for")
        return self._tickets[0] is ticket

    def _leave(self, ticket: _Ticket) -> None:
        self._tickets.remove(ticket)
        self._let_go_when_free()
        self._turn.notify_all()

    def _let_go_when_free(self) -> None:
        # Not while somebody listens: the system would give the number of the closed socket to another file.
        if (self._closed or self._ending is not None) and not any(ticket.begun for ticket in self._tickets):
            with self._sending:
                self._process.let_go()

    def _exchange(self, head: Mapping[str, Any], arrays: Mapping[str, Any] | None) -> Message:
        """Send a request and receive its answer; the caller has the turn."""
        if self._ending is not None:
            raise self._ended()
        try:
            packed = remote_wire.pack(head, arrays)
        except WireError as error:
            raise ModelFailure(f"The model cannot be asked this: {error}") from None
        reason = ""
        try:
            with self._sending:
                remote_wire.send(self._process.channel, packed)
            message = self._receive()
        except (OSError, WireError) as error:
            message = None
            reason = str(error) if isinstance(error, WireError) else ""
        except BaseException:
            # An interruption would leave half an answer for the next who asks.
            self._ending = self._process.ending("its answer was not waited for")
            raise
        if message is None:
            raise self._lost(reason)
        said = message.head.get("error", {})
        if said.get("ends"):
            self._ending = Ending(said["message"], said["hint"], said["details"])
            self._process.kill()
            self._process.wait()
        return message

    def _receive(self) -> Message | None:
        if not self._greeted:
            # The first thing it says is that it lives, before it loads anything large.
            if remote_wire.receive(self._process.channel) is None:
                return None
            self._greeted = True
        return remote_wire.receive(self._process.channel)

    def _lost(self, reason: str) -> Exception:
        """Find out why no answer came; everybody who asks from now on hears the same."""
        if self._closed:
            return Superseded("the model was closed")
        self._ending = self._process.ending(reason)
        return self._ended()

    def _ended(self) -> ModelEnded:
        ending = self._ending or Ending("The model was closed")
        return ModelEnded(ending.message, hint=ending.hint, details=ending.details)


def _as_exception(error: Mapping[str, Any]) -> Exception:
    """Return the exception that an answer describes."""
    if error["kind"] == "input":
        return UserError(
            error["message"],
            path=error["path"],
            row=error["row"],
            column=error["column"],
            hint=error["hint"],
        )
    if error["kind"] == "not implemented":
        return NotImplementedError(error["message"])
    kind = ModelEnded if error["ends"] else ModelFailure
    return kind(error["message"], hint=error["hint"], details=error["details"])
