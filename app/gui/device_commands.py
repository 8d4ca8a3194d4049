"""The pane of devices: fills it with what was seen, and does what is asked there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.news import GpusSeen, JobOnDevice
from app.runner.devices import Holder, slot_of, slot_words
from app.runner.gpus import Gpu
from app.runner.queue import LocalQueue
from app.runner.queue_view import Waiting, policy_words
from widgets.device_data import DeviceInfo, DeviceUser, QueueLine
from widgets.device_panel import DevicePanel
from widgets.durations import duration

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow


class DeviceCommands:
    """Fills the pane of devices and moves, starts and takes out the jobs that wait."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.panel = DevicePanel()
        self.seen: GpusSeen | None = None
        queue = self.panel.queue
        queue.job_chosen.connect(window.select)
        queue.move_requested.connect(lambda job, place: self._change(lambda q: q.move(job, place)))
        queue.remove_requested.connect(lambda job: self._change(lambda q: q.remove(job)))
        queue.start_requested.connect(lambda job: self._change(lambda q: q.start_now(job)))
        self.panel.policy_requested.connect(self._edit_policy)

    def show(self, seen: GpusSeen) -> None:
        """Show the devices as they were seen."""
        self.seen = seen
        entries = self.window.entries
        names = {j.holder.job for j in seen.running} | {j.job for j in seen.waiting}
        # of ten thousand jobs, only those that are shown
        titles = {name: entries[name].shown for name in names if name in entries}
        self.panel.set_state(device_infos(seen))
        self.panel.set_queue(
            [running_line(job, titles) for job in seen.running],
            [waiting_line(job, titles) for job in seen.waiting],
            policy_words(seen.policy, bool(seen.gpus)),
            readonly=self.window.readonly,
        )

    def _edit_policy(self) -> None:
        self.window.actions_by_key["preferences"].trigger()

    def _change(self, action: Callable[[LocalQueue], object]) -> None:
        window = self.window
        window.bridge.submit(
            lambda: window.workplace.change_queue(action), window.take_all, window.complain_of
        )
        # shown at once, not at the next regular look
        window.bridge.submit(window.follower.look_again, lane="watch")


def device_infos(seen: GpusSeen) -> list[DeviceInfo]:
    """Return the cards: each GPU, and the processor."""
    found = [_gpu_info(gpu, seen) for gpu in seen.gpus]
    machine = seen.machine
    if machine is not None:
        cores = f"{machine.cores} {'core' if machine.cores == 1 else 'cores'}"
        users = tuple(_user(job.holder, job, None) for job in seen.running if not job.holder.gpus)
        found.append(
            DeviceInfo(
                "cpu",
                "Processor",
                cores,
                machine.memory_used_mb,
                machine.memory_total_mb,
                machine.cpu_percent / 100,
                users=users,
            )
        )
    return found


def _gpu_info(gpu: Gpu, seen: GpusSeen) -> DeviceInfo:
    number = str(gpu.index)
    by_pid = {job.holder.pid: job for job in seen.running}
    users = []
    told = set()
    for process in gpu.processes:
        holder = by_pid[process.pid].holder if process.pid in by_pid else None
        job = seen.jobs_by_pid.get(process.pid, "")
        told.add(holder.job if holder is not None else job)
        users.append(
            DeviceUser(
                process.pid,
                name=holder.job if holder is not None else process.name,
                user=process.user,
                memory_mb=process.memory_mb,
                job=job,
                project=holder.project.name if holder is not None and not holder.own else "",
            )
        )
    # a job that has not touched its GPU yet holds it all the same
    users += [
        _user(job.holder, None, None)
        for job in seen.running
        if number in job.holder.gpus and job.holder.job not in told
    ]
    facts = []
    if gpu.temperature_c is not None:
        facts.append(f"{gpu.temperature_c:.0f} °C")
    if gpu.power_w is not None:
        facts.append(f"{gpu.power_w:.0f} W")
    return DeviceInfo(
        f"gpu{number}",
        f"GPU {number}",
        gpu.name.removeprefix("NVIDIA "),
        gpu.memory_used_mb,
        gpu.memory_total_mb,
        None if gpu.load_percent is None else gpu.load_percent / 100,
        tuple(facts),
        tuple(users),
        number in seen.busy,
    )


def _user(holder: Holder, job: JobOnDevice | None, memory_mb: float | None) -> DeviceUser:
    stats = job.stats if job is not None else None
    return DeviceUser(
        holder.pid,
        name=holder.job,
        memory_mb=stats.rss_mb if stats is not None else memory_mb,
        cpu_percent=stats.cpu_percent if stats is not None else None,
        job=holder.job if holder.own else "",
        project="" if holder.own else holder.project.name,
    )


def running_line(job: JobOnDevice, titles: dict[str, str]) -> QueueLine:
    """Return the line of a job that runs."""
    holder = job.holder
    left = f"about {duration(job.left_s)} left" if job.left_s is not None else ""
    load = ""
    if job.stats is not None:
        load = f"{job.stats.cpu_percent / 100:.1f} cores, {job.stats.rss_mb / 1024:.1f} GB of memory"
    detail = " · ".join(part for part in (left, load) if part)
    return QueueLine(
        holder.job,
        _title(holder.job, holder.project, holder.own, titles),
        _short(slot_words(slot_of(",".join(holder.gpus)))),
        detail,
        holder.own,
    )


def waiting_line(job: Waiting, titles: dict[str, str]) -> QueueLine:
    """Return the line of a job that waits."""
    reason = f"{job.reason[:1].upper()}{job.reason[1:]}." if job.reason else "Starts in a moment."
    if job.starts_in_s is not None:
        reason += f" Starts in about {duration(max(job.starts_in_s, 1.0))}."
    title = _title(job.job, job.project, job.own, titles)
    return QueueLine(job.job, title, job.device, reason, job.own)


def _title(job: str, project: Path, own: bool, titles: dict[str, str]) -> str:
    name = titles.get(job, job).rstrip("/") if own else job.rstrip("/")
    return name if own else f"{name} of project {project.name}"


def _short(device: str) -> str:
    return device.removeprefix("the ")[:1].upper() + device.removeprefix("the ")[1:]
