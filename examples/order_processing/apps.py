from django.apps import AppConfig


class OrderProcessingConfig(AppConfig):
    name = "examples.order_processing"
