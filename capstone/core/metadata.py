"""What all tables have alike. Each domain has its own in tables.py, and migrations/ makes them."""

from typing import Final

from sqlalchemy import DateTime, MetaData

METADATA: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)
MOMENT: Final = DateTime(timezone=True)
