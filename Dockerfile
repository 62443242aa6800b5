# The gateway with its sandbox. Configuration comes from the environment: see docs/configuration.md.
FROM node:24-bookworm-slim

RUN apt-get update \
 && apt-get install -y --no-install-recommends ffmpeg \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY src ./src
COPY sandbox ./sandbox
COPY web ./web
COPY config ./config
RUN mkdir -p /srv/data /srv/input /srv/output /srv/logs && chown -R node:node /srv

# Outside of loopback the gateway does not start without API_KEYS (or AUTH=off).
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 \
    NODE_COMPILE_CACHE=/srv/cache \
    DATA_DIR=/srv/data INPUT_DIR=/srv/input OUTPUT_DIR=/srv/output LOG_DIR=/srv/logs
USER node
VOLUME /srv
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/entry/main.ts"]
