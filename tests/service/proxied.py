"""A real nginx in front of a real server: TLS, the host kept or rewritten, at the root or below a path."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.remote.served import served

NAME = "memory.example"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"
MISSING = [program for program in ("nginx", "openssl") if shutil.which(program, path=_PATH) is None]
"""What has to be installed before a proxy can be tried."""

CONFIGURATION = """
daemon off;
pid {top}/nginx.pid;
error_log {top}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {top}/body; proxy_temp_path {top}/proxy; fastcgi_temp_path {top}/f;
  uwsgi_temp_path {top}/u; scgi_temp_path {top}/s;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {top}/certificate.pem;
    ssl_certificate_key {top}/key.pem;
    client_max_body_size 0;
    location {location} {{
      proxy_pass {upstream};
      proxy_http_version 1.1;
      proxy_set_header Host {host};
      proxy_set_header X-Forwarded-Prefix "{said}";
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""


@contextmanager
def proxied(top: Path, *, prefix: str = "", strips: bool = True, keeps_host: bool = True) -> Iterator[tuple[str, Path]]:
    """The address that browsers see, and the certificate to trust.

    prefix      the path below which the server stands
    strips      whether the proxy takes it off the path, and says it in a header; else the server is told by an option
    keeps_host  whether the server sees the name that was asked for, or its own address
    """
    port = _free()
    _make_certificate(top)
    options = ["--allow-host", f"https://{NAME}:{port}", *(["--prefix", prefix] if prefix and not strips else [])]
    with served(top / "all", 0, *options) as (address, _):
        text = CONFIGURATION.format(
            top=top, port=port, location=f"{prefix}/", upstream=f"{address}/" if strips else address,
            host="$http_host" if keeps_host else "$proxy_host", said=prefix if strips else "",
        )  # fmt: skip
        (top / "nginx.conf").write_text(text)
        program = shutil.which("nginx", path=_PATH) or "nginx"
        nginx = subprocess.Popen([program, "-p", str(top), "-c", str(top / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield f"https://{NAME}:{port}{prefix}", top / "certificate.pem"
        finally:
            nginx.terminate()
            nginx.wait(30)


def _make_certificate(top: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext",
         f"subjectAltName=DNS:{NAME}", "-keyout", str(top / "key.pem"), "-out", str(top / "certificate.pem")],
        check=True, capture_output=True,
    )  # fmt: skip


def _free() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("nginx does not answer")
