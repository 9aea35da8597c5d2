# syntax=docker/dockerfile:1
# Every TypeScript app and the migration job:
#   docker build --file infra/docker/service.Dockerfile --build-arg APP=auth-actions --build-arg REVISION=$(git rev-parse HEAD) .
# APP is a package's name without its scope: auth-actions, webhook-gateway, orchestrator, logs-schema, or db for the migrations.

FROM node:24-slim AS toolchain
ARG PNPM_VERSION=10.34.8
ARG TURBO_VERSION=2.11.11
ENV CI=1 TURBO_TELEMETRY_DISABLED=1
RUN npm install --global --no-audit --no-fund "pnpm@${PNPM_VERSION}" "turbo@${TURBO_VERSION}"
WORKDIR /repo

FROM toolchain AS pruned
ARG APP
COPY . .
RUN turbo prune "@control-plane/${APP}" --docker

FROM toolchain AS build
ARG APP
COPY --from=pruned /repo/out/json/ ./
RUN --mount=type=cache,id=pnpm-store,target=/pnpm/store pnpm install --frozen-lockfile --store-dir /pnpm/store
COPY --from=pruned /repo/out/full/ ./
# Prune leaves it out, though every tsconfig extends it.
COPY --from=pruned /repo/tsconfig.base.json ./
RUN pnpm exec turbo run build --filter "@control-plane/${APP}"
RUN --mount=type=cache,id=pnpm-store,target=/pnpm/store \
    pnpm --filter "@control-plane/${APP}" deploy --prod --config.inject-workspace-packages=true --store-dir /pnpm/store /out
COPY --from=pruned /repo/infra/docker/slim.mjs ./
RUN node slim.mjs /out

FROM node:24-slim AS runtime
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /out ./
# What Node compiles at the first start, kept in the image: without settings the program loads itself and then refuses.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN node --enable-source-maps dist/main.js > /dev/null 2>&1 || test -d "$NODE_COMPILE_CACHE"
# By number, so that an orchestrator can verify that it is not root.
USER 1000:1000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=12 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "--enable-source-maps", "dist/main.js"]
# Last, so that a new revision alone rebuilds nothing.
ARG REVISION=unknown
LABEL org.opencontainers.image.revision=$REVISION
