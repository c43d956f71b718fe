/**
 * Every text that did not come from us (alarm names, error messages, host output, a person's name and note) is made
 * harmless before anybody reads it. Nothing is ever taken out, always replaced, so that no two harmless parts join to
 * something else; compatibility forms (full-width letters and brackets, ligatures) are unfolded before, not after.
 *
 * Letters of all scripts stay, since names and notes have them. A look-alike letter can then fake a word, but never a
 * link; and texts that may run from right to left stand at the end of their line, where they reorder nothing of ours.
 */

/**
 * One line without control characters, invisible characters, markup, mentions or a link's scheme: what is kept of a
 * foreign text, and shown in a terminal. `most`: UTF-16 units.
 */
export function plainLine(text: string, most: number): string {
  const line = text
    .normalize("NFKC")
    // Some letters have no shape at all, such as the Hangul fillers.
    .replace(/[^\p{L}\p{N} .,:;/()=%+_'?-]|\p{Default_Ignorable_Code_Point}/gu, " ")
    .replace(/:\/\//g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return shortened(line, most);
}

/** Cut at the end, never within a character. */
export function shortened(line: string, most: number): string {
  if (line.length <= most) return line;
  const kept = line.slice(0, Math.max(0, most - 3)).replace(/[\uD800-\uDBFF]$/, "");
  return `${kept.trimEnd()}...`;
}

/** A plain line in which no mail client finds anything to link: neither `evil.example`, `www.evil.example` nor `mailto:x`. */
export function mailText(text: string, most: number): string {
  return fitted(most, (room) => unlinked(plainLine(text, room)));
}

/**
 * A mail text that Slack and Microsoft Teams show as it is: no emphasis, emoji or list. Our own identifiers, and
 * whatever looks like one, become code.
 */
export function chatText(text: string, most: number): string {
  return fitted(most, (room) =>
    mailText(text, room)
      .split(identifier)
      .map((part, index) => (index % 2 === 1 ? `\`${part}\`` : withoutMarkup(part)))
      .join("")
      .replace(/ +/g, " ")
      .trim(),
  );
}

/** What SNS takes as a subject: printable ASCII. Letters lose their accents; those of other scripts become `?`. */
export function subjectText(text: string, most: number): string {
  return fitted(most, (room) =>
    mailText(text, room)
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .replace(/[^ -~]/gu, "?"),
  );
}

/** Making a text harmless can lengthen it, and cutting it afterwards can make it harmful again: so it is cut before. */
function fitted(most: number, make: (room: number) => string): string {
  let room = most;
  let made = make(room);
  while (made.length > most && room > 0) {
    room -= made.length - most;
    made = make(room);
  }
  return made;
}

const word = /[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+/gu;
const linkScheme =
  /\b(https?|ftps?|sftp|ssh|file|mailto|tel|sms|callto|facetime|skype|slack|msteams|javascript|vbscript|data|blob|smb|webcal|magnet|irc|news|xmpp):/gi;

/** As security people write it: `evil(.)example`. A dot before a digit belongs to a number or an address. */
function unlinked(line: string): string {
  return line
    .replace(word, (name) => (isOurs(name) ? name : name.replace(/\.(?=[\p{L}_-])/gu, "(.)")))
    .replace(linkScheme, "$1 ");
}

/** Dotted names of ours, which are worth copying and end in no top-level domain: settings, error counters, files. */
const ourNames = [
  /^net\.netfilter\.nf_conntrack_[a-z_]+$/,
  /^(conntrack|softnet)\.(drop|dropped|early_drop|insert_failed|chain_too_long)$/,
  /^[a-z0-9]+\.([a-z_]+_allowance_exceeded|[rt]x_dropped)$/,
  /^[A-Za-z]+\.(ReasmFails|FragFails|InDiscards|OutDiscards|OutNoRoutes|IPReversePathFilter)$/,
  /^[a-z0-9-]+\.conf$/,
  /^(sysctl|modprobe|modules-load)\.d$/,
  // Errors of AWS, and instance types.
  /^(States|Lambda|Sandbox|Runtime|SNS)\.[A-Z][A-Za-z]*(Exception|Error|Timeout|TaskFailed|Exceeded)$|^(States\.Timeout|Sandbox\.Timedout)$/,
  /^[a-z0-9-]+\.(nano|micro|small|medium|large|xlarge|metal)$/,
];

function isOurs(name: string): boolean {
  return ourNames.some((pattern) => pattern.test(name));
}

/** With one group, so that `split` gives text and identifier by turns. */
const identifier =
  /(\bnat-medic (?:approve|reject|show|undo) inc-[a-z0-9-]{8,60}(?: --force)?|\bnat-medic diagnose --instance i-[0-9a-f]{8,17}(?: --place \d{12}\/[a-z0-9-]{5,25})?(?: --mode approve)?|\binc-[a-z0-9-]{8,60}|\bi-[0-9a-f]{8,17}\b|\bnat-medic:[a-z]+\b|\bnet\.netfilter\.nf_conntrack_[a-z_]+\b|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?!\d\d:\d\d:\d\d\b)[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7})/;

function withoutMarkup(text: string): string {
  return (
    text
      // Emphasis begins and ends where a word does.
      .replace(/(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, " ")
      // `:name:` is an emoji and `:)` too; 03:12:44 is neither.
      .replace(/(?<=\b\d\d):(?=\d\d\b)|([:;])(?=\S)/g, (mark, emoji) =>
        emoji === undefined ? mark : `${mark} `,
      )
  );
}
