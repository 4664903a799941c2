import json
from dataclasses import asdict, replace

import pytest

from robotasks.benchmark.provenance import Provenance, check_comparable
from robotasks.benchmark.splits import draw

PLACE = Provenance({"reach-v1": "aaaa", "push-to-v1": "bbbb"}, "0.1.0", "4.0.0")


def test_a_result_tells_its_tasks_rows_and_versions():
    import mujoco

    import robotasks

    rows = draw(["reach", "push-to"], "train", 5, 0)
    found = Provenance.of(rows)
    assert list(found.tables) == ["reach-v1", "push-to-v1"]
    assert (found.robotasks, found.mujoco) == (robotasks.__version__, mujoco.__version__)
    assert Provenance(**json.loads(json.dumps(asdict(found)))) == found
    # One task's rows do not depend on the suite they were drawn for.
    assert found.only("push-to-v1") == Provenance.of(draw(["push-to"], "train", 5, 0))
    assert found != Provenance.of(draw(["reach", "push-to"], "interp", 5, 0))


def test_what_is_alike_may_be_compared():
    check_comparable({})
    check_comparable({"a": PLACE})
    check_comparable({"a": PLACE, "b": replace(PLACE), "c": replace(PLACE)})
    multi, single = PLACE, PLACE.only("reach-v1")
    check_comparable({"multi": multi.only("reach-v1"), "single": single})


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"mujoco": "4.1.0"}, "mujoco 4.0.0 and 4.1.0"),
        ({"robotasks": "0.2.0"}, "robotasks 0.1.0 and 0.2.0"),
        ({"tables": {"reach-v1": "aaaa"}}, "only one has push-to-v1"),
        ({"tables": {"reach-v1": "cccc", "push-to-v1": "bbbb"}}, "rows of reach-v1 aaaa and cccc"),
        ({"tables": {"reach-v2": "aaaa", "push-to-v1": "bbbb"}}, "only one has reach-v1; only one"),
        ({"robotasks": "0+unknown"}, "a version of robotasks is unknown"),
    ],
)
def test_what_is_not_is_refused_with_the_difference(other, reason):
    results = {"a": PLACE, "b": PLACE, "c": replace(PLACE, **other)}
    with pytest.raises(ValueError, match=f"^b and c cannot be compared: {reason}"):
        check_comparable(results)


def test_two_unknown_versions_are_not_known_to_be_one():
    unknown = replace(PLACE, robotasks="0+unknown")
    with pytest.raises(ValueError, match="a version of robotasks is unknown"):
        check_comparable({"a": unknown, "b": unknown})
