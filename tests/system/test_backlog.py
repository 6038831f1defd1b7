"""R21 and L2 with real workers. `python -m tests.system.backlog` does R21 with 20,000 sagas."""

from sagas.worker.queues import ENOUGH
from tests.system.backlog import fill, work_off
from tests.system.running import WORKERS, Running
from tests.waiting import wait_until


def test_r21_the_hints_of_a_long_queue_do_not_multiply(running: Running) -> None:
    """With steps of a twentieth of a second two workers need longer than the first hints are
    trusted for, the more so as one of them stands still. What is repeated is the end of the queue
    alone, and on a machine that has other work, half of it once more."""
    fill(running.supervisor, running.env, steps=1000, step_seconds=0.05)
    figures = work_off(running.supervisor, running.env, stopped_for=10)
    assert figures.needed >= 1000
    assert 0 <= figures.repeats <= 2 * ENOUGH, figures


def test_l2_who_lost_a_hint_behind_a_full_queue_is_told_once_that_is_free(running: Running) -> None:
    """Its lease would be 35 s: it has to move on before that would be over."""
    for name in WORKERS:
        running.supervisor.stop(name)
    fill(running.supervisor, running.env, steps=1, step_seconds=0, name="lost")
    assert running.purge() >= 1
    fill(running.supervisor, running.env, steps=2 * ENOUGH, step_seconds=0.05, name="busy")
    running.sql("UPDATE sagas_sagaexecution SET wake_at = now() WHERE saga_id = 'lost-0'")
    running.supervisor.restart(WORKERS[0])
    wait_for(
        running,
        "SELECT blocked_by_queue = 'sagas' FROM sagas_sagaexecution WHERE saga_id = 'lost-0'",
    )
    running.supervisor.restart(WORKERS[1])
    wait_for(
        running,
        "SELECT count(*) = 0 FROM sagas_sagaexecution "
        "WHERE saga_id LIKE 'busy-%%' AND status <> 'completed'",
    )
    wait_for(
        running,
        "SELECT status = 'completed' FROM sagas_sagaexecution WHERE saga_id = 'lost-0'",
    )
    [(seconds,)] = running.sql(
        "SELECT extract(epoch FROM lost.finished_at - max(busy.finished_at)) "
        "FROM sagas_sagaexecution AS lost, sagas_sagaexecution AS busy "
        "WHERE lost.saga_id = 'lost-0' AND busy.saga_id LIKE 'busy-%%' GROUP BY lost.id"
    )
    assert seconds < 35


def wait_for(running: Running, question: str) -> None:
    """Until the database says yes."""
    wait_until(lambda: running.sql(question) == [(True,)], question)
