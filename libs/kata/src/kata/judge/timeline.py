"""What was sent and answered, in one line of a report."""

from collections import Counter
from collections.abc import Iterable

from kata.network.exchange import Exchange

_GROUP_SECONDS = 0.05
_MOST_GROUPS = 9


def timeline(exchanges: Iterable[Exchange]) -> str:
    """Render what was sent and answered, in the order of sending; an arrow points at the last one.

    `+0.000 1x200 | +0.610 8x200 1x429 | +1.020 200 <- GET /api/v1/ping`: seconds since the first request, and
    how often each status came among requests sent within 50 ms of a group's first. `---` is a request without
    an answer. Of many groups the first and the last are shown.
    """
    ordered = sorted(exchanges, key=lambda exchange: exchange.sent)
    groups: list[list[Exchange]] = []
    for exchange in ordered[:-1]:
        if groups and exchange.sent - groups[-1][0].sent <= _GROUP_SECONDS:
            groups[-1].append(exchange)
        else:
            groups.append([exchange])
    # The last one is the subject of the judgement, and so stands alone.
    groups += [[exchange] for exchange in ordered[-1:]]
    if not groups:
        return "(no requests)"
    origin = groups[0][0].sent
    shown = [f"+{group[0].sent - origin:.3f} {_statuses(group)}" for group in groups]
    if len(shown) > _MOST_GROUPS:
        shown[1 : 1 - _MOST_GROUPS] = ["..."]
    return " | ".join(shown) + f" <- {ordered[-1].asked}".rstrip()


def _statuses(group: list[Exchange]) -> str:
    counts = Counter(exchange.status for exchange in group)
    names = {status: str(status) if status else "---" for status in counts}
    if len(group) == 1:
        return names[group[0].status]
    return " ".join(f"{count}x{names[status]}" for status, count in sorted(counts.items()))
