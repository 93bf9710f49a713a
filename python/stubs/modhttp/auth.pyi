from collections.abc import Callable, Iterable
from typing import Any, TypeVar, Union

from modhttp import Request, Response
from modhttp.secrets import hash_password as hash_password

Function = TypeVar("Function", bound=Callable[..., Any])

class _Auth:
    scheme: str
    realm: str
    def __call__(self, request: Request) -> Union[Response, None]:
        """None where the request may pass, else the answer. Raises HTTPError(400) for what is malformed."""
    def required(self, function: Function) -> Function: ...
    def user(self, request: Request) -> Union[str, None]:
        """The name that the request says."""

class Basic(_Auth):
    def __init__(self, users: Union[dict[str, str], Callable[[str, str], bool]], realm: str = "modhttp") -> None: ...

class Bearer(_Auth):
    def __init__(
        self,
        tokens: Union[dict[str, str], Iterable[str], Callable[[str], Union[bool, str, None]]],
        realm: str = "modhttp",
    ) -> None: ...

class Digest(_Auth):
    """Raises OSError where nothing is random."""

    def __init__(
        self,
        users: Union[dict[str, str], Callable[[str], Union[str, None]]],
        realm: str = "modhttp",
        lifetime: int = 300,
    ) -> None: ...

class Logins:
    """Names and passwords of a login form."""

    def __init__(self, users: Union[dict[str, str], Callable[[str, str], bool]]) -> None: ...
    def check(self, request: Request, name: str, password: str) -> bool:
        """Raises HTTPError(429) where the request's client has to wait before."""

def digest_hash(name: str, realm: str, password: str) -> str: ...
