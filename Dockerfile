# The service alone: Node, the C libraries it needs, the production dependencies and the sources. No shell, no npm, no packages.
#   docker build -t number-generator .

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# Source maps and type declarations of the dependencies are for people who read them; nothing loads them.
RUN find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.md' \) -delete
COPY src src
# The root of the image: Node, every library that it is linked with, the app, and /data (SQLite, the generated secret), which a
# mounted volume takes its owner from.
RUN mkdir -p /image/etc \
  && cp --parents --dereference /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o '/[^ ]*') /image \
  && echo 'numbers:x:10001:10001::/data:/usr/sbin/nologin' > /image/etc/passwd \
  && cp -a --parents /app /image \
  && install -d -o 10001 -g 10001 -m 0700 /image/data

FROM scratch
COPY --from=build /image /
ENV NODE_ENV=production DATA_DIR=/data PATH=/usr/local/bin
WORKDIR /app
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/readyz`).then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "src/main.ts"]
