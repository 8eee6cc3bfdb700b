"""What a reader is told before any table: at most a dozen sentences, the most important first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

MOST = 12  # Sentences.
FIRST = 3  # Settings of which something is said before the tables.
END = re.compile(r"[.!?](?=\s|$)")


def first_sentences(
    settings: Sequence[Mapping[str, Any]], *, lead: Sequence[str], floor: Sequence[str]
) -> list[str]:
    """Choose the sentences that are read first.

    Args:
        settings: of the summary, with their sentences.
        lead: what is certain of gaps between groups.
        floor: on the second baseline population.

    Returns:
        Some of these sentences, in the order of their importance, and no further one where they
        would be more than `MOST`.
    """
    chosen: list[str] = []
    left = MOST
    for line in _in_order(settings, lead, floor):
        size = len(END.findall(line))
        if line in chosen or size > left:
            continue
        chosen.append(line)
        left -= size
    return chosen


def _in_order(
    settings: Sequence[Mapping[str, Any]], lead: Sequence[str], floor: Sequence[str]
) -> Iterator[str]:
    yield from lead
    of_each = [one["sentences"] for one in settings[:FIRST]]
    for sentences in of_each:
        yield sentences["overall"][0]
        answers = iter(sentences["answers"])
        yield from islice(answers, 1)
        yield from sentences["relative"]
        # What is certain has been said.
        yield from (line for line in sentences["gaps"][:1] if not lead)
        yield from answers
    if len(settings) > FIRST:
        yield f"The other {len(settings) - FIRST:,} settings follow below."
    yield from floor
    # What is said of every setting, such as what its intervals are about.
    yield from (
        line
        for line in of_each[0]["overall"][1:]
        if all(line in sentences["overall"] for sentences in of_each)
    )
    if len(of_each) == 1:
        yield from of_each[0]["exemplars"][:1]
