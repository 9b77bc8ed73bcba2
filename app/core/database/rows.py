"""Names for SQLAlchemy's statements and rows, whose column types differ from statement to statement."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

DbRow = sa.Row[Any]
Query = sa.Select[Any]
