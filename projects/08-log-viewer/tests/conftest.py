"""A stream that is read without HTTP."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from log_viewer.catalog import Catalog
from log_viewer.dated_file import Library
from log_viewer.opening import Opener
from log_viewer.service import LogService
from log_viewer.timestamps import Clock


@pytest.fixture
def service(tmp_path: Path) -> LogService:
    catalog = Catalog(tmp_path)
    return LogService(catalog, Opener(catalog, Library(Clock(ZoneInfo("UTC")), 65_536)), 2**30, 60.0)
