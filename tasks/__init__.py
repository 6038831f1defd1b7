"""This application's work: the order saga, whose steps the engine makes tasks of Celery's."""
