"""Asking, confirming, changing, leaving: what people and operators do about subscriptions.

Whoever asks is told the same whatever we know of the address: ask() only keeps the ask. answer()
decides on it later, in the background, and only the mail tells the difference.
"""

from digest.run.subscribing.answering import answer, ask_for, queue
from digest.run.subscribing.asking import ask, fingerprint, wording
from digest.run.subscribing.choosing import (
    confirm,
    erase,
    erase_by_link,
    leave,
    leave_one,
    look,
    opine_by_link,
    prefer,
    prefer_by_mail,
    subscriptions_of,
    unsubscribe,
)
from digest.run.subscribing.enrolling import (
    Subscribed,
    refuse_suppressed,
    subscribe,
    unsubscribe_address,
)
from digest.run.subscribing.moving import ask_to_move, look_at_move, move

__all__ = [
    "Subscribed",
    "answer",
    "ask",
    "ask_for",
    "ask_to_move",
    "confirm",
    "erase",
    "erase_by_link",
    "fingerprint",
    "leave",
    "leave_one",
    "look",
    "look_at_move",
    "move",
    "opine_by_link",
    "prefer",
    "prefer_by_mail",
    "queue",
    "refuse_suppressed",
    "subscribe",
    "subscriptions_of",
    "unsubscribe",
    "unsubscribe_address",
    "wording",
]
