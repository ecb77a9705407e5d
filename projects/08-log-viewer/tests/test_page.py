"""The page in a real browser."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from kata.network.browser import Browser
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

PROJECT = Path(__file__).parents[1]
MARKUP = "<s>tea</s><img src=x onerror=alert(1)>"
LINES = 5000
MOST_ROWS = 600
WIDTHS = (400, 800, 1400)
ROWS = "document.querySelectorAll('#list .row')"
MARK = "document.querySelector('#list mark').textContent"
TOP = """[...document.querySelectorAll('#list .row')].find((row) => row.getBoundingClientRect().bottom >
  document.getElementById('list').getBoundingClientRect().top + 2)?.querySelector('pre').textContent"""
LIST = "document.getElementById('list')"
# The numbers of the lines that the list has: their count, the first, the last, and whether one is missing.
SHOWN = f"""(() => {{
  const numbers = [...{ROWS}].map((row) => Number(row.querySelector('pre').textContent.split(' ')[2]));
  const isWhole = numbers.every((number, place) => !place || number === numbers[place - 1] + 1);
  return [numbers.length, numbers[0], numbers.at(-1), isWhole];
}})()"""


def line(number: int) -> str:
    level = "ERROR" if 2000 <= number < 2100 else "INFO"
    trace = "\n  at step 7" if number == 2050 else ""
    clock = f"{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
    return f"2026-03-01T{clock}Z {level} {number} {MARKUP}{trace}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "app.log"
    log.write_text("".join(map(line, range(LINES))))
    return log


@pytest.fixture
def url(log: Path) -> Iterator[str]:
    world = OwnedWorld(ProcfileTarget(PROJECT), (), Draw())
    # Much less than the log has: what is looked for comes in parts.
    yield world.start({"LOG_DIR": str(log.parent), "SCAN_BYTES": "60000"}).urls[0]
    world.close()


def open_page(browser: Browser, url: str) -> None:
    browser.send("Page.navigate", url=url)
    browser.wait_for(f"document.readyState === 'complete' && {ROWS}.length > 0")
    browser.wait_for(f"{text_of('span')}.includes('entr')")


def text_of(name: str) -> str:
    return f"document.getElementById('{name}').textContent"


def value_of(name: str) -> str:
    return f"document.getElementById('{name}').value"


def press(browser: Browser, key: str, *, shift: bool = False) -> None:
    common = {"key": key, "code": key, "modifiers": 8 if shift else 0}
    browser.send("Input.dispatchKeyEvent", type="keyDown", **common)
    browser.send("Input.dispatchKeyEvent", type="keyUp", **common)


def reach(browser: Browser, name: str) -> None:
    """Press Tab until a control has the focus."""
    for _ in range(40):
        if browser.evaluate("document.activeElement.id") == name:
            return
        browser.press("Tab")
    raise AssertionError(f"no Tab leads to {name}")


def shown(browser: Browser) -> tuple[int, int, int, bool]:
    found = browser.evaluate(SHOWN)
    assert isinstance(found, list)
    return found[0], found[1], found[2], found[3]


def scroll(browser: Browser, to: str) -> None:
    browser.evaluate(f"{LIST}.scrollTop = {to}")


def drag(browser: Browser, start: float, end: float) -> None:
    """Drag over the bars, from one part of their width to another."""
    box = browser.evaluate(
        "(() => { const bars = document.getElementById('bars'); bars.scrollIntoView({ block: 'center' });"
        " const b = bars.getBoundingClientRect(); return [b.left, b.top + b.height / 2, b.width]; })()"
    )
    assert isinstance(box, list)
    left, y, width = box
    for kind, place in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
        x = left + width * place
        browser.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


def test_the_page_shows_texts_as_they_stand_at_each_width(browser: Browser, url: str) -> None:
    open_page(browser, f"{url}/")
    assert browser.evaluate(f"{ROWS}[0].textContent.includes({json.dumps(MARKUP)})") is True
    assert browser.evaluate("document.querySelectorAll('main s, main img').length") == 0
    assert shown(browser)[2:] == (LINES - 1, True)
    browser.wait_for(f"{text_of('span')}.includes('{LINES} entries, 100 errors')")
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            assert browser.look(width, scheme).startswith(b"\x89PNG")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") is True, width
    assert browser.complaints == []


def test_the_list_is_a_window_that_can_be_scrolled_to_either_end(browser: Browser, url: str) -> None:
    open_page(browser, f"{url}/")
    seen = LINES - 1
    while seen > 0:
        scroll(browser, "0")
        browser.wait_for(f"{SHOWN}[1] < {seen} && {SHOWN}[3]")
        amount, seen, _, _ = shown(browser)
        assert amount <= MOST_ROWS
    while seen < LINES - 1:
        scroll(browser, f"{LIST}.scrollHeight")
        browser.wait_for(f"{SHOWN}[2] > {seen} && {SHOWN}[3]")
        amount, _, seen, _ = shown(browser)
        assert amount <= MOST_ROWS


def test_by_keyboard_one_finds_an_entry_and_what_stands_around_it(browser: Browser, url: str) -> None:
    open_page(browser, f"{url}/")
    reach(browser, "q")
    browser.send("Input.insertText", text="ERROR 2050")
    browser.press("Enter")
    browser.wait_for(
        f"{ROWS}.length === 1 && document.querySelector('#list mark').textContent === 'ERROR 2050'"
    )
    reach(browser, "list")
    press(browser, "ArrowDown")
    browser.press("Enter")
    browser.wait_for("document.getElementById('context').open")
    assert browser.evaluate("document.querySelectorAll('#context .row').length") == 41
    hit = "document.querySelector('#context .hit')"
    assert (
        browser.evaluate(f"{hit}.classList.contains('error') && {hit}.textContent.includes('at step 7')")
        is True
    )
    reach(browser, "go")
    browser.press("Enter")
    browser.wait_for(f"!document.getElementById('context').open && {SHOWN}[0] > 100")
    first = shown(browser)
    assert first[1] <= 2050 <= first[2]
    assert browser.evaluate("document.getElementById('q').value") == ""
    reach(browser, "list")
    press(browser, "Home")
    browser.wait_for(f"{SHOWN}[1] === 0")
    assert browser.complaints == []


def test_a_range_is_dragged_or_taken_by_keys_and_a_bar_is_gone_to(browser: Browser, url: str) -> None:
    open_page(browser, f"{url}/")
    is_whole = f"!{value_of('from')} && !{value_of('to')} && {text_of('span')}.includes('{LINES} entries')"
    browser.wait_for(is_whole)
    drag(browser, 0.3, 0.5)
    browser.wait_for(f"{value_of('from')} && {SHOWN}[1] > 1000 && {text_of('span')}.includes('100 errors')")
    query = parse_qs(urlsplit(str(browser.evaluate("location.href"))).query)
    assert {"from", "to"} <= set(query)
    assert 1000 < shown(browser)[1] < 2000
    reach(browser, "times")
    press(browser, "Escape")
    browser.wait_for(is_whole)
    press(browser, "ArrowRight")
    press(browser, "ArrowRight", shift=True)
    browser.press("Enter")
    browser.wait_for(f"{value_of('to')} && {SHOWN}[1] === 0 && {SHOWN}[2] < 200")
    press(browser, "Escape")
    browser.wait_for(is_whole)
    drag(browser, 0.5, 0.5)
    browser.wait_for(f"Math.abs(({TOP} ?? '').split(' ')[2] - {LINES // 2}) < 100 && !{value_of('from')}")
    assert browser.complaints == []


def test_a_live_tail_pauses_where_one_scrolls_up_and_loses_nothing(
    browser: Browser, url: str, log: Path
) -> None:
    open_page(browser, f"{url}/")
    browser.evaluate("document.getElementById('live').click()")
    browser.wait_for(f"{text_of('live-state')} === 'following'")
    append(log, LINES, LINES + 3)
    browser.wait_for(f"{SHOWN}[2] === {LINES + 2} && {SHOWN}[3]")
    at_end = f"{LIST}.scrollHeight - {LIST}.scrollTop - {LIST}.clientHeight < 4"
    browser.wait_for(at_end)
    scroll(browser, f"{LIST}.scrollTop - 300")
    browser.wait_for("document.getElementById('live').getAttribute('aria-pressed') === 'mixed'")
    append(log, LINES + 3, LINES + 900)
    time.sleep(1.5)  # in which nothing may come
    assert shown(browser)[2] == LINES + 2
    scroll(browser, f"{LIST}.scrollHeight")
    browser.wait_for(f"{SHOWN}[2] === {LINES + 899} && {SHOWN}[3] && {at_end}")
    assert shown(browser)[0] <= MOST_ROWS
    assert browser.complaints == []


def append(log: Path, start: int, end: int) -> None:
    with log.open("a") as file:
        file.write("".join(map(line, range(start, end))))


def test_an_address_shows_the_same_to_somebody_else(browser: Browser, url: str) -> None:
    open_page(browser, f"{url}/")
    reach(browser, "q")
    browser.send("Input.insertText", text=MARKUP)
    browser.press("Enter")
    browser.wait_for(f"location.search.includes('q=') && {ROWS}.length > 100")
    scroll(browser, f"{LIST}.scrollTop - 2000")
    browser.wait_for("location.search.includes('at=')")
    time.sleep(0.6)  # in which the address follows the scrolling
    there = browser.evaluate(TOP)
    address = str(browser.evaluate("location.href"))
    browser.send("Page.navigate", url="about:blank")
    open_page(browser, address)
    browser.wait_for(f"{TOP} === {json.dumps(there)}")
    assert browser.evaluate(MARK) == MARKUP
