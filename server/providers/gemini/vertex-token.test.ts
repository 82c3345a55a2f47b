import { createVerify, generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GoogleAuth, type GoogleAuthOptions } from "google-auth-library";
import { afterEach, expect, test, vi } from "vitest";
import { VertexTokens } from "./vertex-token.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

const account = JSON.stringify({
  type: "service_account",
  project_id: "my-project",
  private_key_id: "1",
  private_key: privateKey,
  client_email: "gateway@my-project.iam.gserviceaccount.com",
  client_id: "1",
});

interface Office {
  lifetimeS: number;
  status: number;
}

/** Google's token endpoint on loopback: its tokens are numbered. */
async function startOffice(changes: Partial<Office> = {}) {
  const office: Office = { lifetimeS: 3_600, status: 200, ...changes };
  const assertions: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    assertions.push(new URLSearchParams(body).get("assertion") ?? "");
    response.writeHead(office.status, { "content-type": "application/json" });
    const refused = { error: "invalid_grant", error_description: "Invalid JWT Signature." };
    const token = {
      access_token: `token-${assertions.length}`,
      expires_in: office.lifetimeS,
      token_type: "Bearer",
    };
    response.end(JSON.stringify(office.status === 200 ? token : refused));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(office, {
    assertions,
    load: libraryBoundFor(`http://127.0.0.1:${port}/token`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  });
}

/** The library knows one address for the tokens of service accounts: Google's own. */
function libraryBoundFor(url: string) {
  const fetchImplementation: typeof fetch = (_input, init) => fetch(url, init);
  class BoundAuth extends GoogleAuth {
    constructor(options: GoogleAuthOptions) {
      super({ ...options, clientOptions: { transporterOptions: { fetchImplementation } } });
    }
  }
  return async () => ({ GoogleAuth: BoundAuth });
}

afterEach(() => {
  vi.useRealTimers();
});

test("a service account signs for its token, with its own key and for Google's cloud", async () => {
  await using office = await startOffice();

  expect(await new VertexTokens(account, office.load).get()).toBe("token-1");

  const [head = "", claims = "", signature = ""] = office.assertions[0]?.split(".") ?? [];
  expect(
    createVerify("RSA-SHA256")
      .update(`${head}.${claims}`)
      .verify(publicKey, signature, "base64url"),
  ).toBe(true);
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
    iss: "gateway@my-project.iam.gserviceaccount.com",
    scope: "https://www.googleapis.com/auth/cloud-platform",
  });
});

test("the credentials may be in a file", async () => {
  await using office = await startOffice();
  const folder = await mkdtemp(join(tmpdir(), "vertex-"));
  const path = join(folder, "account.json");
  await writeFile(path, account);

  const tokens = new VertexTokens(path, office.load);

  expect(await tokens.get()).toBe("token-1");
  await rm(folder, { recursive: true });
});

test("askers share one fetch, and the token is kept", async () => {
  await using office = await startOffice();
  const tokens = new VertexTokens(account, office.load);

  expect(await Promise.all([tokens.get(), tokens.get(), tokens.get()])).toEqual([
    "token-1",
    "token-1",
    "token-1",
  ]);
  expect(await tokens.get()).toBe("token-1");
  expect(office.assertions.length).toBe(1);
});

test("a token is replaced in its last minute", async () => {
  await using office = await startOffice();
  const tokens = new VertexTokens(account, office.load);
  vi.useFakeTimers({ toFake: ["Date"] });
  await tokens.get();

  vi.setSystemTime(Date.now() + 3_539_000);
  expect(await tokens.get()).toBe("token-1");

  vi.setSystemTime(Date.now() + 2_000);
  expect(await tokens.get()).toBe("token-2");
});

test("a refusal is told without the key, and the next asker tries again", async () => {
  await using office = await startOffice({ status: 400 });
  const tokens = new VertexTokens(account, office.load);

  const refused = await tokens.get().catch((error: unknown) => error);
  expect(String(refused)).toMatch(
    /^Error: Cannot get an access token for Vertex AI: .*invalid_grant/,
  );
  expect(refused).not.toHaveProperty("cause");

  office.status = 200;
  expect(await tokens.get()).toMatch(/^token-/);
});

test("text that is no JSON is refused without a word of it", async () => {
  await expect(new VertexTokens('{"private_key": secret').get()).rejects.toThrow(
    /^Cannot use vertex_credentials: the text in it is no valid JSON$/,
  );
});

test("a file that is not there is named", async () => {
  await expect(new VertexTokens("/nowhere/account.json").get()).rejects.toThrow(
    /Cannot get an access token for Vertex AI: .*\/nowhere\/account.json/,
  );
});
