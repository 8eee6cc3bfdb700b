"""Pictures with their labels and what most networks say of them."""

from collections.abc import Sequence

import numpy as np

from forgetting.book.display import gallery
from forgetting.book.page_text import leading_votes
from forgetting.book.study_page import StudyPage
from forgetting.measure import plurality


def votes_in_words(page: StudyPage, setting: str, examples: Sequence[int]) -> list[str]:
    """Return the most frequent labels of test images in a population, e.g. `20 say 3, 10 say 5`.

    Args:
        page: The study.
        setting: The population.
        examples: Places of the images in the test part.
    """
    counts = plurality.count(page.load(setting).predicted, classes=len(page.classes))
    return [leading_votes(counts[example], page.classes) for example in examples]


def show_votes(page: StudyPage, examples: Sequence[int], setting: str, *, name: str) -> None:
    """Display test images with their labels and the votes of two populations; none show nothing.

    Args:
        page: The study; its pictures must be on this machine.
        examples: Places of the images in the test part.
        setting: The population that stands beside the dense one.
        name: Of the gallery; its caption stands in a Markdown cell.
    """
    if not len(examples):
        return
    words, alts = [], []
    dense, other = (votes_in_words(page, one, examples) for one in ("dense", setting))
    for place, example in enumerate(examples):
        label, kind = page.classes[page.dense.label[example]], page.kinds[example]
        above = f"{label}, {kind}" if page.has_flaws else label
        words.append(f"{above}\ndense: {dense[place]}\n{setting}: {other[place]}")
        of = f"{label} ({kind})" if page.has_flaws else label
        alts.append(
            f"A test image of class {of}; dense networks: {dense[place]}; "
            f"{setting}: {other[place]}."
        )
    pictures = page.test.require_images()[np.asarray(examples)]
    gallery(pictures, words, alts=alts, name=name)
