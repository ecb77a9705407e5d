import re
from pathlib import Path

from reminders.settings import WebSettings, WorkerSettings

PROJECT = Path(__file__).parents[1]
SETTINGS = {name.upper() for name in WebSettings.model_fields | WorkerSettings.model_fields}
# Of every service; here one thread answers, in which nothing waits.
WITHOUT_EFFECT = {"WEB_THREADS"}
# Fixed in the image; only compose knows the ports of this machine, and PostgreSQL's password.
OF_THE_IMAGE = {"HOST", "PORT"}
OF_COMPOSE = {"POSTGRES_PASSWORD", "REMINDERS_PORTS"}
# For PostgreSQL and libpq, and for the build.
OF_THE_OTHERS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PGPASSWORD", "REVISION"}


def test_sample_lists_every_setting() -> None:
    text = (PROJECT / ".env.sample").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)) == (SETTINGS - WITHOUT_EFFECT) | OF_COMPOSE


def test_compose_passes_every_setting_on() -> None:
    text = (PROJECT / "compose.yaml").read_text(encoding="utf-8")
    passed_on = set(re.findall(r"^ +([A-Z_]+):", text, re.MULTILINE)) - OF_THE_OTHERS
    assert passed_on == SETTINGS - WITHOUT_EFFECT - OF_THE_IMAGE
