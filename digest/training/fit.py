"""Teaching the network: first the many weak pairs, then what people wrote; resumable."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from digest.training.examples import WEAK, Example
from digest.training.network import Network, padded

Say = Callable[[str], None]
Wholes = Sequence[tuple[list[int], bool]]

BATCH = 16
WHOLES = 32  #: sentences, whole and torn, beside each batch
#: How sharply the best cut is preferred to the next best, in ROUGE-1.
SHARPNESS = 0.05
SAVE_EVERY = 100  #: batches


@dataclass(frozen=True, slots=True)
class Phase:
    """Some passes over some examples. The learning rate warms up, then falls to nearly nothing."""

    name: str
    examples: Sequence[Example]
    passes: int
    rate: float  #: of the layers; what is new learns twenty times as fast
    warm: int  #: batches


def fit(
    network: Network,
    phases: Sequence[Phase],
    wholes: Wholes,
    *,
    seed: int,
    checkpoint: Path,
    say: Say,
) -> None:
    """Go through the phases in order; a checkpoint that is there is gone on from."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    done_phases, done_batches = 0, 0
    saved = torch.load(checkpoint, weights_only=True) if checkpoint.exists() else None
    if saved:
        network.load_state_dict(saved["network"])
        done_phases, done_batches = saved["phase"], saved["batch"]
        say(f"going on from {checkpoint}: phase {done_phases + 1}, batch {done_batches}")
    for number, phase in enumerate(phases):
        if number < done_phases:
            continue
        batches = list(_batches(phase, random.Random(seed + number)))
        optimizer, schedule = _optimizer(network, phase, len(batches))
        start = 0
        if saved and number == done_phases and done_batches:
            optimizer.load_state_dict(saved["optimizer"])
            schedule.load_state_dict(saved["schedule"])
            torch.set_rng_state(saved["chance"])
            start = done_batches
        network.train()
        began, total = time.monotonic(), 0.0
        for at in range(start, len(batches)):
            loss = _loss(network, batches[at], _slice(wholes, at * WHOLES))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
            if (at + 1) % SAVE_EVERY == 0 or at + 1 == len(batches):
                is_last = at + 1 == len(batches)
                state = {
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
    network: Network, phase: Phase, batches: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    old = [p for p in network.base.parameters() if p.requires_grad]
    known = {id(p) for p in network.base.parameters()}
    new = [p for p in network.parameters() if id(p) not in known]
    groups = [{"params": old, "lr": phase.rate}, {"params": new, "lr": phase.rate * 20}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)

    def factor(batch: int) -> float:
        return min(1.0, (batch + 1) / phase.warm) * max(0.02, 1 - batch / batches)

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _batches(phase: Phase, chance: random.Random) -> Iterator[list[Example]]:
    """Examples of like length together, so that little is padding, in a chance order."""
    for _ in range(phase.passes):
        examples = list(phase.examples)
        chance.shuffle(examples)
        for start in range(0, len(examples), BATCH * 16):
            chunk = sorted(
                examples[start : start + BATCH * 16], key=lambda one: len(one.reading.ids)
            )
            batches = [chunk[at : at + BATCH] for at in range(0, len(chunk), BATCH)]
            chance.shuffle(batches)
            yield from batches


def _slice(wholes: Wholes, at: int) -> Wholes:
    return [wholes[(at + step) % len(wholes)] for step in range(min(WHOLES, len(wholes)))]


def _loss(network: Network, batch: Sequence[Example], wholes: Wholes) -> Tensor:
    # bfloat16 halves the time on processors that have it.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        numbers, lengths, _ = network(*padded([one.reading.ids for one in batch]))
        _, _, odds = network(*padded([ids for ids, _ in wholes]))
    is_whole = torch.tensor([float(yes) for _, yes in wholes])
    each = [
        _loss_of(network, one, numbers[row].float(), lengths[row].float())
        for row, one in enumerate(batch)
    ]
    whole = functional.binary_cross_entropy_with_logits(odds.float(), is_whole)
    return torch.stack(each).mean() + 0.5 * whole


def _loss_of(network: Network, one: Example, numbers: Tensor, length: Tensor) -> Tensor:
    worth, odds = network.worth(one, numbers, length)
    wanted = functional.softmax(torch.tensor(one.rewards) / SHARPNESS, 0)
    choosing = -(wanted * functional.log_softmax(worth, 0)).sum()
    read = torch.tensor([bool(some) for some in one.reading.tokens])
    keeping = functional.binary_cross_entropy_with_logits(odds[read], torch.tensor(one.used)[read])
    lasting = ((length[one.source] - one.length) / 10).pow(2)
    return 0.5 * choosing + keeping + 0.1 * lasting


def phases(people: Sequence[Example], weak: Sequence[Example]) -> list[Phase]:
    """Both kinds mixed, then people's alone."""
    assert all(one.source == WEAK for one in weak)
    found = [Phase("mixed", [*weak, *people], 1, 5e-5, 100)] if weak else []
    return [*found, Phase("people", people, 3, 3e-5, 50)]
