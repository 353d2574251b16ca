"""What tests of transports share: certificates, and a sink for mail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from authority import authority

__all__ = ["authority"]


@pytest.fixture(scope="session")
def smtp_sink() -> tuple[str, dict[str, str]]:
    """Postfix's sink for mail, and the environment that it needs."""
    given = os.environ.get("DIGEST_TEST_SMTP_SINK", "")
    if given:
        libraries = Path(given).resolve().parent.parent / "lib" / "postfix"
        return given, {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    found = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        pytest.skip("needs Postfix's smtp-sink: on the PATH or in DIGEST_TEST_SMTP_SINK")
    return found, dict(os.environ)
