"""A request, taken apart."""

from _httpserver import HTTPRequest, InvalidRequest, query  # noqa: F401
