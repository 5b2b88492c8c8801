# The image of every Airflow component and of `motcua`. Base image, uv and all Python packages are pinned.
ARG PYTHON=python:3.11.15-slim-trixie@sha256:db3ff2e1800a8581e2c48a27c3995339d47bdf046da21c7627accd3d51053a93

FROM ${PYTHON} AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1
WORKDIR /opt/motcua
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir \
        "uv==$(sed -n '/^name = "uv"$/{n;s/version = "\(.*\)"/\1/p;}' uv.lock)" \
    && /opt/uv/bin/uv sync --locked --no-dev --no-install-project --no-cache
COPY . .
# A checkout under a strict umask would be root's alone here.
RUN /opt/uv/bin/uv sync --locked --no-dev --no-cache && chmod -R a+rX /opt/motcua

FROM ${PYTHON}
# pg_dump and pg_restore of the PostgreSQL that docker-compose.yml runs, for backups.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin motcua
COPY --from=build /opt/motcua /opt/motcua
ARG MOTCUA_COMMIT
ENV PATH=/opt/motcua/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=1 \
    HOME=/tmp \
    USER=motcua \
    MOTCUA_PROJECT=/opt/motcua \
    MOTCUA_COMMIT=${MOTCUA_COMMIT} \
    AIRFLOW_HOME=/tmp/airflow
WORKDIR /opt/motcua
USER 10001
HEALTHCHECK --interval=30s --timeout=15s --start-period=120s --retries=3 \
    CMD ["python", "/opt/motcua/deploy/healthcheck.py"]
CMD ["motcua", "--help"]
