"""A Chromium for the browser tests: one on PATH, else Debian's package, else Playwright's own.

`python -m tests.services.chromium` installs one where none is found.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
# No sandbox: root has none, containers often neither, and the pages are our own. The others
# keep the browser from calling home.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """The path of an installed browser: CHROMIUM, then PATH, then macOS's usual places, then Playwright's."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    for application in APPLICATIONS:
        if application.exists():
            return str(application)
    return _playwrights_own()


def _playwrights_own() -> str | None:
    program = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if answer.returncode == 0 and Path(path).exists() else None


def install() -> None:
    """Debian's package where we may install one, else Playwright's own build."""
    if shutil.which("apt-get"):
        privilege = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if not privilege or shutil.which("sudo"):
            noninteractive = [*privilege, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
            subprocess.run([*noninteractive, "update", "-qq"], stdin=subprocess.DEVNULL, check=False)
            subprocess.run([*noninteractive, "install", "-y", "-qq", "chromium"], stdin=subprocess.DEVNULL, check=False)
    if find() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    if find() is None:
        print("No Chromium was found; installing one for the browser tests ...", flush=True)
        install()
    if find() is None:
        print(
            "No browser for the tests: install Chromium (Debian: apt-get install chromium) or name one in CHROMIUM.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
