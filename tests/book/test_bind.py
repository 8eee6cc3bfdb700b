"""The book is bound from all that was written and made, anew where something changed."""

import subprocess

import pytest

from forgetting import paths
from forgetting.book.bind import bind_book, stage
from forgetting.errors import UserError


def test_the_book_is_bound_from_a_copy_when_it_goes_elsewhere(book):
    (book / "source" / "pages").mkdir()
    (book / "source" / "pages" / "old.ipynb").write_text("{}")
    (book / "source" / "intro.md").write_text("# Hello")
    assert stage() == book / "book"
    assert (book / "book" / "intro.md").exists() and not (book / "book" / "pages").exists()


def test_the_book_is_bound_again_only_when_something_changed_and_never_half(
    book, monkeypatch, capsys
):
    (book / "source" / "intro.md").write_text("# Hello")
    codes = []

    def jupyter_book(command, **_):
        assert not paths.html().exists(), "what an earlier build left is gone"
        paths.html().mkdir(parents=True)
        (paths.html() / "index.html").write_text("x")
        codes.append(0 if (book / "book" / "intro.md").read_text() != "# Wrong" else 1)
        return subprocess.CompletedProcess(command, codes[-1])

    monkeypatch.setattr(subprocess, "run", jupyter_book)
    assert bind_book() == bind_book() == paths.html()
    assert codes == [0] and "up to date: the book" in capsys.readouterr().out
    (book / "source" / "intro.md").write_text("# Hello again")
    bind_book()
    assert codes == [0, 0]
    (book / "source" / "intro.md").write_text("# Wrong")
    for _ in range(2):
        with pytest.raises(UserError, match="not built"):
            bind_book()
    assert codes == [0, 0, 1, 1]
