"""The numbers of members at which exemplars are compared."""

import pytest

from forgetting.errors import UserError
from forgetting.measure import exemplar_stability


@pytest.mark.parametrize("members", range(1, 41))
def test_stability_is_looked_at_where_two_sets_of_three_can_be_drawn_and_at_all_members(members):
    sizes = exemplar_stability.stability_sizes(members)
    assert sizes == sorted(set(sizes)) and sizes[-1] == members and sizes[0] >= 1
    assert 2 * sizes[0] <= members or members == 1
    assert sizes[0] == 3 or members < 6


def test_no_member_has_no_stability():
    with pytest.raises(UserError, match="members is 0: at least 1 is needed"):
        exemplar_stability.stability_sizes(0)
