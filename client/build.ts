import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const directory = fileURLToPath(new URL(".", import.meta.url));
const dist = join(directory, "dist");

/** What the router's declaration borrows from files that stay behind, and what stands for it: callers see no context and no meta. */
const replacements = {
  'import("./trpc.ts").ControlContext': "object",
  'import("./rest.ts").RestMeta': "object",
  'import("zod").JSONType': "Json",
};
const jsonType =
  "type Json = string | number | boolean | null | Json[] | { [name: string]: Json };\n";

await build();

/** Compiles the client, and with it all that the router's type is inferred from. The client and that type are the package. */
async function build(): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as {
    dependencies: object;
  };
  const outDir = await mkdtemp(join(tmpdir(), "keyplane-client-"));
  try {
    await compile(outDir);
    const files = {
      ...(await clientFiles(outDir)),
      "router.d.ts": await routerDeclaration(outDir),
    };
    for (const [name, text] of Object.entries(files))
      assertSelfContained(name, text, Object.keys(dependencies));
    await rm(dist, { recursive: true, force: true });
    await mkdir(dist);
    await Promise.all(
      Object.entries(files).map(([name, text]) => writeFile(join(dist, name), text)),
    );
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function compile(outDir: string): Promise<void> {
  const tsc = join(directory, "../node_modules/typescript/bin/tsc");
  const project = join(directory, "tsconfig.build.json");
  await promisify(execFile)(process.execPath, [tsc, "-p", project, "--outDir", outDir]).catch(
    (error: { stdout: string }) => {
      throw new Error(`Cannot compile the client:\n${error.stdout}`, { cause: error });
    },
  );
}

async function clientFiles(outDir: string): Promise<Record<string, string>> {
  const emitted = join(outDir, "client");
  const read = async (name: string) =>
    [name, withImportsInPlace(await readFile(join(emitted, name), "utf8"))] as const;
  return Object.fromEntries(await Promise.all((await readdir(emitted)).map(read)));
}

/** The compiler leaves `.ts` in the imports of a declaration, and the router stands next to its readers now. */
function withImportsInPlace(text: string): string {
  return text.replaceAll(/ from "\.[^"]*\/([^/"]+)\.ts"/g, ' from "./$1.js"');
}

async function routerDeclaration(outDir: string): Promise<string> {
  const emitted = await readFile(join(outDir, "server/control/router.d.ts"), "utf8");
  const borrowed = Object.entries(replacements);
  return borrowed.reduce((text, [name, own]) => text.replaceAll(name, own), jsonType + emitted);
}

/** Whoever installs the package has its own files and its dependencies, and nothing of the server. */
function assertSelfContained(name: string, text: string, dependencies: readonly string[]): void {
  const imports = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map(
    ([, specifier = ""]) => specifier,
  );
  const missing = imports.filter(
    (specifier) => !dependencies.includes(specifier) && !/^\.\/[^/]+\.js$/.test(specifier),
  );
  if (missing.length > 0)
    throw new Error(`Cannot publish ${name}: it refers to ${[...new Set(missing)].join(", ")}`);
}
