import pytest

from auth import ForbiddenError, Identity, InsufficientScopeError, Kind, Role, Roles, SettingError

ROLES = Roles(
    [
        Role("member", 1, frozenset({"projects:read", "jobs:read"})),
        Role("admin", 2, frozenset({"projects:read", "projects:write", "members:write"})),
        Role("owner", 3, frozenset({"org:delete"})),
    ]
)


def identity(*roles: str, scopes: frozenset[str] | None = None) -> Identity:
    return Identity("ann", Kind.API_KEY, "key-1", frozenset(roles), ROLES.permissions_of(roles), scopes)


def test_roles_add_up_and_one_that_is_unknown_gives_nothing() -> None:
    assert ROLES.permissions_of(["member", "owner", "former"]) == {"projects:read", "jobs:read", "org:delete"}
    assert ROLES.permissions_of([]) == frozenset()


@pytest.mark.parametrize(
    ("granter", "roles", "allowed"),
    [
        (["owner"], ["owner"], True),
        (["admin"], ["admin", "member"], True),
        (["admin"], ["owner"], False),
        (["member", "admin"], ["admin"], True),
        (["admin"], ["member", "owner"], False),
        (["member"], ["admin"], False),
        (["owner"], ["unknown"], False),
        (["unknown"], ["member"], False),
        ([], ["member"], False),
    ],
)
def test_nobody_grants_or_takes_above_their_own_rank(
    granter: list[str], roles: list[str], allowed: bool
) -> None:
    assert ROLES.may_grant(granter, roles) is allowed


@pytest.mark.parametrize(
    ("scopes", "permission", "allowed"),
    [
        (None, "projects:write", True),
        (frozenset({"projects:write"}), "projects:write", True),
        (frozenset({"projects"}), "projects:write", True),
        (frozenset({"proj"}), "projects:write", False),
        (frozenset({"projects:w"}), "projects:write", False),
        (frozenset({"projects:read"}), "projects:write", False),
        (frozenset[str](), "projects:write", False),
        (frozenset({""}), "projects:write", False),
        (frozenset({"org:delete"}), "org:delete", False),
    ],
)
def test_scopes_narrow_what_roles_allow_and_add_nothing(
    scopes: frozenset[str] | None, permission: str, allowed: bool
) -> None:
    assert identity("admin", scopes=scopes).may(permission) is allowed


def test_the_error_says_whether_the_roles_or_the_scopes_are_short() -> None:
    short = identity("admin", scopes=frozenset({"jobs"}))
    with pytest.raises(InsufficientScopeError):
        short.require("projects:write")
    with pytest.raises(ForbiddenError) as raised:
        short.require("org:delete")
    assert type(raised.value) is ForbiddenError
    identity("admin").require("projects:write")


def test_two_roles_of_one_name_are_refused() -> None:
    with pytest.raises(SettingError):
        Roles([Role("admin", 1), Role("admin", 2)])
