"""Messages to users. What has been sent cannot be unsent, so there is no compensation."""
