"""Photographs the page of a map in headless Chromium, for docs/maps.md.

Run::

    windrow view MAP --cube CUBE --classifier H --page page.html
    python tools/photograph_viewer.py page.html --row 25 --column 35 --picture viewer.png

It needs Chromium and the package playwright.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright


def main() -> None:
    """Opens the page, chooses a pixel, and writes a picture of 1,400 by 860 pixels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--row", type=int, required=True)
    parser.add_argument("--column", type=int, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1_400, "height": 860})
        page.goto(arguments.page.absolute().as_uri())
        page.wait_for_selector("body[data-ready]")
        page.fill("#row", str(arguments.row))
        page.fill("#column", str(arguments.column))
        page.click("#go")
        page.wait_for_selector("#details dl")
        page.evaluate("document.getElementById('controls').scrollTop = 0")
        page.wait_for_timeout(1_500)  # until the picture in true colours is drawn
        page.screenshot(path=arguments.picture)
        browser.close()


if __name__ == "__main__":
    main()
