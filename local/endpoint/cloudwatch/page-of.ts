import { AwsError } from "../aws-error.ts";

/** One page of a list whose tokens are offsets, by CloudWatch's names. Throws InvalidNextToken for any other token. */
export const pageOf = <Item>(
  items: Item[],
  token: string | undefined,
  size: number,
): { items: Item[]; NextToken: string | undefined } => {
  const start = token === undefined ? 0 : Number(token);
  if (token === "" || !Number.isInteger(start) || start < 0 || start > items.length)
    throw new AwsError("InvalidNextToken", "The next token specified is invalid.");
  const end = start + size;
  return { items: items.slice(start, end), NextToken: end < items.length ? String(end) : undefined };
};
