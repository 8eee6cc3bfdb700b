"""The same picture, only its mark changed: does the answer follow the mark?"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forgetting.errors import UserError
from forgetting.measure import inputs


def counterfactual(
    *,
    label: npt.ArrayLike,
    predicted: npt.ArrayLike,
    positive: int,
    source: npt.ArrayLike,
    mark: npt.ArrayLike,
) -> pd.DataFrame:
    """Compare the answers to renderings of one source with and without a mark.

    Only sources that have both renderings count. The signed effect is 0 on average where the mark
    has no influence. The unsigned one is not: every answer that is unsure raises it, with or
    without bias.

    Args:
        label: (N,) true labels, whole numbers from 0, the same for all renderings of a source.
        predicted: (K, N) predicted labels, one row a member.
        positive: the label of which the share of answers is compared.
        source: (N,) what each example was made from.
        mark: (N,) booleans, whether it carries the mark.

    Returns:
        A row a member and true label: member (0 to K - 1), label, sources (how many count), signed
        (mean over sources of the share of positive answers without the mark minus that with it, -1
        to 1), unsigned (mean of its absolute value, 0 to 1); NaN without a source that counts.

    Raises:
        UserError: shapes that do not match, a mark that is not true or false, a source without a
            name or with several labels.

    Examples:
        >>> table = counterfactual(label=[1, 1, 1, 1], predicted=[[1, 0, 1, 1]], positive=1,
        ...                        source=[0, 0, 1, 1], mark=np.array([False, True] * 2))
        >>> table[["sources", "signed", "unsigned"]].to_numpy().tolist()
        [[2.0, 0.5, 0.5]]
    """
    label, predicted = inputs.populations({"predicted": predicted}, label=label)
    mark = inputs.mask("mark", mark, len(label))
    place, names = pd.factorize(inputs.column("source", source, len(label)))
    if (place < 0).any():
        raise UserError(f"source has no value for {(place < 0).sum()} examples: name each source")
    truth = np.zeros(len(names), dtype=label.dtype)
    truth[place] = label
    if (cut := np.flatnonzero(truth[place] != label)).size:
        raise UserError(
            f"source {names[place[cut[0]]]!r} has several labels: renderings of one source have one"
        )
    answers = (predicted == positive).astype(float)
    sizes = [np.bincount(place[side], minlength=len(names)) for side in (~mark, mark)]
    both = (sizes[0] > 0) & (sizes[1] > 0)
    effect = np.array(
        [
            [
                np.bincount(place[side], weights=row[side], minlength=len(names))[both] / size[both]
                for side, size in zip((~mark, mark), sizes, strict=True)
            ]
            for row in answers
        ]
    )
    effect = effect[:, 0] - effect[:, 1]
    rows = []
    for value in np.unique(label):
        of_label = effect[:, truth[both] == value]
        some = of_label.shape[1] > 0
        rows.append(
            pd.DataFrame(
                {
                    "member": np.arange(len(predicted)),
                    "label": value,
                    "sources": of_label.shape[1],
                    "signed": of_label.mean(axis=1) if some else np.nan,
                    "unsigned": np.abs(of_label).mean(axis=1) if some else np.nan,
                }
            )
        )
    return pd.concat(rows, ignore_index=True).sort_values(["member", "label"], ignore_index=True)
