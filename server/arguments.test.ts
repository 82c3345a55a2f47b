import { expect, test } from "vitest";
import { parseArguments, usage } from "./arguments.ts";

test("without words it serves config.yaml on this machine only", () => {
  expect(parseArguments([])).toEqual({
    command: "serve",
    config: "config.yaml",
    host: "127.0.0.1",
    port: 8000,
    dataDir: ".keyplane",
    workers: 1,
    allowUnauthenticated: false,
  });
});

test("every option is read, in either spelling", () => {
  const words = [
    "serve",
    "--config",
    "a.yaml",
    "--host=0.0.0.0",
    "--port",
    "0",
    "--data-dir=/data",
    "--workers",
    "4",
    "--allow-unauthenticated",
  ];

  expect(parseArguments(words)).toEqual({
    command: "serve",
    config: "a.yaml",
    host: "0.0.0.0",
    port: 0,
    dataDir: "/data",
    workers: 4,
    allowUnauthenticated: true,
  });
});

test.each([
  [["check", "--config", "a.yaml"], "check"],
  [["--help"], "help"],
  [["-h"], "help"],
  [["check", "--help"], "help"],
  [["--version"], "version"],
  [["-v"], "version"],
])("%j is the command %s", (words, command) => {
  expect(parseArguments(words).command).toBe(command);
});

test.each([
  [["start"], 'Unknown command "start": expected serve, check, verify'],
  [["serve", "check"], 'Cannot make sense of "check": one command is enough'],
  [["--port", "http"], 'Cannot use "http" as a port: expected a number from 0 to 65535'],
  [["--port", "65536"], 'Cannot use "65536" as a port: expected a number from 0 to 65535'],
  [["--port", ""], 'Cannot use "" as a port: expected a number from 0 to 65535'],
  [["--port", "1e3"], 'Cannot use "1e3" as a port: expected a number from 0 to 65535'],
  [["--workers", "0"], 'Cannot start "0" workers: expected a number from 1 to 256'],
  [["--workers", "257"], 'Cannot start "257" workers: expected a number from 1 to 256'],
  [["--workers", "two"], 'Cannot start "two" workers: expected a number from 1 to 256'],
])("%j is refused: %s", (words, message) => {
  expect(() => parseArguments(words)).toThrow(message);
});

test.each([["--prot"], ["--port"], ["--config"], ["--allow-unauthenticated=yes"]])(
  "%s is refused",
  (word) => {
    expect(() => parseArguments([word])).toThrow(word.replace(/=.*/, ""));
  },
);

test("an option that is repeated has its last value", () => {
  expect(parseArguments(["--port", "1", "--port", "2"]).port).toBe(2);
});

test("the usage names every option", () => {
  for (const option of [
    "--config",
    "--host",
    "--port",
    "--data-dir",
    "--workers",
    "--allow-unauthenticated",
    "--help",
    "--version",
  ])
    expect(usage).toContain(option);
});
