"""Drivers: database drivers other than that of the standard library are told of when they are imported, and their cursors tell.

Part of the witness: only the standard library, whatever the service has.
"""

from __future__ import annotations

_DRIVERS = {
    "psycopg": {"Cursor": ("execute",), "AsyncCursor": ("execute",)},
    "psycopg2.extras": {"DictCursor": ("execute",), "RealDictCursor": ("execute",), "NamedTupleCursor": ("execute",)},
    "psycopg2": {},
    "pymysql.cursors": {"Cursor": ("execute",)},
    "MySQLdb.cursors": {"BaseCursor": ("execute",)},
    "mysql.connector.cursor": {"MySQLCursor": ("execute",)},
    "aiomysql.cursors": {"Cursor": ("execute",)},
    "asyncpg.connection": {"Connection": ("execute", "fetch", "fetchrow", "fetchval")},
}


class Finder:
    """Finds the drivers of other databases when they are imported, and has their cursors tell what they are asked."""

    def __init__(self, tell):
        self._tell = tell

    def find_spec(self, name, path=None, target=None):
        """Find a driver as everybody does, and have it loaded by what makes it tell."""
        if name not in _DRIVERS:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._tell)
        return spec


class _Loader:
    def __init__(self, plain, tell):
        self._plain = plain
        self._tell = tell

    def __getattr__(self, name):
        return getattr(self._plain, name)

    def create_module(self, spec):
        return self._plain.create_module(spec)

    def exec_module(self, module):
        self._plain.exec_module(module)
        for name, methods in _DRIVERS[module.__name__].items():
            for method in methods:
                _telling(getattr(module, name, None), method, self._tell)
        if module.__name__ == "psycopg2":
            _connections(module, self._tell)


def _telling(kind, method, tell):
    plain = getattr(kind, method, None)
    if plain is None:
        return

    def telling(self, statement, *args, **kwargs):
        tell(statement.decode("utf-8", "replace") if isinstance(statement, bytes) else statement)
        return plain(self, statement, *args, **kwargs)

    setattr(kind, method, telling)


def _connections(psycopg2, tell):
    """Give connections a cursor that tells: theirs is no class that could be changed."""
    import psycopg2.extensions

    plain = psycopg2.connect
    telling = type("cursor", (psycopg2.extensions.cursor,), {"execute": psycopg2.extensions.cursor.execute})
    _telling(telling, "execute", tell)

    def connect(*args, **kwargs):
        kwargs["cursor_factory"] = kwargs.get("cursor_factory") or telling
        return plain(*args, **kwargs)

    psycopg2.connect = connect
