import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chatText, mailText, plainLine, subjectText } from "../../core/plain-text.ts";
import { foreign, linked, mentionOrMarkup } from "./foreign.ts";

describe("a plain line", () => {
  test.each([
    ["a\r\nBcc: x", "a Bcc: x"],
    ["\u001b[2Jgone", "2Jgone"],
    ["<script>alert(1)</script>", "script alert(1) /script"],
    ["full width ＜b＞ ＠channel", "full width b channel"],
    ["right\u202Eto left", "right to left"],
    ["zero\u200Bwidth", "zero width"],
    ["a letter without a shape: \u3164", "a letter without a shape:"],
    ["it's Zoë? ja", "it's Zoë? ja"],
  ])("%j becomes %j", (text, line) => {
    expect(plainLine(text, 100)).toBe(line);
  });

  test("is never longer than asked, nor cut within a character", () => {
    fc.assert(
      fc.property(foreign, fc.integer({ min: 3, max: 60 }), (text, most) => {
        const line = plainLine(text, most);
        expect(line.length).toBeLessThanOrEqual(most);
        expect(line.isWellFormed()).toBe(true);
        expect(line).toMatch(/^[^\p{C}\n]*$/u);
      }),
    );
    expect(plainLine("𠀀".repeat(9), 10)).toBe("𠀀𠀀𠀀...");
  });
});

describe("a text for a mail", () => {
  test.each([
    ["see evil.example now", "see evil(.)example now"],
    ["www.evil.example", "www(.)evil(.)example"],
    ["https://evil.example/x", "https evil(.)example/x"],
    ["JAVASCRIPT:alert(1), mailto:x", "JAVASCRIPT alert(1), mailto x"],
    ["10.60.0.11 for 1.5 s on 6.1.0-56-cloud", "10.60.0.11 for 1.5 s on 6.1.0-56-cloud"],
    ["net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_max"],
    ["conntrack.drop and ens5.bw_in_allowance_exceeded", "conntrack.drop and ens5.bw_in_allowance_exceeded"],
    ["/etc/sysctl.d/99-zz-nat-medic.conf", "/etc/sysctl.d/99-zz-nat-medic.conf"],
    ["t3.micro, States.Timeout", "t3.micro, States.Timeout"],
    ["States.Com", "States(.)Com"],
  ])("%j becomes %j", (text, line) => {
    expect(mailText(text, 100)).toBe(line);
  });

  test("holds nothing that becomes a link, however it is cut", () => {
    fc.assert(
      fc.property(foreign, fc.integer({ min: 10, max: 80 }), (text, most) => {
        const line = mailText(text, most);
        expect(line.length).toBeLessThanOrEqual(most);
        expect(linked(line)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("made harmless twice is the same", () => {
    fc.assert(
      fc.property(foreign, (text) => {
        expect(mailText(mailText(text, 200), 300)).toBe(mailText(text, 200));
      }),
    );
  });
});

describe("a text for a chat", () => {
  test.each([
    ["_really_ i-0a1b2c3d4e5f67890", "really `i-0a1b2c3d4e5f67890`"],
    ["nf_conntrack_max :skull: at 03:12:44 :)", "nf_conntrack_max : skull: at 03:12:44 : )"],
    [
      "undo: nat-medic undo inc-20261120t031250z-d4 --force",
      "undo: `nat-medic undo inc-20261120t031250z-d4 --force`",
    ],
    ["<!channel> <@U024BE7LH> [x](y) `rm` *b* ~s~ #c | a & b", "channel U024BE7LH x (y) rm b s c a b"],
    ["2001:db8::1 and 10.60.0.11", "`2001:db8::1` and `10.60.0.11`"],
  ])("%j", (text, line) => {
    expect(chatText(text, 200)).toBe(line);
  });

  test("holds no link, mention or markup but code around identifiers", () => {
    fc.assert(
      fc.property(foreign, fc.integer({ min: 10, max: 80 }), (text, most) => {
        const line = chatText(text, most);
        expect(line.length).toBeLessThanOrEqual(most);
        expect(linked(line.replace(/`[^`]*`/g, "x"))).toEqual([]);
        expect(mentionOrMarkup(line)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

test("a subject is printable ASCII", () => {
  expect(subjectText("Zoë's 負荷 alarm", 100)).toBe("Zoe's ?? alarm");
  fc.assert(
    fc.property(foreign, (text) => {
      expect(subjectText(text, 50)).toMatch(/^[ -~]{0,50}$/);
    }),
  );
});
