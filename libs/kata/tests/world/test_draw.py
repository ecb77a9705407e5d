import socket
import subprocess
import sys
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kata.errors import UsageError
from kata.world.draw import Draw

seeds = st.text("0123456789abcdef", min_size=4, max_size=8)
numbers = st.integers(-10_000, 10_000)


def sample(draw: Draw) -> list[object]:
    return [
        draw.integer(1, 10**9),
        draw.word(),
        draw.address_v4(),
        draw.address_v6(),
        draw.uuid(),
        draw.choice("abcdefgh"),
        draw.shuffle(range(20)),
        draw.text(12),
    ]


@given(seeds)
def test_the_same_seed_draws_the_same_values(seed: str) -> None:
    assert sample(Draw(seed)) == sample(Draw(seed))
    assert sample(Draw(seed).fork("a")) == sample(Draw(seed).fork("a"))


@given(seeds, st.text(), st.text())
def test_a_fork_depends_on_its_name_and_not_on_what_was_drawn_before(
    seed: str, name: str, other: str
) -> None:
    assume(name != other)
    fresh, used = Draw(seed), Draw(seed)
    sample(used)
    sample(used.fork(other))
    assert sample(fresh.fork(name)) == sample(used.fork(name))
    assert sample(fresh.fork(name)) != sample(fresh.fork(other))


def test_nested_forks_with_similar_names_differ() -> None:
    draw = Draw("91c2")
    paths = [
        draw,
        draw.fork("a"),
        draw.fork("a").fork("b/c"),
        draw.fork("a/b").fork("c"),
        draw.fork("a/b/c"),
        draw.fork("a").fork("b").fork("c"),
    ]
    assert len({path.text(16) for path in paths}) == len(paths)


def test_another_process_draws_the_same_values() -> None:
    """Python salts hash() anew in every process, so a stream that depended on it would differ here."""
    script = (
        "from kata.world.draw import Draw; draw = Draw('91c2').fork('C4'); print(draw.word(), draw.uuid())"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, env={"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    }
    assert len(results) == 1


def test_without_a_seed_one_is_made_up_that_replays() -> None:
    draws = [Draw() for _ in range(20)]
    assert len({draw.seed for draw in draws}) > 1
    for draw in draws:
        assert 4 <= len(draw.seed) <= 8
        assert sample(Draw(draw.seed)) == sample(draw)


def test_a_seed_is_read_whatever_its_case_and_kept_by_forks() -> None:
    assert sample(Draw("91C2")) == sample(Draw("91c2"))
    assert Draw("91C2").fork("a").seed == "91c2"


@pytest.mark.parametrize("seed", ["", "abc", "123456789", "xyzw", "91c2\n", "0x91"])
def test_another_kind_of_seed_is_refused(seed: str) -> None:
    with pytest.raises(UsageError, match="4 to 8 hex digits"):
        Draw(seed)


@given(seeds, numbers, st.integers(0, 2_000), st.lists(numbers, max_size=4))
def test_an_integer_is_in_range_and_far_from_what_was_printed_or_there_is_none(
    seed: str, low: int, width: int, away_from: list[int]
) -> None:
    high = low + width
    allowed = [
        value
        for value in range(low, high + 1)
        if all(value != number and abs(value - number) * 4 >= abs(number) for number in away_from)
    ]
    if allowed:
        assert Draw(seed).integer(low, high, away_from) in allowed
    else:
        with pytest.raises(ValueError, match=r"no integer from .* is 25 % away from each of"):
            Draw(seed).integer(low, high, away_from)


def test_every_allowed_integer_is_drawn_and_no_other() -> None:
    draw = Draw("91c2")
    drawn = {draw.integer(5, 16, away_from=[10, 6]) for _ in range(500)}
    assert drawn == {13, 14, 15, 16}
    assert {draw.integer(3, 14, away_from=[10]) for _ in range(500)} == {3, 4, 5, 6, 7, 13, 14}


def test_a_huge_range_costs_nothing() -> None:
    assert 1 <= Draw("91c2").integer(1, 2**62, away_from=[2**40]) <= 2**62


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="no integer from 5 to 4"):
        Draw("91c2").integer(5, 4)


@given(seeds)
def test_addresses_are_public_or_private_and_never_loopback(seed: str) -> None:
    draw = Draw(seed)
    for text in (draw.address_v4(), draw.address_v6()):
        address = ip_address(text)
        assert str(address) == text
        assert (address.is_loopback, address.is_link_local, address.is_multicast) == (False, False, False)
        assert (address.is_unspecified, address.is_reserved) == (False, False)


def test_clients_that_are_meant_to_differ_do() -> None:
    draw = Draw("91c2")
    words = [draw.word() for _ in range(3_000)]
    v4 = [draw.address_v4() for _ in range(3_000)]
    networks = {ip_network(f"{draw.address_v6()}/64", strict=False) for _ in range(3_000)}
    assert (len(set(words)), len(set(v4)), len(networks)) == (3_000, 3_000, 3_000)


def test_addresses_are_of_either_family_and_of_public_and_private_ranges() -> None:
    draw = Draw("91c2")
    addresses = [ip_address(draw.address()) for _ in range(200)]
    assert {(address.version, address.is_global) for address in addresses} == {
        (version, public) for version in (4, 6) for public in (True, False)
    }


@given(seeds)
def test_words_ids_and_texts_have_their_form(seed: str) -> None:
    draw = Draw(seed)
    word = draw.word()
    assert (word.isascii(), word.isalpha(), word.islower()) == (True, True, True)
    assert 6 <= len(word) <= 12
    assert draw.uuid().version == 4
    assert len(draw.text(40)) == 40
    assert draw.text(40).isalnum()
    assert set(draw.text(40, alphabet="é-")) <= {"é", "-"}
    assert draw.text(0) == ""


@given(seeds, st.lists(st.integers()))
def test_shuffle_returns_the_same_items_and_leaves_the_given_ones(seed: str, items: list[int]) -> None:
    before = list(items)
    shuffled = Draw(seed).shuffle(items)
    assert shuffled is not items
    assert items == before
    assert sorted(shuffled) == sorted(items)


def test_shuffle_and_choice_reach_every_outcome() -> None:
    draw = Draw("91c2")
    assert len({tuple(draw.shuffle([1, 2, 3])) for _ in range(200)}) == 6
    assert {draw.choice("abc") for _ in range(100)} == {"a", "b", "c"}
    with pytest.raises(ValueError, match="nothing to choose"):
        draw.choice([])


def test_a_port_is_free_and_not_drawn_twice() -> None:
    first = Draw("91c2").port()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", first))
        draw = Draw("91c2")
        ports = [draw.port() for _ in range(20)]
        assert first not in ports
        assert len(set(ports)) == 20
        assert all(20_000 <= port < 30_000 for port in ports)


def test_clients_of_different_checks_do_not_meet_at_one_address() -> None:
    def meetings(seed: str) -> int:
        draws = [Draw(seed).fork(f"C{number}/1") for number in range(60)]
        drawn = [draw.address_v4() for draw in draws for _ in range(2)]
        return len(drawn) - len(set(drawn))

    assert sum(meetings(f"{number:04x}") for number in range(200)) <= 1
