import pytest

from levels.neutral import capped, neutral


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never ended\nnext", "\nnext"),
        ("a\rb\r\nc\u2028d", "a\nb\nc\nd"),
        ("a\tb\x00\x07\x9bc\u202ed", "a\tbcd"),
        ("half \ud800", "half ?"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("Authorization: Bearer abcdef.123", "Authorization: Bearer [redacted]"),
        ("Bear\x1b[0mer abcdef123", "Bearer [redacted]"),
        ("redis://me:hush@host:6379/0", "redis://me:[redacted]@host:6379/0"),
        ("API_KEY=hush99 rest", "API_KEY=[redacted] rest"),
        ('{"access_token": "hush"}', '{"access_token": "[redacted]"}'),
        ("a token of love", "a token of love"),
    ],
)
def test_what_is_said_is_kept_as_text_without_secrets(said: str, kept: str) -> None:
    assert neutral(said) == kept


@pytest.mark.parametrize(("limit", "kept"), [(0, ""), (1, ""), (2, "ä"), (3, "ä"), (4, "ää"), (5, "ää")])
def test_a_text_is_cut_at_a_character(limit: int, kept: str) -> None:
    text = capped("ää", limit)
    assert (text.text, text.truncated, text.bytes_total) == (kept, kept != "ää", 4)
