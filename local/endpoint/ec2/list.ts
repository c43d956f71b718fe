/** What the Describe operations of EC2 have in common: IDs, filters, pages. */
import type { Filter, Tag } from "@aws-sdk/client-ec2";
import { AwsError, notImplementedLocally } from "../aws-error.ts";
import { page } from "../page.ts";

export type Listing<Item> = {
  operation: string;
  items: Record<string, Item>;
  /** IDs by which the caller asks, and how EC2 calls them: code before the dot, noun in the sentence. */
  ids?: { wanted: string[] | undefined; code: string; noun: string; pattern?: RegExp };
  filters?: Record<string, (item: Item) => (string | undefined)[]>;
  /** For the filters `tag:KEY` and `tag-key`. */
  tags?: (item: Item) => Tag[] | undefined;
};

type Request = {
  Filters?: Filter[] | undefined;
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
};

/**
 * One page of the items that are asked for. Unlike EC2, which calls an unknown filter invalid, one that is not evaluated
 * here is refused as such: it may well exist.
 */
export const list = <Item>(
  listing: Listing<Item>,
  request: Request,
): { items: Item[]; nextToken: string | undefined } => {
  const { operation, ids } = listing;
  if (request.MaxResults !== undefined && ids?.wanted !== undefined) {
    throw new AwsError(
      "InvalidParameterCombination",
      `The parameter ${ids.noun}s cannot be used with the parameter maxResults`,
    );
  }
  if (request.MaxResults !== undefined && request.MaxResults < LEAST_PAGE) {
    throw new AwsError(
      "InvalidParameterValue",
      `Value ( ${request.MaxResults} ) for parameter maxResults is invalid. Expecting a value greater than ${LEAST_PAGE}.`,
    );
  }
  const named = byId(listing);
  const filters = (request.Filters ?? []).map((filter) => condition(operation, listing, filter));
  const found = named.filter((item) => filters.every((holds) => holds(item)));
  // Without MaxResults everything comes at once; 1 only because a page of nothing is no page.
  const maxResults = request.MaxResults ?? Math.max(found.length, 1);
  return page(found, { nextToken: request.NextToken, maxResults }, Math.max(found.length, 1));
};

/** API reference, MaxResults of nearly all Describe operations: 5 to 1000. */
const LEAST_PAGE = 5;

const byId = <Item>({ items, ids }: Listing<Item>): Item[] => {
  if (ids?.wanted === undefined) return Object.values(items);
  const { wanted, code, noun, pattern } = ids;
  const malformed = wanted.find((id) => pattern !== undefined && !pattern.test(id));
  if (malformed !== undefined) throw new AwsError(`${code}.Malformed`, `Invalid id: "${malformed}"`);
  const missing = wanted.filter((id) => !Object.hasOwn(items, id));
  if (missing.length > 0) {
    throw new AwsError(
      `${code}.NotFound`,
      missing.length === 1
        ? `The ${noun} '${missing[0]}' does not exist`
        : `The ${noun}s '${missing.join(", ")}' do not exist`,
    );
  }
  return Object.entries(items).flatMap(([id, item]) => (wanted.includes(id) ? [item] : []));
};

const condition = <Item>(
  operation: string,
  { filters = {}, tags }: Listing<Item>,
  { Name = "", Values = [] }: Filter,
): ((item: Item) => boolean) => {
  const read = Object.hasOwn(filters, Name) ? filters[Name] : tagReader(Name, tags);
  if (read === undefined) throw notImplementedLocally("EC2", operation, `filter ${Name}`);
  const patterns = Values.map(wildcard);
  return (item) =>
    read(item).some((value) => value !== undefined && patterns.some((pattern) => pattern.test(value)));
};

const tagReader = <Item>(name: string, tags: Listing<Item>["tags"]) => {
  if (tags === undefined) return undefined;
  if (name === "tag-key") return (item: Item) => (tags(item) ?? []).map(({ Key }) => Key);
  if (!name.startsWith("tag:")) return undefined;
  const wanted = name.slice("tag:".length);
  return (item: Item) => (tags(item) ?? []).filter(({ Key }) => Key === wanted).map(({ Value }) => Value);
};

/** EC2's filters know `*` and `?`, and a backslash before a character that is meant as it is. */
const wildcard = (value: string): RegExp => {
  const pattern = value.replace(/\\(.)|[\s\S]/g, (character, escaped) => {
    if (escaped === undefined && character === "*") return ".*";
    if (escaped === undefined && character === "?") return ".";
    return (escaped ?? character).replace(/[\\^$.|+*?()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${pattern}$`, "s");
};
