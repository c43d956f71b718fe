/** Addresses and blocks of addresses as numbers, IPv4 and IPv6 alike. */

export type Family = 4 | 6;

/** Addresses that follow one another, both ends included. */
export type AddressRange = { family: Family; first: bigint; last: bigint };

const bits = { 4: 32n, 6: 128n } as const;

/** `undefined` when it is no address. */
export function parseAddress(text: string): { family: Family; value: bigint } | undefined {
  if (text.includes(":")) {
    const value = parseIpv6(text);
    return value === undefined ? undefined : { family: 6, value };
  }
  const value = parseIpv4(text);
  return value === undefined ? undefined : { family: 4, value };
}

/** A CIDR or a single address; bits after the prefix do not count. `undefined` for anything else, as a prefix list's ID. */
export function parseBlock(text: string): AddressRange | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const parsed = parseAddress(address);
  if (parsed === undefined || rest.length > 0) return undefined;
  const { family, value } = parsed;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const length = prefix === undefined ? bits[family] : BigInt(prefix);
  if (length > bits[family]) return undefined;
  const hostBits = bits[family] - length;
  const first = (value >> hostBits) << hostBits;
  return { family, first, last: first + (1n << hostBits) - 1n };
}

export function everyAddress(family: Family): AddressRange {
  return { family, first: 0n, last: (1n << bits[family]) - 1n };
}

export const sizeOf = ({ first, last }: AddressRange): bigint => last - first + 1n;

export function overlap(a: AddressRange, b: AddressRange): AddressRange | undefined {
  if (a.family !== b.family) return undefined;
  const first = a.first > b.first ? a.first : b.first;
  const last = a.last < b.last ? a.last : b.last;
  return first > last ? undefined : { family: a.family, first, last };
}

/** What of the ranges is left without `taken`. */
export function without(ranges: readonly AddressRange[], taken: AddressRange): AddressRange[] {
  return ranges.flatMap((range) => {
    const common = overlap(range, taken);
    if (common === undefined) return [range];
    const left: AddressRange[] = [];
    if (range.first < common.first) left.push({ ...range, last: common.first - 1n });
    if (common.last < range.last) left.push({ ...range, first: common.last + 1n });
    return left;
  });
}

/** Whether an address, as text, lies in a block, as text. What cannot be parsed lies nowhere. */
export function liesIn(address: string, block: string): boolean {
  const [a, b] = [parseBlock(address), parseBlock(block)];
  return a !== undefined && b !== undefined && overlap(a, b) !== undefined;
}

/** IANA's special-purpose registries: what is no address of a server on the internet. */
const special = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
].flatMap((block) => parseBlock(block) ?? []);

/** All of the internet's IPv6 addresses are in here so far. */
const globalIpv6 = parseBlock("2000::/3");

/** Where servers on the internet may be, as far as `destination` reaches. */
export function internetWithin(destination: AddressRange): AddressRange[] {
  if (destination.family === 6) {
    const common = globalIpv6 && overlap(destination, globalIpv6);
    return common === undefined ? [] : [common];
  }
  return special.reduce(without, [destination]);
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) + BigInt(part);
  }
  return value;
}

function parseIpv6(text: string): bigint | undefined {
  const [head = "", tail, ...rest] = text.split("::");
  if (rest.length > 0) return undefined;
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  if (front === undefined || back === undefined) return undefined;
  const absent = 8 - front.length - back.length;
  if (tail === undefined ? absent !== 0 : absent < 1) return undefined;
  const all = [...front, ...new Array<bigint>(absent).fill(0n), ...back];
  return all.reduce((value, group) => (value << 16n) + group, 0n);
}

/** 16 bits each; an IPv4 address at the end is two of them. */
function groups(text: string): bigint[] | undefined {
  if (text === "") return [];
  const found: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".") && index === parts.length - 1) {
      const ipv4 = parseIpv4(part);
      if (ipv4 === undefined) return undefined;
      found.push(ipv4 >> 16n, ipv4 & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      found.push(BigInt(`0x${part}`));
    } else {
      return undefined;
    }
  }
  return found;
}
