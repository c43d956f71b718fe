import { AwsError } from "./aws-error.ts";

/** One page of a list whose tokens are offsets. Throws InvalidToken for a token that was never given out. */
export const page = <Item>(
  items: Item[],
  { nextToken, maxResults }: { nextToken?: string | undefined; maxResults?: number | undefined },
  most: number,
): { items: Item[]; nextToken: string | undefined } => {
  const start = nextToken === undefined ? 0 : Number(nextToken);
  if (!Number.isInteger(start) || start < 0 || start > items.length) {
    throw new AwsError("InvalidToken", `Invalid Token: '${nextToken}'`);
  }
  // 0 means the default, in these APIs.
  const end = start + Math.min(maxResults || 100, most);
  return { items: items.slice(start, end), nextToken: end < items.length ? String(end) : undefined };
};
