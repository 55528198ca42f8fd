"""Known: what the names of packages, modules and images stand for."""

from __future__ import annotations

from collections.abc import Mapping

from bmad_provisioner.kinds.performance.discover.facts import (
    BENCHMARK,
    CACHE,
    DATABASE,
    DRIVER,
    FRAMEWORK,
    LOAD_TEST,
    LOGGING,
    METRICS,
    QUEUE,
    SERVER,
    TRACING,
)

PYTHON, NODE, GO, JAVA, RUBY, RUST, PHP = "Python", "JavaScript", "Go", "Java", "Ruby", "Rust", "PHP"

_Roles = Mapping[str, Mapping[str, str]]
_PYTHON: _Roles = {
    FRAMEWORK: {
        "flask": "Flask", "fastapi": "FastAPI", "starlette": "Starlette", "django": "Django", "aiohttp": "aiohttp",
        "bottle": "Bottle", "falcon": "Falcon", "tornado": "Tornado", "sanic": "Sanic", "quart": "Quart", "litestar": "Litestar",
        "pyramid": "Pyramid", "djangorestframework": "Django REST framework", "streamlit": "Streamlit",
    },
    SERVER: {
        "uvicorn": "Uvicorn", "gunicorn": "Gunicorn", "hypercorn": "Hypercorn", "daphne": "Daphne", "waitress": "Waitress",
        "uwsgi": "uWSGI", "granian": "Granian",
    },
    DATABASE: {
        "psycopg": "PostgreSQL", "psycopg2": "PostgreSQL", "psycopg2-binary": "PostgreSQL", "asyncpg": "PostgreSQL",
        "pg8000": "PostgreSQL", "pymysql": "MySQL", "mysqlclient": "MySQL", "aiomysql": "MySQL",
        "mysql-connector-python": "MySQL", "aiosqlite": "SQLite", "sqlite3": "SQLite", "pymongo": "MongoDB", "motor": "MongoDB",
        "elasticsearch": "Elasticsearch", "cassandra-driver": "Cassandra", "clickhouse-connect": "ClickHouse", "duckdb": "DuckDB",
        "oracledb": "Oracle", "pyodbc": "ODBC",
    },
    DRIVER: {
        "sqlalchemy": "SQLAlchemy", "flask-sqlalchemy": "Flask-SQLAlchemy", "sqlmodel": "SQLModel", "tortoise-orm": "Tortoise",
        "peewee": "Peewee", "pony": "Pony",
    },
    CACHE: {
        "redis": "Redis", "aioredis": "Redis", "django-redis": "Redis", "valkey": "Valkey", "pymemcache": "Memcached",
        "python-memcached": "Memcached", "pylibmc": "Memcached", "flask-caching": "Flask-Caching", "cachetools": "cachetools",
    },
    QUEUE: {
        "celery": "Celery", "rq": "RQ", "dramatiq": "Dramatiq", "pika": "RabbitMQ", "kafka-python": "Kafka",
        "confluent-kafka": "Kafka", "aiokafka": "Kafka",
    },
    METRICS: {
        "prometheus-client": "prometheus-client", "prometheus_client": "prometheus-client",
        "prometheus-fastapi-instrumentator": "prometheus-fastapi-instrumentator",
        "prometheus-flask-exporter": "prometheus-flask-exporter", "django-prometheus": "django-prometheus",
        "starlette-exporter": "starlette-exporter", "statsd": "statsd", "datadog": "datadog",
    },
    TRACING: {
        "opentelemetry-api": "opentelemetry-api", "opentelemetry-sdk": "opentelemetry-sdk", "opentelemetry": "opentelemetry-api",
        "opentelemetry-distro": "opentelemetry-distro", "ddtrace": "ddtrace", "newrelic": "newrelic",
        "elastic-apm": "elastic-apm", "sentry-sdk": "sentry-sdk", "logfire": "logfire",
    },
    LOGGING: {"structlog": "structlog", "loguru": "loguru", "python-json-logger": "python-json-logger"},
    BENCHMARK: {"pytest-benchmark": "pytest-benchmark", "pytest-codspeed": "pytest-codspeed", "asv": "asv", "pyperf": "pyperf"},
    LOAD_TEST: {"locust": "Locust"},
}  # fmt: skip
_NODE: _Roles = {
    FRAMEWORK: {
        "express": "Express", "next": "Next.js", "fastify": "Fastify", "koa": "Koa", "@nestjs/core": "NestJS", "hono": "Hono",
        "nuxt": "Nuxt", "react": "React", "vue": "Vue", "svelte": "Svelte", "@angular/core": "Angular", "astro": "Astro",
    },
    DATABASE: {
        "pg": "PostgreSQL", "postgres": "PostgreSQL", "mysql": "MySQL", "mysql2": "MySQL", "sqlite3": "SQLite",
        "better-sqlite3": "SQLite", "mongodb": "MongoDB", "mongoose": "MongoDB",
    },
    DRIVER: {"prisma": "Prisma", "@prisma/client": "Prisma", "sequelize": "Sequelize", "typeorm": "TypeORM", "knex": "Knex"},
    CACHE: {"redis": "Redis", "ioredis": "Redis", "memjs": "Memcached"},
    QUEUE: {"bullmq": "BullMQ", "amqplib": "RabbitMQ", "kafkajs": "Kafka"},
    METRICS: {"prom-client": "prom-client", "express-prom-bundle": "express-prom-bundle", "fastify-metrics": "fastify-metrics"},
    TRACING: {"dd-trace": "dd-trace", "newrelic": "newrelic", "elastic-apm-node": "elastic-apm-node"},
    LOGGING: {"morgan": "morgan", "pino": "pino", "winston": "winston"},
    LOAD_TEST: {"autocannon": "autocannon", "artillery": "Artillery", "k6": "k6"},
    BENCHMARK: {"@lhci/cli": "Lighthouse CI", "lighthouse": "Lighthouse", "tinybench": "tinybench"},
}  # fmt: skip
_GO: _Roles = {
    FRAMEWORK: {
        "github.com/gin-gonic/gin": "Gin", "github.com/labstack/echo": "Echo", "github.com/gofiber/fiber": "Fiber",
        "github.com/go-chi/chi": "chi", "github.com/gorilla/mux": "gorilla/mux",
    },
    DATABASE: {
        "github.com/lib/pq": "PostgreSQL", "github.com/jackc/pgx": "PostgreSQL", "github.com/go-sql-driver/mysql": "MySQL",
        "github.com/mattn/go-sqlite3": "SQLite", "modernc.org/sqlite": "SQLite", "go.mongodb.org/mongo-driver": "MongoDB",
    },
    DRIVER: {"gorm.io/gorm": "GORM"},
    CACHE: {"github.com/redis/go-redis": "Redis", "github.com/bradfitz/gomemcache": "Memcached"},
    METRICS: {"github.com/prometheus/client_golang": "client_golang"},
    TRACING: {"go.opentelemetry.io/otel": "opentelemetry-go"},
}  # fmt: skip
_JAVA: _Roles = {
    FRAMEWORK: {
        "spring-boot-starter-web": "Spring Boot", "spring-boot-starter-webflux": "Spring WebFlux", "quarkus-rest": "Quarkus",
        "quarkus-resteasy": "Quarkus", "micronaut-http-server-netty": "Micronaut",
    },
    DATABASE: {"postgresql": "PostgreSQL", "mysql-connector-j": "MySQL", "mysql-connector-java": "MySQL", "h2": "H2"},
    DRIVER: {"spring-boot-starter-data-jpa": "Spring Data JPA", "hibernate-core": "Hibernate"},
    CACHE: {"spring-boot-starter-data-redis": "Redis", "jedis": "Redis"},
    METRICS: {"micrometer-registry-prometheus": "micrometer-registry-prometheus", "spring-boot-starter-actuator": "Actuator"},
    TRACING: {"opentelemetry-api": "opentelemetry-api"},
}  # fmt: skip
_RUBY: _Roles = {
    FRAMEWORK: {"rails": "Rails", "sinatra": "Sinatra", "hanami": "Hanami"},
    SERVER: {"puma": "Puma", "unicorn": "Unicorn"},
    DATABASE: {"pg": "PostgreSQL", "mysql2": "MySQL", "sqlite3": "SQLite", "mongoid": "MongoDB"},
    CACHE: {"redis": "Redis", "dalli": "Memcached"},
    QUEUE: {"sidekiq": "Sidekiq"},
    METRICS: {"prometheus_exporter": "prometheus_exporter", "yabeda": "yabeda"},
    TRACING: {"opentelemetry-sdk": "opentelemetry-sdk", "ddtrace": "ddtrace", "newrelic_rpm": "newrelic"},
}
_RUST: _Roles = {
    FRAMEWORK: {"axum": "axum", "actix-web": "Actix Web", "rocket": "Rocket", "warp": "warp"},
    DATABASE: {"tokio-postgres": "PostgreSQL", "rusqlite": "SQLite", "mongodb": "MongoDB"},
    DRIVER: {"sqlx": "SQLx", "diesel": "Diesel"},
    CACHE: {"redis": "Redis"},
    BENCHMARK: {"criterion": "Criterion"},
}
_PHP: _Roles = {
    FRAMEWORK: {"laravel/framework": "Laravel", "symfony/framework-bundle": "Symfony", "slim/slim": "Slim"},
    CACHE: {"predis/predis": "Redis"},
}
_ALL = {PYTHON: _PYTHON, NODE: _NODE, GO: _GO, JAVA: _JAVA, RUBY: _RUBY, RUST: _RUST, PHP: _PHP}
PACKAGES: Mapping[tuple[str, str], tuple[str, str]] = {
    (language, package): (role, name)
    for language, roles in _ALL.items()
    for role, names in roles.items()
    for package, name in names.items()
}
"""The part and the name of a package, by language and the name under which it is installed."""
MODULES: Mapping[str, tuple[str, str]] = {
    **{package.replace("-", "_"): part for (language, package), part in PACKAGES.items() if language == PYTHON},
    "MySQLdb": (DATABASE, "MySQL"),
    "rest_framework": (FRAMEWORK, "Django REST framework"),
}
"""The part and the name of a Python module, by the name under which it is imported."""
IMAGES: Mapping[str, tuple[str, str]] = {
    **{name: (DATABASE, "PostgreSQL") for name in ("postgres", "postgresql", "postgis", "timescaledb")},
    **{name: (DATABASE, "MySQL") for name in ("mysql", "mariadb")},
    **{name: (DATABASE, "MongoDB") for name in ("mongo", "mongodb")},
    "elasticsearch": (DATABASE, "Elasticsearch"), "opensearch": (DATABASE, "OpenSearch"),
    "clickhouse-server": (DATABASE, "ClickHouse"), "redis": (CACHE, "Redis"), "valkey": (CACHE, "Valkey"),
    "memcached": (CACHE, "Memcached"), "rabbitmq": (QUEUE, "RabbitMQ"), "kafka": (QUEUE, "Kafka"), "nats": (QUEUE, "NATS"),
    "nginx": (SERVER, "nginx"), "caddy": (SERVER, "Caddy"), "traefik": (SERVER, "Traefik"), "haproxy": (SERVER, "HAProxy"),
    "httpd": (SERVER, "Apache"), "prometheus": (METRICS, "Prometheus"), "grafana": (METRICS, "Grafana"),
    "postgres-exporter": (METRICS, "postgres_exporter"), "node-exporter": (METRICS, "node_exporter"),
    "opentelemetry-collector": (TRACING, "OpenTelemetry Collector"),
    "opentelemetry-collector-contrib": (TRACING, "OpenTelemetry Collector"), "all-in-one": (TRACING, "Jaeger"),
    "jaeger": (TRACING, "Jaeger"), "tempo": (TRACING, "Tempo"),
}  # fmt: skip
"""The part and the name of a container's image, by the last part of its name."""
MODULE_FRAMEWORKS = frozenset(name for role, name in MODULES.values() if role == FRAMEWORK)


def package(language: str, name: str) -> tuple[str, str] | None:
    """Return the part and the name of a package; instruments of OpenTelemetry all count."""
    found = PACKAGES.get((language, name))
    if found is None and name.startswith(("opentelemetry-instrumentation-", "@opentelemetry/")):
        return TRACING, name
    if found is None and language == GO:
        # A major version is part of a module's path: `github.com/labstack/echo/v4`.
        return PACKAGES.get((GO, name.rsplit("/v", 1)[0]))
    return found
