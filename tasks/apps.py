from celery import current_app
from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        from sagas.listeners import listen
        from sagas.registry import registry
        from tasks import checks  # noqa: F401  (registers the system checks)
        from tasks.children import ChildWatch
        from tasks.garbage import DropGarbage
        from tasks.hints import send_hints
        from tasks.limits import HardLimits
        from tasks.names import consume_engine_queue
        from tasks.pools import PoolCheck
        from tasks.steps import register_tasks
        from tasks.task_events import EventBuffer
        from tasks.waiting import WaitTogether
        from tasks.wake import WakeLoop

        register_tasks(registry)
        consume_engine_queue()
        listen(send_hints)
        current_app.steps["worker"].update((PoolCheck, WakeLoop, ChildWatch, HardLimits))
        current_app.steps["consumer"].update((DropGarbage, EventBuffer, WaitTogether))
