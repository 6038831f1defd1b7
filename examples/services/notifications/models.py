"""The table of notifications."""

from django.db import models


class Notification(models.Model):
    """One message that was sent."""

    notification_id = models.CharField(max_length=40, primary_key=True)
    user_id = models.CharField(max_length=200)
    template = models.CharField(max_length=200)
    order_id = models.CharField(max_length=200)
