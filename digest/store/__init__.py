"""The store: the only SQL of the project, on SQLite or PostgreSQL.

`open_store` gives a `Store`; its `read()` and `write()` give connections, and the functions of the
modules here (`papers`, `issues`, `ledger`, …) each answer one question on a connection.
"""

from sqlalchemy import Connection

from digest.store.engine import Store, open_store

__all__ = ["Connection", "Store", "open_store"]
