import { z } from "zod";

/** The stable id of a virtual key. It outlives the key's secret. */
export type KeyId = `key_${string}`;

export const keyId = z.templateLiteral(["key_", z.string().regex(/^[0-9a-f]{32}$/)]);

/** A SHA-256 in lower-case hex: how a secret is stored and, as `token`, how it is named on the wire. */
export const secretHash = z.string().regex(/^[0-9a-f]{64}$/);
