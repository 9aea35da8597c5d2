# syntax=docker/dockerfile:1
# Caddy with a limit of rates, and what it limits: docker build --file infra/docker/proxy.Dockerfile .
# It takes infra/proxy/Caddyfile as the plain image does.

FROM caddy:2.11-builder-alpine AS build
RUN xcaddy build --with github.com/mholt/caddy-ratelimit@v0.1.0

FROM caddy:2.11-alpine
COPY --from=build /usr/bin/caddy /usr/bin/caddy
COPY infra/proxy/limits /etc/caddy-limits
ARG REVISION=unknown
LABEL org.opencontainers.image.revision=$REVISION
