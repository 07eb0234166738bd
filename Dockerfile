# The service alone: Node, the C libraries it needs, the production dependencies and the sources. No shell, no npm, no packages.
#   docker build -t number-generator .

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# Source maps and type declarations of the dependencies are for people who read them; nothing loads them.
RUN find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.md' \) -delete
COPY src src
# Everything compiled once here starts a node in half the time. Node keeps what it compiled apart for each user, so it is done as the
# user who will run it and with the flags it will run with: each file loaded, then one start on SQLite, for what the libraries load
# later. The image holds it read-only.
ENV NODE_COMPILE_CACHE=/app/compile-cache FLAGS="--import ./src/node-version.mjs --max-semi-space-size=16 --expose-gc"
RUN install -d -o 10001 compile-cache
USER 10001:10001
RUN node $FLAGS --input-type=module -e "for (const file of fs.globSync('src/**/*.ts', { exclude: ['src/main.ts'] })) await import('/app/' + file)" \
  && DATA_DIR=/tmp/compile SHUTDOWN_DRAIN_MS=0 timeout --preserve-status 10 node $FLAGS src/main.ts
USER root
RUN chown -R root:root compile-cache && chmod -R go=rX compile-cache
# The root of the image in three layers, by how often they change, so that a new version is a small pull: Node with every library that
# it is linked with, the users and /data (SQLite, the generated secret), which a mounted volume takes its owner from; the packages;
# the service.
RUN mkdir -p /layers/runtime/etc /layers/packages/app /layers/service/app \
  && cp --parents --dereference /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o '/[^ ]*') /layers/runtime \
  && echo 'numbers:x:10001:10001::/data:/usr/sbin/nologin' > /layers/runtime/etc/passwd \
  && install -d -o 10001 -g 10001 -m 0700 /layers/runtime/data \
  && mv node_modules /layers/packages/app \
  && mv package.json src compile-cache /layers/service/app

FROM scratch
COPY --from=build /layers/runtime /
COPY --from=build /layers/packages /
COPY --from=build /layers/service /
ENV NODE_ENV=production DATA_DIR=/data PATH=/usr/local/bin NODE_COMPILE_CACHE=/app/compile-cache
WORKDIR /app
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "src/main.ts", "healthcheck"]
# The flags are those of npm start; docs/operations.md says what they are for.
ENTRYPOINT ["node", "--import", "./src/node-version.mjs", "--max-semi-space-size=16", "--expose-gc", "src/main.ts"]
