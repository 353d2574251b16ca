"""The pages where people subscribe, and the same for programs."""

from __future__ import annotations

from digest.web.app import create_app
from digest.web.desk import Desk

__all__ = ["Desk", "create_app"]
