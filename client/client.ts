import type { CallOptions, ClientOptions } from "./options.ts";
import { type Inputs, type Outputs, type ProcedureKind, procedures } from "./procedures.ts";
import { createSend } from "./send.ts";

type Call<Input, Output> =
  Record<never, never> extends Input
    ? (input?: Input, options?: CallOptions) => Promise<Output>
    : (input: Input, options?: CallOptions) => Promise<Output>;

/** A function for every procedure of the control plane, by group and name. Each rejects with a `KeyplaneError`. */
export type Client = {
  readonly [Group in keyof Inputs & keyof Outputs]: {
    readonly [Name in keyof Inputs[Group] & keyof Outputs[Group]]: Call<
      Inputs[Group][Name],
      Outputs[Group][Name]
    >;
  };
};

/**
 * Makes a client of a gateway's control plane. Nothing is sent until a function is called; a call is one request, which
 * is not repeated when it fails.
 */
export function createClient(options: ClientOptions): Client {
  const send = createSend(options);
  const callOf =
    (path: string, kind: ProcedureKind) =>
    (input: unknown = {}, { signal }: CallOptions = {}) =>
      send({ kind, path, input, signal });
  const groups = mapValues(procedures, (kinds, group) =>
    mapValues(kinds, (kind, name) => callOf(`${group}.${name}`, kind)),
  );
  // Mapping forgets the names: the table is held to those of the router, and so is Client.
  return groups as Client;
}

function mapValues<Value, Mapped>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value, name: string) => Mapped,
): Record<string, Mapped> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, map(value, name)]),
  );
}
