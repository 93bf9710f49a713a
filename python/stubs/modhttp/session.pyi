from typing import Any, Union

from modhttp import Request, Response, Result

Key = Union[str, bytes]

class Sessions:
    name: str
    """Of the cookie."""
    max_age: int
    """Seconds that a session lasts."""

    def __init__(
        self,
        key: Union[Key, list[Key], tuple[Key, ...], None] = None,
        name: str = "session",
        max_age: int = 86400,
        secure: bool = False,
        path: str = "/",
        samesite: str = "Lax",
    ) -> None:
        """Raises ValueError for a key of less than 16 bytes, OSError where nothing is random."""
    def load(self, request: Request) -> dict[str, Any]: ...
    def save(self, session: dict[str, Any], answer: Result = b"") -> Response:
        """Raises ValueError for a session that is too large for a cookie."""
    def token(self, session: dict[str, Any]) -> str: ...
    def check_token(self, request: Request, session: dict[str, Any]) -> None:
        """Raises HTTPError(403)."""
