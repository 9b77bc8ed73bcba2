"""Names for values whose type only their reader knows: JSON, cells of a row, rows of a statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object as the `json` module gives and takes it."""

Values = Mapping[str, Any]
"""Values by name: columns of a row, variables of a letter, fields of a payload."""

Cells = tuple[Any, ...]
"""The cells of one row, in the order of the statement's columns."""

Rows = Sequence[Any]
"""Rows of a statement, each readable by position and by column name."""
