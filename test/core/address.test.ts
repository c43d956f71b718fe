import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  everyAddress,
  internetWithin,
  liesIn,
  overlap,
  parseAddress,
  parseBlock,
  sizeOf,
  without,
} from "../../core/address.ts";

describe("addresses", () => {
  test.each([
    ["10.60.0.11", 4, 0x0a3c000bn],
    ["255.255.255.255", 4, 0xffffffffn],
    ["::", 6, 0n],
    ["::1", 6, 1n],
    ["2001:db8::8:800:200c:417a", 6, 0x20010db80000000000080800200c417an],
    ["1:2:3:4:5:6:7:8", 6, 0x00010002000300040005000600070008n],
    ["::ffff:192.0.2.1", 6, 0xffffc0000201n],
    ["1:2:3:4:5:6:7::", 6, 0x00010002000300040005000600070000n],
  ])("%s is read", (text, family, value) => {
    expect(parseAddress(text)).toEqual({ family, value });
  });

  test.each([
    "",
    "10.60.0",
    "10.60.0.256",
    "10.60.0.1.2",
    "a.b.c.d",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    ":::",
    "1:2:3:4:5:6:7:8::",
    "pl-63a5400a",
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe("blocks", () => {
  test("bits after the prefix do not count, as EC2 has it", () => {
    expect(parseBlock("100.68.0.18/18")).toEqual(parseBlock("100.68.0.0/18"));
    expect(sizeOf(parseBlock("100.68.0.18/18")!)).toBe(16_384n);
  });

  test("a single address is a block of one, and everything is 0.0.0.0/0 and ::/0", () => {
    expect(sizeOf(parseBlock("10.60.0.11")!)).toBe(1n);
    expect(parseBlock("0.0.0.0/0")).toEqual(everyAddress(4));
    expect(parseBlock("::/0")).toEqual(everyAddress(6));
  });

  test.each(["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1", "pl-63a5400a"])(
    "%s is none",
    (text) => {
      expect(parseBlock(text)).toBeUndefined();
    },
  );

  test("an address lies in a block of its own family only", () => {
    expect(liesIn("10.60.0.11", "10.60.0.0/24")).toBe(true);
    expect(liesIn("10.60.1.11", "10.60.0.0/24")).toBe(false);
    expect(liesIn("::a3c:b", "0.0.0.0/0")).toBe(false);
    expect(liesIn("none", "0.0.0.0/0")).toBe(false);
  });

  const range = fc
    .tuple(fc.bigInt(0n, 255n), fc.bigInt(0n, 255n))
    .map(([a, b]) => ({ family: 4 as const, first: a < b ? a : b, last: a < b ? b : a }));

  test("overlap and what is left without it are together the whole, each address once", () => {
    fc.assert(
      fc.property(range, range, (whole, taken) => {
        const common = overlap(whole, taken);
        const parts = [...without([whole], taken), ...(common === undefined ? [] : [common])];
        expect(parts.reduce((sum, part) => sum + sizeOf(part), 0n)).toBe(sizeOf(whole));
        for (const part of parts) expect(overlap(part, whole)).toEqual(part);
        for (const part of without([whole], taken)) expect(overlap(part, taken)).toBeUndefined();
      }),
    );
  });
});

describe("the internet", () => {
  const holds = (address: string) =>
    internetWithin(everyAddress(address.includes(":") ? 6 : 4)).some(
      (range) => overlap(range, parseBlock(address)!) !== undefined,
    );

  test.each(["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.1", "223.255.255.255", "2606:4700::1111"])(
    "has %s",
    (address) => {
      expect(holds(address)).toBe(true);
    },
  );

  test.each([
    "10.0.0.1",
    "172.31.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "fd00::1",
  ])("has not %s", (address) => {
    expect(holds(address)).toBe(false);
  });

  test("is cut to where a route leads", () => {
    expect(internetWithin(parseBlock("52.0.0.0/8")!)).toEqual([parseBlock("52.0.0.0/8")]);
    expect(internetWithin(parseBlock("10.0.0.0/8")!)).toEqual([]);
  });
});
