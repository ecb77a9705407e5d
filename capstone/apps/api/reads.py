"""What routes count as read."""

from litestar.di import NamedDependency

from core.audit.watch import ReadWatch

Reads = NamedDependency[ReadWatch]
