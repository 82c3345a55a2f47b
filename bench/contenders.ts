import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, nextMessage, pidOf, type Processes } from "./processes.ts";

/** A running proxy in front of the mock upstream. */
export interface Contender {
  name: string;
  port: number;
  pid: number;
  /** What its callers send as bearer token. */
  key: string;
  /** How long its work for a call may trail the reply; that work is counted too. */
  settleMs: number;
  /** Calls it has answered since it started. */
  answered: number;
  stop: () => Promise<void>;
}

export async function startBareProxy(
  processes: Processes,
  upstreamPort: number,
): Promise<Contender> {
  const child = processes.fork(new URL("./bare-proxy.js", import.meta.url), String(upstreamPort));
  const port = Number(await nextMessage(child));
  return {
    name: "bare proxy",
    port,
    pid: pidOf(child),
    key: "sk-bench",
    settleMs: 0,
    answered: 0,
    stop: () => processes.stop(child),
  };
}

export function hasNginx(): boolean {
  return spawnSync("nginx", ["-v"]).error === undefined;
}

export async function startNginx(
  processes: Processes,
  upstreamPort: number,
  { buffering }: { buffering: boolean },
): Promise<Contender> {
  const port = await freePort();
  const configFile = join(processes.directory, "nginx.conf");
  writeFileSync(configFile, nginxConfig(processes.directory, port, upstreamPort, buffering));
  const command = ["nginx", "-p", processes.directory, "-e", "stderr", "-c", configFile];
  const child = await processes.start("nginx", command, () =>
    answers(`http://127.0.0.1:${port}/ready`),
  );
  return {
    name: "nginx",
    port,
    pid: pidOf(child),
    key: "sk-bench",
    settleMs: 0,
    answered: 0,
    stop: () => processes.stop(child),
  };
}

/** Whether a GET is answered with success; throws when nothing listens. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.ok;
}

// One process without a master, so that its id is the one to measure. The temporary paths must be
// ours because a user who is not root cannot write to those nginx was built with.
function nginxConfig(
  directory: string,
  port: number,
  upstreamPort: number,
  buffering: boolean,
): string {
  const temporaryPaths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${directory}/nginx-${kind};`,
  );
  return `
    daemon off; master_process off; pid ${directory}/nginx.pid;
    events { worker_connections 4096; }
    http {
      access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on;
      ${temporaryPaths.join(" ")}
      upstream mock { server 127.0.0.1:${upstreamPort}; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 300s; }
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location = /ready { return 200; }
        location / {
          proxy_pass http://mock; proxy_http_version 1.1; proxy_buffering ${buffering ? "on" : "off"};
          proxy_set_header Connection ""; proxy_set_header Authorization "Bearer upstream-key";
        }
      }
    }`;
}
