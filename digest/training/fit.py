"""Teaching a network, phase after phase; resumable."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Say = Callable[[str], None]
T = TypeVar("T")

BATCH = 16
SAVE_EVERY = 100  #: batches


@dataclass(frozen=True, slots=True)
class Phase(Generic[T]):
    """Some passes over some examples. The learning rate warms up, then falls to nearly nothing."""

    name: str
    examples: Sequence[T]
    passes: int
    rate: float  #: of the layers; what is new learns ten times as fast
    warm: int = 50  #: batches


def fit(
    network: nn.Module,
    phases: Sequence[Phase[T]],
    loss: Callable[[Sequence[T], int], Tensor],
    size: Callable[[T], int],
    *,
    seed: int,
    checkpoint: Path,
    of: str,
    say: Say,
) -> None:
    """Go through the phases in order; a checkpoint that is there is gone on from.

    `of` stands for the data: a checkpoint of others, or of another plan, is begun anew. `loss` gets
    a batch and its number, `size` says what should be alike within a batch. The layers are those
    of `network.base`.
    """
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    done_phases, done_batches = 0, 0
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    plan = repr([of, seed, *((p.name, len(p.examples), p.passes, p.rate) for p in phases)])
    saved = torch.load(checkpoint, weights_only=True) if checkpoint.exists() else None
    if saved and saved["plan"] != plan:
        say(f"{checkpoint} is of other data or another plan; beginning anew")
        saved = None
    if saved:
        network.load_state_dict(saved["network"])
        done_phases, done_batches = saved["phase"], saved["batch"]
        say(f"going on from {checkpoint}: phase {done_phases + 1}, batch {done_batches}")
    for number, phase in enumerate(phases):
        if number < done_phases:
            continue
        batches = list(_batches(phase, size, random.Random(seed + number)))
        optimizer, schedule = _optimizer(network, phase, len(batches))
        start = 0
        if saved and number == done_phases:
            torch.set_rng_state(saved["chance"])
            if done_batches:  # else the phase before was done
                optimizer.load_state_dict(saved["optimizer"])
                schedule.load_state_dict(saved["schedule"])
                start = done_batches
        network.train()
        began, total = time.monotonic(), 0.0
        for at in range(start, len(batches)):
            found = loss(batches[at], at)
            optimizer.zero_grad()
            found.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(found.detach())
            if (at + 1) % SAVE_EVERY == 0 or at + 1 == len(batches):
                is_last = at + 1 == len(batches)
                state = {
                    "plan": plan,
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "chance": torch.get_rng_state(),
                    "phase": number + is_last,
                    "batch": 0 if is_last else at + 1,
                }
                _save(state, checkpoint)
                spent = time.monotonic() - began
                say(
                    f"{phase.name}: {at + 1} of {len(batches)} batches,"
                    f" loss {total / (at + 1 - start):.3f}, {spent:.0f} s"
                )


def _save(state: dict[str, object], path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)  # a kill leaves the old one or the new one


def _optimizer(
    network: nn.Module, phase: Phase[T], batches: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    old = [p for p in network.base.parameters() if p.requires_grad]
    known = {id(p) for p in network.base.parameters()}
    new = [p for p in network.parameters() if id(p) not in known]
    groups = [{"params": old, "lr": phase.rate}, {"params": new, "lr": phase.rate * 10}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)

    def factor(batch: int) -> float:
        return min(1.0, (batch + 1) / phase.warm) * max(0.02, 1 - batch / batches)

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _batches(phase: Phase[T], size: Callable[[T], int], chance: random.Random) -> Iterator[list[T]]:
    """Examples of like size together, so that little is padding, in a chance order."""
    for _ in range(phase.passes):
        examples = list(phase.examples)
        chance.shuffle(examples)
        for start in range(0, len(examples), BATCH * 16):
            chunk = sorted(examples[start : start + BATCH * 16], key=size)
            batches = [chunk[at : at + BATCH] for at in range(0, len(chunk), BATCH)]
            chance.shuffle(batches)
            yield from batches
