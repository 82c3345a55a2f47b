import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "./package.ts";

/** The arrow of ARCHITECTURE.md: a layer may import itself and the layers before it, those beside it excepted. */
const layers = [
  ["shared"],
  [
    "server/errors.ts",
    "server/deadline.ts",
    "server/heap.ts",
    "server/log.ts",
    "server/secrets.ts",
    "server/uuid.ts",
    "server/package.ts",
  ],
  ["server/wire"],
  ["server/store", "server/providers", "server/metrics"],
  ["server/ledger", "server/limits", "server/config", "server/config.ts", "server/dialects"],
  ["server/gateway"],
  ["server/control"],
  ["server/deps.ts", "server/master-key.ts", "server/loopback.ts"],
  ["server/app.ts", "server/render-error.ts"],
  [
    "server/serve.ts",
    "server/summary.ts",
    "server/arguments.ts",
    "server/stop-signal.ts",
    "server/role.ts",
    "server/worker-messages.ts",
    "server/worker-metrics.ts",
    "server/workers.ts",
  ],
  ["server/main.ts"],
];

const places = layers.flatMap((names, rank) => names.map((name) => ({ name, rank })));

function placeOf(file: string) {
  return places.find(({ name }) => file === name || file.startsWith(`${name}/`));
}

/** Every import of one of our files by another, tests and their helpers apart. Types count: they are knowledge too. */
const imports = ["shared", "server", "client"].flatMap((folder) =>
  readdirSync(join(packageRoot, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter(
      (file) =>
        file.endsWith(".ts") &&
        !/\.test(-d)?\.ts$|\.d\.ts$|^server\/testing|dist\/|node_modules/.test(file),
    )
    .flatMap((file) =>
      [
        ...readFileSync(join(packageRoot, file), "utf8").matchAll(
          /^(import type|import|export)\b[^;]*?from "([^"]+)"/gms,
        ),
      ].map(([, kind, specifier = ""]) => ({
        file,
        isType: kind === "import type",
        target: specifier.startsWith(".")
          ? relative(packageRoot, join(packageRoot, dirname(file), specifier))
          : specifier,
      })),
    ),
);

test("imports follow the arrow", () => {
  const wrong = imports
    .filter(({ file, target }) => file.startsWith("server/") && /^(server|shared)\//.test(target))
    .filter(({ file, target }) => {
      const [from, to] = [placeOf(file), placeOf(target)];
      return (
        !from ||
        !to ||
        to.rank > from.rank ||
        (to.rank === from.rank && to.name !== from.name && !from.name.endsWith(".ts"))
      );
    });
  expect(wrong).toEqual([]);
});

test("shared imports zod and itself, and nothing else", () => {
  const wrong = imports.filter(
    ({ file, target }) =>
      file.startsWith("shared/") && target !== "zod" && !target.startsWith("shared/"),
  );
  expect(wrong).toEqual([]);
});

test("the client takes nothing from the server but the erased type of the router", () => {
  const wrong = imports
    .filter(({ file, target }) => file.startsWith("client/") && target.startsWith("server/"))
    .filter(({ isType, target }) => !isType || target !== "server/control/router.ts");
  expect(wrong).toEqual([]);
});

test("the environment is read in one file", () => {
  const readers = [...new Set(imports.map(({ file }) => file))].filter((file) =>
    readFileSync(join(packageRoot, file), "utf8").includes("process.env"),
  );
  expect(readers).toEqual(["server/config.ts"]);
});
