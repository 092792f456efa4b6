"""How retries are counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dualwrite.lifecycle.errors.reports import RetryCount, RetryReport, tried_again

_NUMBERS = st.integers(0, 50)
REPORTS = st.builds(
    RetryReport,
    st.dictionaries(st.sampled_from("ABC"), st.builds(RetryCount, _NUMBERS, _NUMBERS, _NUMBERS)),
    st.lists(st.sampled_from(["no group", "no account"]), max_size=5).map(tuple),
)


def _records(report: RetryReport) -> int:
    return report.total.completed + report.total.stale + report.total.refused


@given(REPORTS, REPORTS, REPORTS)
def test_reports_add_up_in_whatever_steps(one: RetryReport, two: RetryReport, three: RetryReport) -> None:
    assert (one + two) + three == one + (two + three)
    assert (one + two).total == one.total + two.total
    assert RetryReport() + one == one


@given(REPORTS, st.data())
def test_a_record_that_is_tried_once_more_counts_once(before: RetryReport, data: st.DataObject) -> None:
    again = RetryReport()
    for name, count in before.maps.items():
        tried = data.draw(st.integers(0, count.refused))
        completed = data.draw(st.integers(0, tried))
        again += RetryReport({name: RetryCount(completed=completed, refused=tried - completed)})
    after = tried_again(before, again)
    assert _records(after) == _records(before)
    assert after.total.completed == before.total.completed + again.total.completed
    assert min((min(each.completed, each.stale, each.refused) for each in after.maps.values()), default=0) >= 0
    assert bool(after.refusals) <= bool(after.total.refused)
