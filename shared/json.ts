import { z } from "zod";

/** Any JSON. It is recursive, so descriptions of what holds it refer to it by name. */
export const json = z.json().register(z.globalRegistry, { id: "Json" });
