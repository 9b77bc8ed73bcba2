"""Routes whose parameters are analysed when they are first asked for.

FastAPI analyses the parameters and answers of a route when its module is imported. For all our routes this takes longer
than everything else that `desk serve` does before its first page, and most requests need few of them.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.routing import compile_path, get_name

# FastAPI ignores it while it analyses a route; a validator that is built at its first use comes after that.
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
_ANALYSIS = threading.RLock()
"""Held while a route is analysed: the description of the API asks for routes on another thread than requests do."""


class LateRoute(APIRoute):
    """An `APIRoute` that knows its path, methods, function and dependencies at once, and everything else once it is
    asked for. `app.http.doors.check_doors` needs no more than that to find the door of each route at the start."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path, self.endpoint = path, endpoint
        self.name = options.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in options.get("methods") or ("GET",)}
        self.dependencies = list(options.get("dependencies") or ())
        self.include_in_schema = options.get("include_in_schema", True)
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self._late: dict[str, Any] | None = options

    def __getattr__(self, name: str) -> Any:
        """Analyse the route: Python looks here for an attribute that is not set yet."""
        if name.startswith("__"):
            raise AttributeError(name)
        with _ANALYSIS:
            options, self._late = self.__dict__.get("_late"), None
            if options is not None:
                options["include_in_schema"] = self.include_in_schema
                super().__init__(self.path, self.endpoint, **options)
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(name) from None


class Router(APIRouter):
    """The router of an area: its routes are late ones."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__(prefix=prefix, route_class=LateRoute)
