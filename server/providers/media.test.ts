import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { chat as chatSchema, type Chat } from "../../shared/openai/chat.ts";
import { inlineMedia } from "./media.ts";

interface File {
  readonly type?: string;
  readonly bytes: Buffer;
}

const png = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const files: Readonly<Record<string, File>> = {
  "/a.png": { type: "image/png", bytes: png },
  "/b.pdf": { type: "application/pdf; charset=binary", bytes: Buffer.from("%PDF-1.7") },
  "/page": { type: "text/html", bytes: Buffer.from("<html>") },
  "/stored": { type: "application/octet-stream", bytes: png },
  "/webp": { bytes: Buffer.from("RIFF\0\0\0\0WEBPVP8 ") },
  "/unknown": { bytes: Buffer.from("?") },
  "/large": { type: "image/png", bytes: Buffer.alloc(600) },
};

async function startHost() {
  let open = 0;
  const host = { most: 0, served: 0, url: "", ports: [0] };
  const answer = ({ type, bytes }: File, response: ServerResponse) => {
    open -= 1;
    host.served += 1;
    if (type) response.setHeader("content-type", type);
    response.end(bytes);
  };
  const server = createServer(({ url = "" }, response) => {
    open += 1;
    host.most = Math.max(host.most, open);
    const file = files[url];
    if (file) setTimeout(() => answer(file, response), 5);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(host, {
    url: `http://127.0.0.1:${port}`,
    options: { ports: [port], allowsLoopback: true } as const,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  });
}

function chatOf(...content: readonly unknown[]): Chat {
  return chatSchema.parse({
    model: "gemini-3.8-flash",
    messages: [
      { role: "system", content: "Look" },
      { role: "user", content },
    ],
  });
}

const image = (url: string) => ({ type: "image_url", image_url: { url, detail: "high" } });

test("a chat that names nothing to fetch is given back as it is", async () => {
  const chat = chatOf(
    { type: "text", text: "https://example.com/a.png" },
    image("data:image/png;base64,AAAA"),
    image("gs://bucket/a.png"),
    { type: "file", file: { file_id: "files/1" } },
  );

  expect(await inlineMedia(chat)).toBe(chat);
});

test("images and files become data URLs, and all else stays", async () => {
  await using host = await startHost();
  const text = { type: "text", text: "What is this?" };
  const chat = chatOf(text, image(`${host.url}/a.png`), {
    type: "file",
    file: { file_data: `${host.url}/b.pdf`, filename: "b.pdf" },
  });

  const inlined = await inlineMedia(chat, host.options);

  expect(inlined.messages[0]).toBe(chat.messages[0]);
  expect(inlined.messages[1]?.content).toEqual([
    text,
    image(`data:image/png;base64,${png.toString("base64")}`),
    {
      type: "file",
      file: { file_data: "data:application/pdf;base64,JVBERi0xLjc=", filename: "b.pdf" },
    },
  ]);
  expect(chat.messages[1]?.content).toContainEqual(image(`${host.url}/a.png`));
});

test("what the provider reads itself stays an address", async () => {
  const chat = chatOf(image("https://youtu.be/1"));

  expect(await inlineMedia(chat, { keeps: (url) => url.startsWith("https://youtu.be/") })).toBe(
    chat,
  );
});

test.each(["/stored", "/webp"])("%s is known by how its bytes begin", async (path) => {
  await using host = await startHost();

  const { messages } = await inlineMedia(chatOf(image(host.url + path)), host.options);

  expect(JSON.stringify(messages)).toMatch(/data:image\/(png|webp);base64,/);
});

test.each([
  ["/page", 'it is "text/html"'],
  ["/unknown", "its host does not say what it is"],
  ["/missing", "it answered with status 404"],
])("%s is refused, and its place in the request is named", async (path, why) => {
  await using host = await startHost();
  const chat = chatOf({ type: "text", text: "?" }, image(host.url + path));

  await expect(inlineMedia(chat, host.options)).rejects.toMatchObject({
    code: "invalid_request",
    message: expect.stringContaining(why),
    details: { param: "messages.1.content.1.image_url.url" },
  });
});

test("a file of the own network is refused, and its place is named", async () => {
  const chat = chatOf({ type: "file", file: { file_data: "http://169.254.169.254/" } });

  await expect(inlineMedia(chat)).rejects.toMatchObject({
    message: expect.stringContaining("its host cannot be reached"),
    details: { param: "messages.1.content.0.file.file_data" },
  });
});

test("sixteen are fetched, four at a time, and seventeen refused before any is", async () => {
  await using host = await startHost();
  const images = Array.from({ length: 17 }, () => image(`${host.url}/a.png`));

  await expect(inlineMedia(chatOf(...images), host.options)).rejects.toMatchObject({
    message: "Cannot fetch 17 images and files for one request: 16 at most",
  });
  expect(host.served).toBe(0);

  await inlineMedia(chatOf(...images.slice(1)), host.options);
  expect(host.served).toBe(16);
  expect(host.most).toBeLessThanOrEqual(4);
});

test("what is fetched for a request is limited together", async () => {
  await using host = await startHost();
  const chat = chatOf(image(`${host.url}/large`), image(`${host.url}/large`));

  await expect(inlineMedia(chat, { ...host.options, maxBytes: 1_000 })).rejects.toMatchObject({
    message: expect.stringContaining("larger than 1000 bytes together"),
  });
});
