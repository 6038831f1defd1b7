"""TLS to Consul's agent, by the variables that Consul's own programs read."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context


@dataclass(frozen=True, slots=True)
class Tls:
    """Empty is absent. `ca_cert` is a file of authorities and `ca_path` a folder of such files: in
    their place, only they are believed. `client_cert` and `client_key` are files, too; the key may
    be in the former. `server_name` is what the agent's certificate has to name, if that is another
    than the host of the address."""

    is_wanted: bool = False
    """Whether an address without a scheme, or with http://, means https."""
    is_checked: bool = True
    ca_cert: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""

    def prepare(self, http: Any) -> None:
        """Makes a client of python-consul's use it. Raises ValueError for a file that is none."""
        http.verify = self.is_checked and (self.ca_cert or self.ca_path or True)
        if self.client_cert:
            http.cert = (self.client_cert, self.client_key or self.client_cert)
        session: requests.Session = http.session
        if http.scheme == "https":
            for path in filter(None, (self.client_cert, self.client_key)):
                if not Path(path).is_file():
                    raise ValueError(
                        f"There is no file {path}: correct CONSUL_CLIENT_CERT or _KEY."
                    )
            session.mount("https://", _Adapter(self))

    def context(self) -> ssl.SSLContext:
        """With the authorities that are believed, but for those of the machine."""
        made = create_urllib3_context()
        if not self.is_checked:
            made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        try:
            if self.ca_cert:
                made.load_verify_locations(self.ca_cert)
            for path in sorted(Path(self.ca_path).iterdir()) if self.ca_path else ():
                made.load_verify_locations(path)
        except OSError as error:  # of which SSLError is one
            raise ValueError(
                f"{error}: CONSUL_CACERT has to be a file, and CONSUL_CAPATH a folder of files, "
                f"with certificates of authorities."
            ) from error
        return made


NO_TLS: Final = Tls()
"""But for an address that begins with https://, and then by the machine's authorities."""


class _Adapter(HTTPAdapter):
    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        options["ssl_context"] = self._tls.context()
        if name := self._tls.server_name:
            options |= {"server_hostname": name, "assert_hostname": name}
        super().init_poolmanager(*args, **options)
