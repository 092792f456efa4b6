"""Requests that are refused before any row is looked at, each with its HTTP status.

    RequestRefused                  (400) the root; ``status`` and ``headers`` belong to the answer
    ├── MalformedRequest            400   path, option, body or batch cannot be read
    ├── ResourceNotFound            404   no such path, set, function or property
    ├── MethodRefused               405   the resource exists, the method is not for it
    ├── BodyTooLarge                413
    └── UnsupportedBody             415   the content type is not one this resource reads

The services write them in their own error shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dualwrite.errors import DualwriteError, Scope


class RequestRefused(DualwriteError):
    """A request that cannot be answered as asked, whatever the rows hold."""

    code = "DW0600"
    scope = Scope.BATCH
    status: ClassVar[int] = 400

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What the answer must carry beside its body."""
        return ()


class MalformedRequest(RequestRefused):
    code = "DW0601"


class ResourceNotFound(RequestRefused):
    code = "DW0602"
    status = 404


class MethodRefused(RequestRefused):
    """``allowed`` lists the methods the resource does take."""

    code = "DW0603"
    status = 405

    def __init__(self, message: str, *, allowed: Sequence[str]) -> None:
        super().__init__(message, allowed=list(allowed))
        self.allowed = tuple(allowed)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Allow", ", ".join(self.allowed)),)


class BodyTooLarge(RequestRefused):
    code = "DW0604"
    status = 413


class UnsupportedBody(RequestRefused):
    code = "DW0605"
    status = 415
