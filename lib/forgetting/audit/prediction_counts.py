"""What `forgetting predict` says of its predictions, with hints at what may be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from forgetting.text import counted, percent, quoted

ALPHA = 0.05  # Level of the test whether more are right than by chance; one-sided and exact.
FEW = 10  # Predictions below which all may well be the same.


@dataclass(frozen=True)
class PredictionCounts:
    """What was predicted, in numbers.

    Attributes:
        pictures: how many there were.
        right: how many predictions name the true label.
        tied: on how many pictures several classes shared the highest score.
        unanswered: on how many a score was not a finite number.
        softmax: whether probabilities were made from the model's outputs by a softmax.
        whole_scores: whether the outputs are whole numbers, so that there are no probabilities.
        one_at_a_time: whether the model was given each picture alone.
        turned: how many pictures have an EXIF orientation by which viewers turn or mirror them.
        upright: whether they were turned so here.
        classes: of how many the model chooses one.
        folders: whether these are the folders that pictures lie in.
        scored: of how many classes the model gives a score.
        single: the class that all predictions name, where this says that something is wrong; see
            `single_class`.
    """

    pictures: int
    right: int
    tied: int
    unanswered: int
    softmax: bool
    whole_scores: bool
    one_at_a_time: bool
    turned: int
    upright: bool
    classes: int
    folders: bool
    scored: int
    single: str | None = None

    @property
    def line(self) -> str:
        """The numbers in sentences, for one line."""
        parts = [
            f"{counted(self.pictures, 'prediction')}, {percent(self.right / self.pictures)} right",
            "The model's outputs are whole numbers, whose scale is not known: the table has no "
            "confidence"
            if self.whole_scores
            else "A softmax was applied to the model's outputs"
            if self.softmax
            else "The model's outputs are probabilities",
        ]
        wrong = hint(
            right=self.right, pictures=self.pictures, classes=self.classes, single=self.single
        )
        if wrong:
            parts.append(wrong)
        if self.classes < self.scored:
            parts.append(
                f"Predictions are among the {self.classes:,} classes of this set, of the "
                f"{self.scored:,} that the model scores"
            )
        if self.folders:
            parts.append(
                f"The {self.classes:,} classes are the folders, in the order of their names"
            )
        if self.tied:
            parts.append(
                f"{self.tied:,} of {self.pictures:,} are tied at the top; the first of the tied "
                "classes was taken"
            )
        if self.unanswered:
            parts.append(
                f"{self.unanswered:,} of {self.pictures:,} are no answer, since their scores are "
                "not finite numbers; `forgetting audit --no-answer` counts them as wrong"
            )
        if self.one_at_a_time:
            parts.append(
                "The model takes the scales of its 8-bit numbers from each batch, so it was given "
                "one picture at a time"
            )
        if self.turned:
            how = "were turned" if self.upright else "were read as stored; --upright turns them"
            parts.append(
                f"{self.turned:,} of {self.pictures:,} pictures are marked as turned (EXIF), and "
                f"{how}"
            )
        return ". ".join(parts)


def hint(*, right: int, pictures: int, classes: int, single: str | None) -> str:
    """Say what may be wrong, where predictions hardly depend on the pictures.

    Args:
        right: how many predictions name the true label.
        pictures: how many there are, at least 1.
        classes: of how many one is chosen.
        single: what `single_class` returns.

    Returns:
        A sentence; nothing where more are right than by chance, by a one-sided exact test.
    """
    if single is not None:
        return (
            f"All predictions are {quoted(single)}, though the pictures have several labels: are "
            "scale, mean, std or channels others than in training, or is the model damaged?"
        )
    from forgetting.measure import distributions  # Only now: predicting does without SciPy.

    chance = 1 / classes
    as_many = float(distributions.binom_sf(right - 1, pictures, chance))
    as_few = 1 - float(distributions.binom_sf(right, pictures, chance))
    # Of few pictures not even all right answers are clearly more.
    if as_many <= ALPHA or right == pictures:
        return ""
    return (
        f"That is {'fewer' if as_few <= ALPHA else 'not clearly more'} than chance gives with "
        f"{classes:,} classes: are labels shifted, by a class for the background for instance, "
        "are the model's classes in another order (--classes), or scale, mean, std or channels "
        "others than in training?"
    )


def single_class(predicted: Sequence[str | None], labels: Sequence[str]) -> str | None:
    """Return the class that a model predicts whatever the picture.

    Args:
        predicted: (N,) names of classes, None where there is no answer.
        labels: (N,) the true ones.

    Returns:
        The class that all answers name, if there are `FEW` or more and several labels; else None.
    """
    answers = [name for name in predicted if name is not None]
    alike = len(set(answers)) == 1 and len(answers) >= FEW and len(set(labels)) > 1
    return answers[0] if alike else None
