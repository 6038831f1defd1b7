from django.apps import AppConfig


class ParticipantConfig(AppConfig):
    name = "saga_participant"
