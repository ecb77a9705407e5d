from service_kit.headers import missing_from
from service_kit.page_headers import PAGE_HEADERS


def directives() -> dict[str, str]:
    policy = PAGE_HEADERS["content-security-policy"]
    return {name: sources for name, _, sources in (part.strip().partition(" ") for part in policy.split(";"))}


def test_a_page_loads_its_own_files_and_nothing_else() -> None:
    policy = directives()
    own = {name for name, sources in policy.items() if sources == "'self'"}
    assert own == {"script-src", "style-src", "connect-src", "img-src", "form-action"}
    assert {policy[name] for name in policy.keys() - own} == {"'none'"}
    assert {"default-src", "base-uri", "frame-ancestors"} <= policy.keys()


def test_they_stand_in_place_of_the_defaults() -> None:
    assert "content-security-policy" not in dict(missing_from(PAGE_HEADERS))
    assert "x-content-type-options" in dict(missing_from(PAGE_HEADERS))
