"""Trending papers in your inbox, for any topic, from your own machine."""

__version__ = "0.1.0"
