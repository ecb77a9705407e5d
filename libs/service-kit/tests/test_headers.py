from service_kit.headers import DEFAULTS, missing_from


def test_an_answer_without_headers_gets_all() -> None:
    assert missing_from(()) == list(DEFAULTS)


def test_a_header_that_the_answer_sets_is_left_alone() -> None:
    added = dict(missing_from({"cache-control", "content-type"}))
    assert "cache-control" not in added
    assert added["x-content-type-options"] == "nosniff"
