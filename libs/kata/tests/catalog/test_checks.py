import pytest

from kata.catalog.checks import Check, is_check_tag, read_check
from kata.errors import KataError


def test_a_scenario_s_tags_say_which_check_it_is() -> None:
    assert read_check("It waits", {"C12", "step-3", "after-C2"}) == Check("C12", "It waits", 3, None, "C2")


def test_a_check_of_an_extension_names_it() -> None:
    assert read_check("It is fair", {"E1", "extension-token-bucket"}) == Check(
        "E1", "It is fair", None, "token-bucket", None
    )


def test_a_check_may_have_to_be_alone_or_to_begin_first() -> None:
    check = read_check("It waits", {"C1", "long"})
    assert (check.long, check.alone) == (True, False)
    assert read_check("It waits", {"C1", "alone"}).alone


def test_other_tags_are_nobody_s() -> None:
    assert read_check("It waits", {"S4", "slow"}) == Check("S4", "It waits", None, None, None)


def test_a_scenario_without_an_id_is_refused() -> None:
    with pytest.raises(KataError, match="the scenario 'It waits' has no @C, @E or @S tag"):
        read_check("It waits", {"step-3"})


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"C1", "C2"}, "id"),
        ({"C1", "step-1", "step-2"}, "step"),
        ({"E1", "extension-a", "extension-b"}, "extension"),
        ({"C3", "after-C1", "after-C2"}, "after"),
    ],
)
def test_two_tags_that_say_the_same_thing_are_refused(tags: set[str], kind: str) -> None:
    with pytest.raises(KataError, match=f"two tags for its {kind}"):
        read_check("It waits", tags)


@pytest.mark.parametrize("tag", ["C1", "E22", "S4", "step-10", "extension-token-bucket", "after-S1", "long"])
def test_a_tag_of_ours_is_known(tag: str) -> None:
    assert is_check_tag(tag)


@pytest.mark.parametrize("tag", ["c1", "C", "X1", "C1a", "step-", "step-one", "after-", "slow", "xC1"])
def test_any_other_tag_is_left_to_pytest(tag: str) -> None:
    assert not is_check_tag(tag)


def test_a_project_says_in_which_step_a_check_of_every_service_stands() -> None:
    assert read_check("It lives", {"S1", "step-1"}, {"S1": 0}).step == 0
    assert read_check("It stops", {"S10", "step-1"}, {"S1": 0}).step == 1
