import re
from pathlib import Path

from throttler.settings import Settings

PROJECT = Path(__file__).parents[1]
SETTINGS = {name.upper() for name in Settings.model_fields}
# Fixed in the image; only compose knows the ports of this machine.
OF_THE_IMAGE = {"HOST", "PORT"}
OF_COMPOSE = {"THROTTLER_PORT", "GATE_PORT"}


def test_sample_lists_every_setting() -> None:
    text = (PROJECT / ".env.sample").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)) == SETTINGS | OF_COMPOSE


def test_compose_passes_every_setting_on() -> None:
    text = (PROJECT / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"^ +([A-Z_]+):", text, re.MULTILINE)) - {"REVISION"} == SETTINGS - OF_THE_IMAGE
