"""The overlay of kills: a mark ends one, and nothing else does."""

from dataclasses import replace

from flags.kills import Kill, Overlay, next_revision
from service_kit.json_text import as_mapping, parse, render

KILL = Kill("1", "tea", "ann", 100.0, 7)


def test_a_kill_counts_until_the_ruleset_has_it() -> None:
    overlay = Overlay()
    assert overlay.merge([KILL])
    assert overlay.flags(50) == {"tea"}
    assert overlay.merge([replace(KILL, version=51)])
    assert overlay.flags(50) == {"tea"}
    assert overlay.flags(51) == frozenset()


def test_a_mark_is_never_forgotten() -> None:
    overlay = Overlay()
    overlay.merge([replace(KILL, version=51)])
    assert not overlay.merge([KILL])
    assert overlay.waiting() == []


def test_old_kills_are_dropped_once_they_are_written_down() -> None:
    overlay = Overlay()
    marked = replace(KILL, id="2", version=3)
    overlay.merge([KILL, marked])
    assert overlay.forget(before=200.0) == [marked]
    assert overlay.all() == [KILL]


def test_revisions_grow_whatever_the_clock_says() -> None:
    ahead = 2**60
    assert next_revision(ahead) == ahead + 1
    assert next_revision(0) < next_revision(next_revision(0))


def test_a_kill_is_read_as_it_was_written() -> None:
    assert Kill.read(as_mapping(parse(render(KILL.document())))) == KILL
