from collections.abc import Callable, Iterable
from typing import Union

from modhttp import Request, Response

def same_site(trusted: Iterable[str] = ()) -> Callable[[Request], Union[Response, None]]:
    """For Server.before() and protect(): refuses what changes something and is another site's page's."""
