"""Short forms of the proofs under tests/benchmarks: killed servers, leaks, load, and the figures of a read."""

from __future__ import annotations

from pathlib import Path

from skillstore.bench.workload import Workload
from tests.benchmarks import load, service, service_kills, service_leaks
from tests.remote.served import served


def test_what_a_killed_server_acknowledged_is_there_once(tmp_path: Path) -> None:
    told = service_kills.survive(tmp_path, kills=2, skills=50, count=8, share=0.7, seed=1)
    assert told["skills added"] > 0
    assert told["uses"] > 0


def test_two_libraries_and_two_keys_know_nothing_of_each_other(tmp_path: Path) -> None:
    told = service_leaks.run(tmp_path, operations=300, seed=4, trespasses=1, inside=True)
    assert told["operations"] == 300
    assert told["trespasses"] > 40
    assert told["skills of first"] > 10


def test_many_connections_are_answered_without_an_error(tmp_path: Path) -> None:
    work = Workload(200, 8)
    load.filled(tmp_path, work)
    with served(tmp_path) as (address, process):
        told = load.measure(address, process.pid, work, 16, 0.5, 0.2)
    assert told["errors"] == 0
    assert told["answers a second"] > 0
    assert {"reads", "writes"} <= told.keys()


def test_a_read_is_measured_beside_the_same_in_the_process() -> None:
    with service.libraries(200, 8) as (asked, work):
        for ask in service.kinds(3).values():
            ((inside, at_server, overhead, bare, own, client, elapsed),) = service.measured(
                asked, work.questions(5), 1, ask
            )
            assert inside > 0
            assert at_server > 0
            assert abs(at_server - inside - overhead) < 1e-9
            assert bare > 0
            assert abs(overhead - bare - own) < 1e-9
            assert elapsed > client > 0
