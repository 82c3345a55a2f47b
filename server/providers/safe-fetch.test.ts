import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { GatewayError } from "../errors.ts";
import { ByteBudget, safeFetch, type SafeFetchOptions } from "./safe-fetch.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A host on loopback, and the options by which it may be fetched from. */
async function startHost(handler: Handler) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? "");
    handler(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    port,
    url: `http://127.0.0.1:${port}`,
    allowed: { ports: [port], allowsLoopback: true } as const,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

const param = "messages.0.content.0.image_url.url";

function fetchFrom(address: string, options: Partial<SafeFetchOptions> = {}) {
  return safeFetch(address, { param, budget: new ByteBudget(1_000), ...options });
}

async function refusal(address: string, options: Partial<SafeFetchOptions> = {}): Promise<string> {
  const thrown = await fetchFrom(address, options).catch((error: unknown) => error);
  if (!(thrown instanceof GatewayError)) throw new Error(`${address} was not refused`);
  expect(thrown).toMatchObject({ code: "invalid_request", details: { param } });
  return thrown.message;
}

const names = new Map([
  ["localhost", ["127.0.0.1", "::1"]],
  ["intranet.example", ["10.0.0.7"]],
  ["metadata.google.internal", ["169.254.169.254"]],
  ["half.example", ["93.184.215.14", "192.168.0.1"]],
  ["mapped.example", ["::ffff:127.0.0.1"]],
]);
const resolve = async (hostname: string) => names.get(hostname.replace(/\.$/, "")) ?? [];

test.each([
  "127.0.0.1",
  "127.1",
  "0x7f.1",
  "0177.0.0.1",
  "2130706433",
  "１２７.0.0.1",
  "127.0.0.1.",
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "169.254.169.254",
  "172.31.255.255",
  "192.0.0.192",
  "192.168.1.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "168.63.129.16",
  "[::]",
  "[::1]",
  "[::ffff:10.0.0.1]",
  "[::ffff:7f00:1]",
  "[::127.0.0.1]",
  "[64:ff9b::7f00:1]",
  "[64:ff9b:1::a00:1]",
  "[2002:7f00:1::1]",
  "[2001:0:7f00:1::]",
  "[2001:db8::1]",
  "[fd00:ec2::254]",
  "[fe80::1]",
  "[ff02::1]",
  "localhost",
  "LOCALHOST.",
  "intranet.example",
  "metadata.google.internal",
  "half.example",
  "mapped.example",
  "unknown.example",
])("the host %s is not reached, and reads like one that is not there", async (host) => {
  await using own = await startHost((_request, response) => response.end("secret"));

  const message = await refusal(`http://${host}:${own.port}/`, { ports: [own.port], resolve });

  expect(message).toMatch(/^Cannot fetch "http:.*": its host cannot be reached$/);
  expect(own.seen).toEqual([]);
});

test.each([
  ["http://user:secret@images.example/a.png", "it carries a user name or a password"],
  ["http://user@images.example/a.png", "it carries a user name or a password"],
  ["http://images.example:22/", "only port 80 or 443 is open"],
  ["https://images.example:8443/", "only port 80 or 443 is open"],
  ["ftp://images.example/a.png", "only http and https are fetched"],
  ["file:///etc/passwd", "only http and https are fetched"],
  ["data:image/png;base64,AAAA", "only http and https are fetched"],
  ["http://", "it is no address"],
  ["images.example/a.png", "it is no address"],
])("%s is refused: %s", async (address, why) => {
  expect(await refusal(address, { resolve })).toContain(why);
});

test("an error quotes neither a password nor a query", async () => {
  const message = await refusal("http://user:secret@10.0.0.1/a.png?signature=secret");

  expect(message).toContain('"http://10.0.0.1/a.png"');
  expect(message).not.toContain("secret");
});

test("bytes come with the type that the host gives them, and nothing is sent along", async () => {
  const headers: IncomingMessage["headers"][] = [];
  await using host = await startHost((request, response) => {
    headers.push(request.headers);
    response.setHeader("content-type", "Image/PNG; charset=binary").end("PNG");
  });

  const fetched = await fetchFrom(`${host.url}/a.png`, host.allowed);

  expect(fetched).toEqual({ bytes: Buffer.from("PNG"), contentType: "image/png" });
  expect(headers[0]).not.toHaveProperty("authorization");
  expect(headers[0]).not.toHaveProperty("cookie");
});

test("a name is resolved once for a connection, and that address is the one connected to", async () => {
  await using host = await startHost((_request, response) => response.end("here"));
  const answers = [["127.0.0.1"], ["10.0.0.1"]];

  const fetched = await fetchFrom(`http://images.example:${host.port}/`, {
    ...host.allowed,
    resolve: async () => answers.shift() ?? [],
  });

  expect(fetched.bytes.toString()).toBe("here");
  expect(answers).toEqual([["10.0.0.1"]]);
});

test("redirects are followed three times", async () => {
  await using host = await startHost((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) response.end("found");
    else response.writeHead(302, { location: `/${left - 1}` }).end("elsewhere");
  });

  expect((await fetchFrom(`${host.url}/3`, host.allowed)).bytes.toString()).toBe("found");
  expect(await refusal(`${host.url}/4`, host.allowed)).toContain("redirects more than 3 times");
});

test.each([
  ["http://10.0.0.1/", "its host cannot be reached"],
  ["http://169.254.169.254/latest/meta-data/", "its host cannot be reached"],
  ["http://[::ffff:10.0.0.1]/", "its host cannot be reached"],
  ["//intranet.example/", "its host cannot be reached"],
  ["http://user:pass@images.example/", "it carries a user name or a password"],
  ["file:///etc/passwd", "only http and https are fetched"],
  ["http://images.example:22/", /only port .* is open/],
])("a redirect to %s is refused", async (location, why) => {
  await using host = await startHost((_request, response) => {
    response.writeHead(307, { location }).end();
  });
  const ports = [80, host.port];

  const message = await refusal(`${host.url}/start`, { ...host.allowed, ports, resolve });

  expect(message).toMatch(why);
  expect(message).toContain(`"${host.url}/start"`);
});

test.each([
  [
    "announced",
    (response: ServerResponse) => response.setHeader("content-length", 1_001).write("x"),
  ],
  [
    "sent",
    (response: ServerResponse) => {
      for (let sent = 0; sent < 40; sent++) response.write("x".repeat(100));
    },
  ],
])("more bytes than the budget are not read, if %s", async (_how, answer) => {
  await using host = await startHost((_request, response) => {
    answer(response);
  });

  expect(await refusal(host.url, host.allowed)).toContain("larger than 1000 bytes");
});

test("several fetches share a budget", async () => {
  await using host = await startHost((_request, response) => response.end("x".repeat(600)));
  const budget = new ByteBudget(1_000);

  await fetchFrom(host.url, { ...host.allowed, budget });

  expect(await refusal(host.url, { ...host.allowed, budget })).toContain("larger than 1000 bytes");
});

test.each([
  ["does not answer", () => undefined],
  ["does not end", (_request: IncomingMessage, response: ServerResponse) => response.write("x")],
])("a host that %s is left when the time is over", async (_how, handler) => {
  await using host = await startHost((request, response) => {
    handler(request, response);
  });

  expect(await refusal(host.url, { ...host.allowed, timeoutMs: 100 })).toContain(
    "it took too long",
  );
});

test("a fetch ends with whoever asked for it", async () => {
  await using host = await startHost(() => undefined);
  const gone = new AbortController();
  const pending = refusal(host.url, { ...host.allowed, signal: gone.signal });

  gone.abort();

  expect(await pending).toContain("cannot be reached");
});

test("only a plain 200 is taken", async () => {
  await using host = await startHost((request, response) => {
    if (request.url === "/packed")
      response.setHeader("content-encoding", "gzip").end(gzipSync("bytes"));
    else response.writeHead(404).end("not here");
  });

  expect(await refusal(`${host.url}/none`, host.allowed)).toContain("it answered with status 404");
  expect(await refusal(`${host.url}/packed`, host.allowed)).toContain("packed bytes");
});
