import { type Fields, fieldsOf, isFields, listOf, textOf } from "../json.ts";

/**
 * A JSON schema as Anthropic's structured outputs and strict tools take it: objects are closed, alternatives are `anyOf`, and what
 * they cannot hold the model to (`minimum`, `pattern` …) is told to it in the description.
 *
 * Undefined for a schema that has no such form: one that refers to itself or to elsewhere, with objects of any properties, with
 * tuples, or with nothing said at all.
 *
 * Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
 */
export function closeSchema(schema: Fields): Fields | undefined {
  const definitions = { ...fieldsOf(schema["definitions"]), ...fieldsOf(schema["$defs"]) };
  if (refersAmiss(schema, definitions)) return undefined;
  return close(schema);
}

/** What passes as it is. */
const plain = ["title", "type", "enum", "const", "default", "required"] as const;

const formats = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);

const told = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
] as const;

function close(node: unknown): Fields | undefined {
  if (!isFields(node) || isOpen(node)) return undefined;
  const closed = node["$ref"] === undefined ? closeItself(node) : { $ref: node["$ref"] };
  return closeParts(node, closed) ? closed : undefined;
}

function closeItself(node: Fields): Record<string, unknown> {
  const closed: Record<string, unknown> = {};
  for (const name of plain) if (node[name] !== undefined) closed[name] = node[name];
  const description = describe(node);
  if (description !== "") closed["description"] = description;
  if (formats.has(textOf(node["format"]))) closed["format"] = node["format"];
  if (isObject(node)) closed["additionalProperties"] = false;
  return closed;
}

/** Adds the schemas within a schema; false where one has no closed form. */
function closeParts(node: Fields, closed: Record<string, unknown>): boolean {
  for (const name of ["properties", "$defs", "definitions"]) {
    if (node[name] === undefined) continue;
    const entries = Object.entries(fieldsOf(node[name])).map(([key, part]) => [key, close(part)]);
    if (entries.some(([, part]) => part === undefined)) return false;
    closed[name] = Object.fromEntries(entries);
  }
  for (const name of ["anyOf", "oneOf", "allOf"]) {
    if (node[name] === undefined) continue;
    const parts = listOf(node[name]).map(close);
    if (parts.includes(undefined)) return false;
    closed[name === "oneOf" ? "anyOf" : name] = parts;
  }
  if (node["items"] === undefined) return true;
  closed["items"] = close(node["items"]);
  return closed["items"] !== undefined;
}

function isObject(node: Fields): boolean {
  return (
    node["type"] === "object" ||
    listOf(node["type"]).includes("object") ||
    isFields(node["properties"])
  );
}

/** Whether it lets something through that a closed schema cannot: any property, any value, a tuple. */
function isOpen(node: Fields): boolean {
  const { additionalProperties, patternProperties, properties, prefixItems, not } = node;
  if (additionalProperties === true || isFields(additionalProperties)) return true;
  if (patternProperties !== undefined || prefixItems !== undefined || not !== undefined)
    return true;
  if (isObject(node) && !isFields(properties) && additionalProperties !== false) return true;
  return !["type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "properties"].some(
    (name) => name in node,
  );
}

function describe(node: Fields): string {
  const limits = told
    .filter((name) => node[name] !== undefined)
    .map((name) => `${name}: ${JSON.stringify(node[name])}`);
  const format = textOf(node["format"]);
  if (format !== "" && !formats.has(format)) limits.push(`format: ${format}`);
  return [textOf(node["description"]), limits.join(", ")].filter((line) => line !== "").join("\n");
}

/** Whether a reference leads to itself, or to anything but a definition at the root. */
function refersAmiss(schema: Fields, definitions: Fields): boolean {
  const done = new Set<string>();
  const follow = (node: unknown, above: readonly string[]): boolean =>
    referencesIn(node).some((reference) => {
      const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1];
      if (name === undefined || above.includes(name) || !Object.hasOwn(definitions, name))
        return true;
      if (done.has(name)) return false;
      const isAmiss = follow(definitions[name], [...above, name]);
      done.add(name);
      return isAmiss;
    });
  return follow(schema, []);
}

function referencesIn(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(referencesIn);
  if (!isFields(node)) return [];
  return Object.entries(node).flatMap(([name, part]) => {
    if (name === "$ref" && typeof part === "string") return [part];
    // Followed from where they are referred to.
    return name === "$defs" || name === "definitions" ? [] : referencesIn(part);
  });
}
