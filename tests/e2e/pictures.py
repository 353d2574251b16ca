"""Take the pictures of the README anew, from what `digest demo` writes: `make pictures`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from digest.demo import demo

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
#: name → width, height, dark
SHOTS = {
    "issue-light": (700, 900, False),
    "issue-dark": (700, 900, True),
    "issue-phone": (375, 900, False),
}


def main() -> None:
    """Make the newest sample issue and show it to a browser."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        newest = demo(Path(folder), lambda _: None)[-1]
        page_file = Path(newest.folder) / "issue.html"
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        for name, (width, height, is_dark) in SHOTS.items():
            scheme = "dark" if is_dark else "light"
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            page = context.new_page()
            page.goto(page_file.as_uri())
            page.screenshot(path=PICTURES / f"{name}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
