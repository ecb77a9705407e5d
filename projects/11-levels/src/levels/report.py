"""What a run has shown so far, made of its events: they are kept, and nothing else is."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import TypeAdapter

from levels.domain import CheckReport, Event, Json, Kind, LevelReport, Report, Run, State, Text, Try, Verdict

TEXT: Final = TypeAdapter(Text)
DRAWS: Final = TypeAdapter(dict[str, str])


def report_of(run: Run, events: Iterable[Event]) -> Report:
    """Fold the events of a run. A claim begins anew: what an earlier worker has told is void."""
    teller = _Teller(run)
    for event in events:
        teller.take(event)
    return teller.report()


class _Teller:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._begin()

    def _begin(self) -> None:
        self._levels = {stage.level_id: LevelReport(stage.level_id) for stage in self._run.stages}
        self._output: list[str] = []
        self._output_bytes = 0

    def report(self) -> Report:
        output = "".join(self._output)
        kept = len(output.encode())
        total = max(self._output_bytes, kept)
        return Report(list(self._levels.values()), Text(output, kept < total, total))

    def take(self, event: Event) -> None:
        if event.kind is Kind.STATE:
            self._begin()
            return
        level = self._levels.get(str(event.data.get("level_id")))
        if level is None:
            return
        match event.kind:
            case Kind.LEVEL:
                level.state = State.RUNNING
                level.contract = str(event.data["contract"])
                solution = event.data.get("solution")  # runs of former versions have none
                level.solution = None if solution is None else str(solution)
                level.checks = [
                    CheckReport(str(named["id"]), str(named["sentence"]))
                    for named in _objects(event.data["checks"])
                ]
            case Kind.CHECK:
                check = next(one for one in level.checks if one.id == event.data["id"])
                check.tries.append(_try_of(event.data))
            case Kind.OUTPUT:
                self._output.append(str(event.data["text"]))
            case Kind.VERDICT:
                level.state = State(str(event.data["state"]))
                level.reason = None if event.data["reason"] is None else str(event.data["reason"])
                self._output_bytes = int(str(event.data["output_bytes_total"]))
            case _:
                pass


def _try_of(data: Mapping[str, Json]) -> Try:
    return Try(
        Verdict(str(data["verdict"])),
        float(str(data["seconds"])),
        TEXT.validate_python(data["report"]),
        DRAWS.validate_python(data.get("draws", {})),
    )


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
