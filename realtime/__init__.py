"""This application's sockets."""
