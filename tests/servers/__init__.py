"""Package indexes on loopback for the tests: two real ones, and one that records and misbehaves on demand."""

from __future__ import annotations

from servers.devpi import DevpiServer
from servers.messages import Answer, BasicAuth, Fault, FormFile, Request
from servers.pypi import PyPIStandIn
from servers.pypiserver import PypiServer
from servers.raw import RawServer
from servers.recording import RecordingServer
from servers.socks import SocksProxy

__all__ = [
    "Answer",
    "BasicAuth",
    "DevpiServer",
    "Fault",
    "FormFile",
    "PyPIStandIn",
    "PypiServer",
    "RawServer",
    "RecordingServer",
    "Request",
    "SocksProxy",
]
