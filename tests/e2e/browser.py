"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Playwright


def launch(playwright: Playwright) -> Browser:
    """Start the installed Chromium without a window. ``CHROMIUM`` names another one."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        raise RuntimeError("Chromium is missing: install it (Debian: apt install chromium) or name it in CHROMIUM")
    arguments = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    arguments += ["--disable-component-update", "--disable-sync"]
    return playwright.chromium.launch(executable_path=executable, args=arguments)
