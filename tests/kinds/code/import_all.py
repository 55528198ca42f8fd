"""Import all: print every module below a folder that loads, one a line. Run it with the folder and the packages in it."""

from __future__ import annotations

import contextlib
import importlib
import io
import pkgutil
import sys
import warnings


def main(folder: str, packages: list[str]) -> None:
    warnings.simplefilter("ignore")
    sys.path.insert(0, folder)
    if "django" in packages:
        _configure_django()
    for package in packages:
        found = importlib.import_module(package)
        assert str(found.__file__).startswith(folder)
        for module in pkgutil.walk_packages(found.__path__, f"{package}.", onerror=lambda _: None):
            if not {"tests", "benchmarks", "__main__"} & set(module.name.split(".")) and _loads(module.name):
                print(module.name)


def _loads(name: str) -> bool:
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            importlib.import_module(name)
    except (Exception, SystemExit):  # noqa: BLE001 - a driver that is not installed, a script that wants arguments
        return False
    return True


def _configure_django() -> None:
    import django  # noqa: PLC0415 - the one below the folder
    from django.conf import settings  # noqa: PLC0415

    apps = [f"django.contrib.{name}" for name in ("contenttypes", "auth", "sessions", "sites", "admin", "messages")]
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(INSTALLED_APPS=apps, DATABASES={"default": database}, SECRET_KEY="x", USE_TZ=True)
    django.setup()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
