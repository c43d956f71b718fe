/** Texts that somebody hostile may have written, and what must not come of them. */
import fc from "fast-check";

const tricks = fc.constantFrom(
  "<script>alert(1)</script>",
  "[x](https://evil.example)",
  "<https://evil.example|click>",
  "<!channel> <!here> <@U024BE7LH> <#C024BE7LR>",
  "@channel @here",
  "a\r\nSubject: b",
  "\u001b[2J\u001b]8;;https://evil.example\u0007",
  "`rm -rf /` $(reboot)",
  "*b* _i_ ~s~ > q | t | # h",
  ":skull: :) ;) :100:",
  "www.evil.example",
  "evil.com",
  "EVIL.CoM/x?y=z",
  "x.evil.com_x",
  "evil.xn--p1ai",
  "mailto:a@evil.example",
  "javascript:alert(1)",
  "tel:+4930",
  "\u202Eelpmaxe.live",
  "ｗｗｗ．ｅｖｉｌ．ｅｘａｍｐｌｅ",
  "evil\u200B.example",
  "пример.рф",
  "イベル。コム",
  "אבג 100",
  "\u3164\u115F\uFFA0",
  "\uD800",
  "𠀀𠀀",
  "---",
  "1. x",
);

export const foreign: fc.Arbitrary<string> = fc.oneof(
  tricks,
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom(..."ab.c_-:;/(@<` ") }),
  fc
    .array(fc.oneof(tricks, fc.string({ unit: "binary", maxLength: 8 })), { maxLength: 8 })
    .map((all) => all.join("")),
);

/** Endings of our own dotted names. None is a top-level domain. */
const ours = /\.(conf|drop|dropped|micro|Timeout|Timedout)$/;

/** What a mail client or a chat turns into a link. */
export function linked(text: string): string[] {
  const names = text.match(/[\p{L}\p{N}_-]+\.(?:\p{L}[\p{L}\p{N}-]+)(?![\p{L}\p{N}_-])/gu) ?? [];
  const schemes = text.match(/:\/\/|\b(?:https?|ftp|file|mailto|tel|javascript|data|slack):/gi) ?? [];
  return [...names.filter((name) => !ours.test(name) && !/^net\.netfilter$/.test(name)), ...schemes];
}

/** What Slack and Teams would not show as it is written; code is looked into. */
export function mentionOrMarkup(text: string): string[] {
  const parts = text.split("`");
  const code = parts.filter((_, index) => index % 2 === 1);
  const rest = parts.filter((_, index) => index % 2 === 0).join(" ");
  return [
    ...(parts.length % 2 === 0 ? ["an open code span"] : []),
    ...code.filter((part) => !/^[A-Za-z0-9 :._-]+$/.test(part)),
    ...(rest.match(/[^\p{L}\p{N} .,:;/()=%+_'?-]/gu) ?? []),
    ...(rest.match(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu) ?? []),
    ...(rest.match(/(?<!\d):[a-z0-9_+-]+:|:\)|;\)/gi) ?? []),
  ];
}
