"""The built book, and a browser to read it with."""

import os
import shutil

import pytest

from forgetting import paths
from forgetting.book.bind import bind_book
from forgetting.book.build import build_editions


@pytest.fixture(scope="session")
def executable():
    """The path of a Chromium."""
    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not found:
        pytest.skip("no browser here: install Chromium, or name one in CHROMIUM")
    return found


@pytest.fixture(scope="session")
def html(request, executable, tmp_path_factory):
    """The folder of the built book; where there is none, the smoke study's book is built into a folder of its own."""
    if (paths.html() / "index.html").exists():
        yield paths.html()
        return
    request.getfixturevalue("smoke_home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGETTING_BOOK", str(tmp_path_factory.mktemp("book")))
        build_editions("smoke")
        yield bind_book()


@pytest.fixture(scope="module")
def browser(executable, html):
    """A browser; closed with its module, because its event loop would stand in the way of tests that run notebooks."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable, args=["--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()
