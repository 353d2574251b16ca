"""Take the pictures of the README anew, of the sample papers: `make pictures`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

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

PORT = 8099
#: The same of the page where people subscribe.
PAGES = {"home-light": (900, 900, False), "home-phone": (375, 800, True)}


def main() -> None:
    """Make the newest sample issue and show it to a browser, and the pages of `digest serve`."""
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
        with _served(Path(folder) / "papers"):
            for name, (width, height, is_dark) in PAGES.items():
                scheme = "dark" if is_dark else "light"
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{PORT}/")
                page.screenshot(path=PICTURES / f"{name}.png")
                context.close()
        browser.close()


@contextmanager
def _served(folder: Path) -> Iterator[None]:
    digest = [sys.executable, "-m", "digest"]
    subprocess.run([*digest, "init", str(folder)], check=True)
    run = [*digest, "run", "my-papers", "--now", "2026-03-03T09:00:00Z"]
    subprocess.run(run, cwd=folder, check=True)
    server = subprocess.Popen([*digest, "serve", "--port", str(PORT)], cwd=folder)
    try:
        for _ in range(100):
            try:
                urlopen(f"http://127.0.0.1:{PORT}/").close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
