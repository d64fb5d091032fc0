"""Schema: the server held to its own OpenAPI document, by schemathesis.

    python -m tests.benchmarks.schema              at least 10,000 cases; some twenty minutes
    python -m tests.benchmarks.schema --short      some hundred, as the tests do

Prints what schemathesis says, and ends with 1 if any answer was a server's error or not as the document has it.

The two that cannot be said in a schema are left out: `import`, whose body is lines, and `delete_library`, after which
there is nothing to ask. Batches that nobody goes on with are abandoned after 50 ms here, as all other writers wait for
them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
    "allow_header_conformance"
)
_SERVER = "from skillstore.service import batches; batches.IDLE = 0.05; from cli.main import main; main()"
_SKILL = {"name": "acquire key", "preconditions": {"has_key": False}, "action_sequence": ["pickup"]}


def run(examples: int, phases: str) -> tuple[int, int, str]:
    """(the exit code, the cases generated, what was said)."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        with (place / "log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-c", _SERVER, "--library", str(place / "all"), "serve", "--port", "0", "--json"],
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            _prepare(address)
            (place / "schemathesis.toml").write_text('[parameters]\nlibrary = "home"\n')
            return _checked(address, place, examples, phases)
        finally:
            server.terminate()
            server.wait(60)


def _prepare(address: str) -> None:
    import httpx

    with httpx.Client(base_url=address, timeout=60) as client:
        client.post("/v1/libraries", json={"name": "home"}).raise_for_status()
        client.post("/v1/libraries/home/skills", json=_SKILL).raise_for_status()
        client.put("/v1/libraries/home/notes/a", json=1).raise_for_status()


def _checked(address: str, place: Path, examples: int, phases: str) -> tuple[int, int, str]:
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(place / "schemathesis.toml"), "run",
        f"{address}/v1/openapi.json", "--checks", CHECKS, "--max-examples", str(examples), "--continue-on-failure",
        "--phases", phases, "--generation-deterministic",
        "--warnings", "off", "--request-timeout", "60",
        "--exclude-operation-id", "delete_library", "--exclude-operation-id", "import",
        "--report", "junit", "--report-junit-path", str(place / "report.xml"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=place, env={**os.environ, "COLUMNS": "160"})
    said = done.stdout + done.stderr
    found = re.search(r"(\d[\d,]*) generated", said)
    return done.returncode, int(found[1].replace(",", "")) if found else 0, said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Hold the server to its OpenAPI document, by Schemathesis.")
    parser.add_argument("--short", action="store_true", help="ten cases of each operation, made up")
    is_short = parser.parse_args().short
    code, cases, words = run(*((10, "fuzzing") if is_short else (500, "examples,coverage,fuzzing")))
    print(words)
    print(f"{cases} cases, {'none' if code == 0 else 'some'} of which is wrong")
    sys.exit(1 if code else 0)
