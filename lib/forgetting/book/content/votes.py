"""Pictures with their labels and what most networks say of them."""

import numpy as np
import numpy.typing as npt

from forgetting.book.display import gallery
from forgetting.book.page_text import leading_votes
from forgetting.book.study_page import StudyPage
from forgetting.book.style import in_a_cell
from forgetting.data import human
from forgetting.errors import DataNotFound
from forgetting.measure import exemplars, human_difficulty, plurality


def votes_in_words(page: StudyPage, setting: str, examples: npt.ArrayLike) -> list[str]:
    """Return the most frequent labels of test images in a population, e.g. `20 say 3, 10 say 5`.

    Args:
        page: The study.
        setting: The population.
        examples: Places of the images in the test part.
    """
    counts = plurality.count(page.load(setting).predicted, classes=len(page.classes))
    return [leading_votes(counts[example], page.classes) for example in np.asarray(examples, int)]


def show_votes(page: StudyPage, examples: npt.ArrayLike, setting: str, *, name: str) -> None:
    """Display test images with their labels and the votes of two populations; none show nothing.

    Args:
        page: The study; its pictures must be on this machine.
        examples: Places of the images in the test part.
        setting: The population that stands beside the dense one.
        name: Of the gallery; its caption stands in a Markdown cell.
    """
    places = np.asarray(examples, int)
    if not len(places):
        return
    words, alts, compared = [], [], in_a_cell(setting)
    dense, other = (votes_in_words(page, one, places) for one in ("dense", setting))
    for place, example in enumerate(places):
        label, kind = page.classes[page.dense.label[example]], page.kinds[example]
        above = f"{label}, {kind}" if page.has_flaws else label
        words.append(f"{above}\ndense: {dense[place]}\n{compared}: {other[place]}")
        of = f"{label} ({kind})" if page.has_flaws else label
        alts.append(
            f"A test image of class {of}; dense networks: {dense[place]}; "
            f"{compared}: {other[place]}."
        )
    pictures = page.test.require_images()[places]
    gallery(pictures, words, alts=alts, name=name)


def show_forgotten(page: StudyPage, sparsity: float, *, most: int, name: str) -> None:
    """Display images that pruned networks no longer call by their label; where there is none, none.

    That is, plain test images whose plurality label is right in the dense population and another
    one in the pruned one; those first whose label has lost most votes.

    Args:
        page: The study; its pictures must be on this machine.
        sparsity: The level, in (0, 1).
        most: How many at most.
        name: As in `show_votes`.
    """
    dense, pruned = page.dense, page.pruned[sparsity]
    found = exemplars.find(baseline=dense.predicted, compressed=pruned.predicted)
    known = (found["baseline_plurality"] == dense.label) & found["pie"] & page.plain
    votes = [(p.predicted == dense.label).sum(axis=0) for p in (dense, pruned)]
    places = np.flatnonzero(known)
    shown = places[np.argsort((votes[1] - votes[0])[places], kind="stable")][:most]
    if not len(shown):
        return
    labels = [page.classes[dense.label[place]] for place in shown]
    counts = [(int(votes[0][place]), int(votes[1][place])) for place in shown]
    gallery(
        page.test.require_images()[shown],
        [f"{of}\ndense: {a}\npruned: {b}" for of, (a, b) in zip(labels, counts, strict=True)],
        alts=[
            f"A test image with the label {of}, which {a} dense and {b} pruned networks give it."
            for of, (a, b) in zip(labels, counts, strict=True)
        ],
        name=name,
    )


def show_people(page: StudyPage, *, most: int = 18, name: str) -> None:
    """Display the PIEs on which people disagree most, then those on which they disagree least.

    Args:
        page: The study; its pictures must be on this machine.
        most: How many at most, an even number.
        name: As in `show_votes`.

    Raises:
        DataNotFound: There are no labels that people gave.
    """
    if page.study.data.name != "cifar10":
        raise DataNotFound(f"nobody was asked about the images of study {page.study.name}")
    dense, compressed = page.dense, page.compressed
    people = human.load_cifar10h(page.test.labels)
    pie = exemplars.find(baseline=dense.predicted, compressed=compressed.predicted)["pie"]
    agreement = human_difficulty.agreement(people, label=page.test.labels)[pie.to_numpy()]
    ranked = agreement.sort_values("entropy", ascending=False, kind="stable")["example"].to_numpy()
    half = most // 2
    shown = ranked if len(ranked) <= most else np.concatenate([ranked[:half], ranked[-half:]])
    voted = {"people": [leading_votes(people[place], page.classes) for place in shown]}
    voted |= {
        in_a_cell(p.setting): votes_in_words(page, p.setting, shown) for p in (dense, compressed)
    }
    lines = [[f"{who}: {words[at]}" for who, words in voted.items()] for at in range(len(shown))]
    labels = [page.classes[page.test.labels[place]] for place in shown]
    gallery(
        page.test.require_images()[shown],
        ["\n".join([label, *words]) for label, words in zip(labels, lines, strict=True)],
        alts=[
            f"A test image with the label {label}; {'; '.join(words)}."
            for label, words in zip(labels, lines, strict=True)
        ],
        name=name,
    )
