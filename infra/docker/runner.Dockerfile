# syntax=docker/dockerfile:1
# The reference runner: docker build --file infra/docker/runner.Dockerfile --build-arg REVISION=$(git rev-parse HEAD) .

FROM python:3.13-slim AS build
RUN python -m venv /venv
COPY apps/runner-python/requirements.lock /build/
# With hashes: what is installed is what was reviewed.
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /build/requirements.lock

FROM python:3.13-slim AS runtime
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/*
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app/src PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=build /venv /venv
COPY apps/runner-python/src ./src
USER 1000:1000
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "runner"]
# Last, so that a new revision alone rebuilds nothing.
ARG REVISION=unknown
LABEL org.opencontainers.image.revision=$REVISION
