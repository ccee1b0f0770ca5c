"""`python -m scale.check_torchrun`: training in several processes, on one machine and as on two.

Runs the suite's own training command under `torchrun` with gloo on loopback, a few steps of a real
recipe: two processes of one machine; two launchers with one process each, which is how two machines
are started; and a run that is killed in the middle and started again. A table says what was seen;
the exit code is 1 if anything was not as it must be.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scale.checking import LOOPBACK, Check, Findings, Process, free_port

RECIPE = "gan-mnist"
STEPS, SAVE_EVERY = 90, 30
# Seconds to the first checkpoint, on a busy machine.
PATIENCE = 120.0


@dataclass(frozen=True)
class Subject:
    """Where the runs go.

    Args:
        home: a folder for each run.
    """

    home: Path

    def train(self, name: str, *launch: str) -> Process:
        """Starts a launcher of a run; without launch arguments, one process without torchrun."""
        program = ("-m", "aigc_core.training", RECIPE, "--folder", str(self.home / name), "--cpu")
        amount = ("--steps", str(STEPS), "--save-every", str(SAVE_EVERY))
        torchrun = ("-m", "torch.distributed.run", *launch) if launch else ()
        return Process(*torchrun, *program, *amount, OMP_NUM_THREADS="1")

    def weights(self, name: str) -> str:
        """The SHA-256 of what a run ended with."""
        from aigc_core.checkpoint import WEIGHTS, digest

        return digest(self.home / name / "weights" / WEIGHTS)

    def state(self, name: str) -> dict[str, Any]:
        """The last checkpoint of a run."""
        import torch

        state: dict[str, Any] = torch.load(self.home / name / "state.pt", weights_only=True)
        return state


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m scale.check_torchrun", description=__doc__).parse_args(
        arguments
    )
    os.environ.update(LOOPBACK)
    findings = Findings(f"{STEPS} steps of `{RECIPE}` through torchrun")
    with tempfile.TemporaryDirectory() as home:
        subject = Subject(Path(home))
        findings.take((one_machine, two_machines, killed, one_process), subject)
    return findings.told()


def one_machine(subject: Subject) -> Check:
    """Two processes of one machine."""
    with subject.train("one", "--standalone", "--nproc-per-node", "2") as run:
        seconds = run.ends()
    settings = subject.state("one")["settings"]
    said = f"{settings['processes']} processes, {STEPS} steps in {seconds:.0f} s with their start"
    return Check("one machine", settings["processes"] == "2", said)


def two_machines(subject: Subject) -> Check:
    """Two launchers that find each other by an address, as on two machines."""
    place = ("--master-addr", "127.0.0.1", "--master-port", str(free_port()))
    meeting = ("--nnodes", "2", "--nproc-per-node", "1", *place)
    with ExitStack() as stack:
        runs = [
            stack.enter_context(subject.train("two", *meeting, "--node-rank", str(rank)))
            for rank in range(2)
        ]
        for run in runs:
            run.ends()
    return alike(subject, "two", "as two machines")


def killed(subject: Subject) -> Check:
    """A run that was killed goes on where its checkpoint is, and ends as if nothing had been."""
    launch = ("--standalone", "--nproc-per-node", "2")
    state = subject.home / "killed" / "state.pt"
    with subject.train("killed", *launch):
        deadline = time.monotonic() + PATIENCE
        while not state.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
    step = subject.state("killed")["step"]
    with subject.train("killed", *launch) as run:
        run.ends()
    found = alike(subject, "killed", "killed and started again")
    return Check(found.name, found.good and step < STEPS, f"killed after step {step}; {found.seen}")


def one_process(_: Subject) -> Check:
    """One process with twice the batch makes the same weights, where nothing is noise."""
    with Process(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/training/test_distributed.py")
    ) as run:
        seconds = run.ends()
        count = passed(run.said())
    said = f"{count} tests of tests/training/test_distributed.py pass in {seconds:.0f} s"
    return Check("one process with twice the batch", count > 0, said)


def passed(said: str) -> int:
    """How many tests passed, as pytest says it: it is content where all were skipped, too."""
    found = re.findall(r"\b(\d+) passed\b", said)
    return int(found[-1]) if found else 0


def alike(subject: Subject, name: str, title: str) -> Check:
    """Whether a run ended with the weights of the first."""
    ours, first = subject.weights(name), subject.weights("one")
    precision = {subject.state(run)["precision"] for run in (name, "one")}
    said = "the same weights, bit by bit" if ours == first else f"other weights, in {precision}"
    return Check(title, ours == first, f"{said}: {ours[:19]}…")


if __name__ == "__main__":
    sys.exit(main())
