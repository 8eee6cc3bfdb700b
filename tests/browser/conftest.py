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
def html(request, executable, made_once):
    """The folder of the built book; where there is none, that of the smoke study, built once."""
    if (paths.html() / "index.html").exists():
        yield paths.html()
        return
    request.getfixturevalue("smoke_home")

    with pytest.MonkeyPatch.context() as patch:

        def build(folder):
            patch.setenv("FORGETTING_BOOK", str(folder))
            build_editions("smoke")
            bind_book()

        patch.setenv("FORGETTING_BOOK", str(made_once("smoke-book", build)))
        yield paths.html()


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
