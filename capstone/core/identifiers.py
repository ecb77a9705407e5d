"""Ids that sort by time: a primary key grows at its end."""

import os
import time
from uuid import UUID

from service_kit import request_id


def new_id() -> UUID:
    return UUID(request_id.uuid7(time.time_ns() // 1_000_000, os.urandom(10)))
