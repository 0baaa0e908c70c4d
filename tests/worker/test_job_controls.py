"""Commands to a job: each is obeyed once, answered, and seen by everybody."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sleap_rtc.events.job_commands import Command, CommandAnswer, Pause, Resume, Stop
from sleap_rtc.events.job_progress import CommandAnswered, JobEvent
from sleap_rtc.worker.job_controls import JobControls

LONG_S = 30


def command_id(number: int) -> str:
    return f"01KAZ3CJ9C00000000000000{number:02d}"


@dataclass
class Work:
    """A stage that obeys everything once it may."""

    obeyed: list[str] = field(default_factory=list)
    may: threading.Event = field(default_factory=threading.Event)
    held: bool = False

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        assert self.may.wait(LONG_S)
        self.obeyed.append(command.name)
        self.held = isinstance(command, Pause)
        return CommandAnswer(outcome="done", text=f"{command.name} for {by}")

    def pause(self) -> None:
        self.held = True


class Job:
    def __init__(self) -> None:
        self.told: list[JobEvent] = []
        self.controls = JobControls(self.told.append)
        self.work = Work()
        self.work.may.set()

    def say(self, command: Command, number: int = 1) -> CommandAnswer:
        return self.controls.obey(command, command_id(number), "ada")


def test_a_command_is_carried_out_by_the_stage_that_the_job_is_at() -> None:
    job = Job()
    with job.controls.at(job.work):
        assert job.say(Stop()).text == "stop for ada"
    (told,) = job.told
    assert isinstance(told, CommandAnswered)
    assert (told.name, told.by, told.answer.text) == ("stop", "ada", "stop for ada")


def test_a_command_that_comes_twice_is_obeyed_once_even_while_it_is_carried_out() -> None:
    job = Job()
    job.work.may.clear()
    with job.controls.at(job.work), ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(job.say, Stop()) for _ in range(4)]
        job.work.may.set()
        assert {each.result(LONG_S).text for each in answers} == {"stop for ada"}
    assert job.work.obeyed == ["stop"]
    assert len(job.told) == 1


def test_a_pause_between_two_stages_holds_the_next_one() -> None:
    job = Job()
    assert "before its next step" in job.say(Pause()).text
    with job.controls.at(job.work):
        assert job.work.held


def test_a_pause_between_two_stages_can_be_taken_back() -> None:
    job = Job()
    job.say(Pause(), 1)
    assert job.say(Resume(), 2).text == "the job goes on"
    with job.controls.at(job.work):
        assert not job.work.held


def test_a_stage_that_ends_while_it_is_held_leaves_the_pause_to_the_next() -> None:
    job, later = Job(), Work()
    with job.controls.at(job.work):
        job.say(Pause())
    with job.controls.at(later):
        assert later.held


def test_what_nothing_can_act_on_is_refused() -> None:
    job = Job()
    assert job.say(Stop()).outcome == "refused"
    job.controls.end("this worker is done with the job")
    assert job.say(Pause(), 2) == CommandAnswer.refused("this worker is done with the job")


def test_a_stage_that_fails_at_it_ends_nothing() -> None:
    job = Job()

    class Broken(Work):
        def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
            raise ZeroDivisionError

    with job.controls.at(Broken()):
        assert job.say(Pause()).outcome == "refused"
    assert job.say(Pause()).outcome == "refused"
