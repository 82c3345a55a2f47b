/** A reply's body as JSON. */
export async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

/** What a refusal says, with its status: `{status, message, type, param, code}`. */
export async function refusalOf(response: Response): Promise<Record<string, unknown>> {
  const { error, ...others } = await bodyOf(response);
  return { status: response.status, ...others, ...(error as Record<string, unknown> | undefined) };
}
