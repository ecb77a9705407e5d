"""What is counted by the block, held against what is read entry by entry."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log_viewer import runs
from log_viewer.budget import Budget
from log_viewer.dated_file import DatedFile, Library
from log_viewer.entries import Dated
from log_viewer.runs import Runs
from log_viewer.segments import LogFile, PlainSegment
from log_viewer.stretches import MINUTE, Run
from log_viewer.timestamps import Clock
from log_viewer.uniform import UniformLines, form_of

LOGHUB = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "loghub"
SAMPLES: Final = ("Android", "Apache", "Hadoop", "Linux", "OpenSSH", "OpenStack", "Spark", "Zookeeper")
# Just before the clocks of Berlin are put forward, and just before the year ends.
STARTS: Final = (1_774_745_940, 1_798_761_400)
FORMS: Final[dict[str, str]] = {
    "iso": "%Y-%m-%dT%H:%M:%S.{ms}Z {level} {text}",
    "iso, seconds": "%Y-%m-%d %H:%M:%S {level}: {text}",
    "iso, offset": "%Y-%m-%dT%H:%M:%S,{ms}+02:00 [{text}] {level} x",
    "iso, brackets": "[%Y-%m-%d %H:%M:%S,{ms}] {text} {level}",
    "openstack": "api.log.1 %Y-%m-%d %H:%M:%S.{ms} 25746 {level} {text}",
    "spark": "%y/%m/%d %H:%M:%S {level} {text}: x",
    "android": "%m-%d %H:%M:%S.{ms}  1702  2395 D {text}",
    "bsd": "%b %e %H:%M:%S host {text}[1]: x {level}",
    "bsd, with what is no fraction": "%b %e %H:%M:%S.{ms} host {level} {text}",
    "apache": "[%a %b %d %H:%M:%S %Y] [{level}] {text}",
    "syslog": "<34>1 %Y-%m-%dT%H:%M:%S.{ms}Z host {text}",
    "json": '{{"time":"%Y-%m-%dT%H:%M:%S.{ms}Z","level":"{level}","message":"{text}"}}',
    "logfmt": "time=%Y-%m-%dT%H:%M:%S.{ms}Z level={level} msg={text}",
    "a number": "ts=1774745{ms}{ms}123 level={level} msg={text}",
    "none": "\tat {text} {level}",
    "empty": "",
}
YEARLESS: Final = ("android", "bsd", "bsd, with what is no fraction")
ODD: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda line: line[: len(line) // 2],
    lambda line: line[:24],
    lambda line: line + b"\r",
    lambda line: line.replace(b" ", b"\t"),
    lambda line: line.replace(b" ", b"   "),
    lambda line: line.replace(b":00", b":60"),
    lambda line: line.replace(b"-03-", b"-02-").replace(b"29", b"30"),
    lambda line: line.replace(b".0", b".00"),
    lambda line: line + b" ERROR",
    lambda line: line.replace(b"x", b"x" * 300),
    lambda line: line + b"\0\xff",
    lambda line: b" " + line,
)


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "BLOCK_BYTES", 300)
        patch.setattr(runs, "_WINDOW_BYTES", 2000)
        yield


def opened(path: Path, zone: str, limit_bytes: int = 65_536) -> DatedFile:
    state = path.stat()
    times = state.st_mtime_ns, state.st_ctime_ns
    file = LogFile(str(path).encode(), path.name, None, state.st_size, *times, state.st_dev, state.st_ino)
    segment = PlainSegment(file, os.open(path, os.O_RDONLY))
    opened = Library(Clock(ZoneInfo(zone)), limit_bytes).open(segment, is_live=True)
    assert opened.learn_years(Budget(2**40, 60))
    return opened


def line(form: str, start: int, milliseconds: int, level: str, text: str) -> bytes:
    moment = datetime.fromtimestamp(start + milliseconds // 1000, UTC)
    return (
        moment.strftime(FORMS[form]).format(ms=f"{milliseconds % 1000:03}", level=level, text=text).encode()
    )


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Draw a log: nearly all of its lines of one form, or of several."""
    main = draw(st.sampled_from(list(FORMS)))
    start, step = draw(st.sampled_from(STARTS)), draw(st.sampled_from((7, 900, 15_000)))
    seldom = draw(st.sampled_from((0, 3, 30)))
    random = draw(st.randoms(use_true_random=False))
    # Where an entry without a year stands in a file with years, it has the time of the one before it.
    others = [form for form in FORMS if (form in YEARLESS) == (main in YEARLESS)]
    lines = []
    for number in range(draw(st.integers(0, 120))):
        form = random.choice(others) if random.randrange(100) < seldom else main
        level = random.choice(("INFO", "WARN", "error", "ERROR", "x"))
        late = random.choice((0, 0, 1, 70_000)) if random.randrange(100) < seldom else 0
        text = random.choice(("a", "b c", "worker-1", "x" * 40))
        row = line(form, start, number * step - late, level, text)
        lines.append(random.choice(ODD)(row) if random.randrange(100) < seldom else row)
    return b"\n".join(lines) + draw(st.sampled_from((b"", b"\n")))


def check(file: DatedFile) -> None:
    """Hold what is counted against the entries of the file."""
    entries = list(file.entries(0))
    place = 0
    for run in Runs(file).read(0):
        assert run.start == place
        assert run == by_entry(run, [one for one in entries if run.start <= one.entry.start < run.end])
        place = run.end
    assert place == 0 or place in {one.entry.start for one in entries}


def by_entry(run: Run, entries: list[Dated]) -> Run:
    instants = [one.instant for one in entries if one.instant is not None]
    return Run(
        run.start,
        entries[-1].entry.end,
        min(instants, default=None),
        max(instants, default=None),
        entries[-1].instant,
        sum(one.is_late for one in entries),
        Counter((None if one.instant is None else one.instant // MINUTE, one.level) for one in entries),
        len(instants) < len(entries),
    )


@given(log=logs(), zone=st.sampled_from(("UTC", "Europe/Berlin")))
@settings(deadline=None)
def test_a_block_has_the_counts_of_its_entries(log: bytes, zone: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        path.write_bytes(log)
        file = opened(path, zone)
        check(file)
        file.segment.close()


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_of_loghub_has_the_counts_of_its_entries(sample: str) -> None:
    path = LOGHUB / f"{sample}_2k.log"
    if not path.exists():
        pytest.skip("the samples of loghub are not beside the repository")
    file = opened(path, "UTC")
    check(file)
    file.segment.close()


@pytest.mark.parametrize(
    "mixed", [("Apache", "Hadoop", "OpenStack", "Spark", "Zookeeper"), ("Android", "Linux", "OpenSSH")]
)
def test_samples_of_several_formats_in_one_file(mixed: tuple[str, ...], tmp_path: Path) -> None:
    if not LOGHUB.exists():
        pytest.skip("the samples of loghub are not beside the repository")
    samples = [(LOGHUB / f"{sample}_2k.log").read_bytes().splitlines(keepends=True) for sample in mixed]
    path = tmp_path / "app.log"
    path.write_bytes(
        b"".join(b"".join(sample[at : at + 40]) for at in range(0, 2000, 40) for sample in samples)
    )
    file = opened(path, "UTC")
    check(file)
    file.segment.close()


@pytest.mark.parametrize(
    "form", ["iso", "iso, seconds", "iso, offset", "iso, brackets", "spark", "bsd", "apache"]
)
def test_lines_of_one_form_are_counted_by_the_block(form: str) -> None:
    """Else all that is held against each other here were the same."""
    start = STARTS[0] - 86_400
    block = b"".join(line(form, start, 999 * number, "INFO", "a") + b"\n" for number in range(100))
    lines = UniformLines(lambda stamp, _: stamp.seconds * 10**9 + stamp.nanoseconds)
    assert lines.count(block, 0, 0, None) is None
    lines.learn(block.splitlines()[7])
    run = lines.count(block, 0, 0, None)
    assert run is not None
    assert sum(run.counts.values()) == 100
    assert run.late == 0


@pytest.mark.parametrize(
    "form", ["syslog", "json", "logfmt", "a number", "none", "bsd, with what is no fraction"]
)
def test_other_lines_have_no_form(form: str) -> None:
    assert form_of(line(form, STARTS[0], 0, "INFO", "a")) is None
