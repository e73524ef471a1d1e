# One image for all services: the command picks the app. Builds with BuildKit and with the classic builder.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No dependency needs its install script: msgpackr-extract ships prebuilt, protobufjs only checks a version.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY libs libs
COPY apps apps
# Type declarations and source maps of dependencies are for editors and debuggers only.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete

FROM node:24-bookworm-slim
# Inside a container loopback would be reachable by nobody. What the outside may reach is decided where ports are published.
# Stack traces show the TypeScript line.
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps HOST=0.0.0.0 PORT=4000
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/libs dist/libs
COPY --from=build /app/dist/apps dist/apps
# Everything above belongs to root: a process that is taken over cannot change its own code.
USER node
EXPOSE 4000
# The slim image has neither curl nor wget; http starts in a third of the CPU time that fetch needs.
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s --retries=3 CMD ["node", "-e", \
  "http.get(`http://127.0.0.1:${process.env.PORT}/ready`, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))"]
CMD ["node", "dist/apps/gateway/src/main.js"]
